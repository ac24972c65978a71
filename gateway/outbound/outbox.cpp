#include "outbound/outbox.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "base/iso_time.hpp"
#include "base/log.hpp"

namespace gatehouse::outbound {

Outbox::Outbox(std::string folder) : folder_(std::move(folder)) {
  if (::mkdir(folder_.c_str(), 0700) != 0 && errno != EEXIST)
    throw std::runtime_error(fmt::format("cannot make {}: {}", folder_, std::strerror(errno)));
}

// The name sorts by time; what follows tells mails of the same millisecond apart. It appears with the whole mail only:
// whoever watches the folder never reads a part.
Delivery Outbox::deliver(const MailMessage& message) {
  const std::string path = fmt::format("{}/{}_{}.eml", folder_, to_iso(message.date), message.id.substr(0, 8));
  const std::string unfinished = path + ".part";
  const std::string content = message.to_text();
  const int descriptor = ::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  bool written =
      descriptor >= 0 && ::write(descriptor, content.data(), content.size()) == static_cast<ssize_t>(content.size());
  written = written && ::rename(unfinished.c_str(), path.c_str()) == 0;
  const int error = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (!written) return {Delivery::Outcome::try_later, fmt::format("cannot write {}: {}", path, std::strerror(error))};
  log::info("mail for {} in {}:\n{}\n{}", message.to, path, message.subject, message.text);
  return {};
}

}  // namespace gatehouse::outbound
