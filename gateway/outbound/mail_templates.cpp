#include "outbound/mail_templates.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>

#include "base/ascii.hpp"
#include "base/html_text.hpp"
#include "base/utf8.hpp"
#include "gatehouse_mail_templates.hpp"

namespace gatehouse::outbound {

namespace {

using Values = std::map<std::string, std::string, std::less<>>;

constexpr std::size_t kFileBytesMax = 256 * 1024;
constexpr std::size_t kNameBytesMax = 64;
constexpr std::array kKinds{Mail::Kind::reset_password, Mail::Kind::verify_email, Mail::Kind::change_email_confirmation,
                            Mail::Kind::delete_account};
constexpr std::array<std::string_view, 6> kValues{"app_name", "name", "email", "new_email", "url", "lifetime"};

std::string_view find_embedded(std::string_view file) {
  for (const auto& embedded : gatehouse_mail_templates()) {
    if (embedded.path == file) return embedded.content;
  }
  throw std::runtime_error(fmt::format("there is no template {}", file));
}

// Absent: there is no such file.
std::optional<std::string> read_own(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    if (errno == ENOENT) return std::nullopt;
    throw std::runtime_error(fmt::format("{} cannot be read: {}", path, std::strerror(errno)));
  }
  std::string content{std::istreambuf_iterator<char>(file), {}};
  if (content.size() > kFileBytesMax) throw std::runtime_error(fmt::format("{} is larger than 256 KiB", path));
  if (!is_utf8(content)) throw std::runtime_error(fmt::format("{} is not UTF-8", path));
  return content;
}

// Calls `text` with what stands between the names, `value` with each name.
void scan(std::string_view source, const auto& text, const auto& value) {
  while (true) {
    const auto open = source.find("{{");
    text(source.substr(0, open));
    if (open == std::string_view::npos) return;
    const auto close = source.find("}}", open);
    if (close == std::string_view::npos) throw std::runtime_error("has a {{ without its }}");
    value(trim(source.substr(open + 2, close - open - 2)));
    source.remove_prefix(close + 2);
  }
}

void check_names(std::string_view file, std::string_view source, bool needs_url) {
  bool has_url = false;
  try {
    scan(
        source, [](std::string_view) {},
        [&](std::string_view name) {
          if (std::ranges::find(kValues, name) == kValues.end())
            throw std::runtime_error(
                fmt::format("has {{{{{}}}}}, which is none of {{{{{}}}}}", name, fmt::join(kValues, "}}, {{")));
          has_url |= name == "url";
        });
    if (needs_url && !has_url) throw std::runtime_error("has no {{url}}: nobody could follow the link");
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(fmt::format("{} {}", file, error.what()));
  }
}

std::string fill_in(std::string_view source, const Values& values, bool html) {
  std::string out;
  scan(
      source, [&](std::string_view text) { out += text; },
      [&](std::string_view name) {
        const std::string& value = values.find(name)->second;
        if (html) {
          append_html_text(out, value);
        } else {
          out += value;
        }
      });
  return out;
}

std::string describe_lifetime(std::chrono::milliseconds life) {
  const auto minutes = std::chrono::round<std::chrono::minutes>(life).count();
  const auto count = [](std::int64_t number, std::string_view unit) {
    return fmt::format("{} {}{}", number, unit, number == 1 ? "" : "s");
  };
  if (minutes >= 48 * 60) return count(minutes / (24 * 60), "day");
  if (minutes >= 60 && minutes % 60 == 0) return count(minutes / 60, "hour");
  if (minutes >= 180) return count(minutes / 60, "hour");
  return count(std::max<std::int64_t>(minutes, 1), "minute");
}

// U+0080 to U+009F, and what separates lines or turns the direction of a text: U+2028 to U+202E, U+2066 to U+2069.
bool has_invisible(std::string_view text) {
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    const auto first = static_cast<unsigned char>(text[i]), second = static_cast<unsigned char>(text[i + 1]);
    const auto third = static_cast<unsigned char>(i + 2 < text.size() ? text[i + 2] : 0);
    if (first == 0xC2 && second <= 0x9F) return true;
    if (first == 0xE2 && second == 0x80 && third >= 0xA8 && third <= 0xAE) return true;
    if (first == 0xE2 && second == 0x81 && third >= 0xA6 && third <= 0xA9) return true;
  }
  return false;
}

}  // namespace

std::string_view to_string(Mail::Kind kind) {
  switch (kind) {
    case Mail::Kind::reset_password:
      return "reset_password";
    case Mail::Kind::verify_email:
      return "verify_email";
    case Mail::Kind::change_email_confirmation:
      return "change_email_confirmation";
    case Mail::Kind::delete_account:
      break;
  }
  return "delete_account";
}

std::string greeting_name(const Mail& mail) {
  const std::string name = without_controls(trim(mail.name));
  bool suspicious = name.empty() || name.size() > kNameBytesMax || has_invisible(name);
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (std::string_view("/\\:@<>&[](){}%=").find(name[i]) != std::string_view::npos) suspicious = true;
    // "example.com" becomes a link in many readers, "Dr. Ann" does not.
    if (name[i] == '.' && i + 1 < name.size() && name[i + 1] != ' ') suspicious = true;
  }
  return suspicious ? mail.to : name;
}

MailTemplates::MailTemplates(std::string app_name, const std::string& folder) : app_name_(without_controls(app_name)) {
  for (const auto kind : kKinds) {
    const auto load = [&](std::string_view ending) {
      const std::string file = std::string(to_string(kind)) + std::string(ending);
      const auto own = folder.empty() ? std::nullopt : read_own(folder + "/" + file);
      std::string content = own ? *own : std::string(find_embedded(file));
      std::erase(content, '\r');
      check_names(own ? folder + "/" + file : file, content, true);
      return content;
    };
    std::string text = load(".txt");
    const auto line_end = std::min(text.find('\n'), text.size());
    const std::string_view first = std::string_view(text).substr(0, line_end);
    if (!first.starts_with("Subject: "))
      throw std::runtime_error(fmt::format("{}.txt does not begin with \"Subject: \"", to_string(kind)));
    Texts& texts = texts_[kind];
    texts.subject = first.substr(9);
    texts.text = text.substr(std::min(text.find_first_not_of('\n', line_end), text.size()));
    texts.html = load(".html");
  }
}

MailMessage MailTemplates::write(const Mail& mail, WallTime now) const {
  const Values values{
      {"app_name", app_name_},
      {"name", greeting_name(mail)},
      {"email", mail.to},
      {"new_email", without_controls(mail.new_email)},
      {"url", mail.url},
      {"lifetime", describe_lifetime(mail.expires_at ? *mail.expires_at - now : std::chrono::hours{1})}};
  const Texts& texts = texts_.at(mail.kind);
  MailMessage message;
  message.to = mail.to;
  message.subject = fill_in(texts.subject, values, false);
  message.text = fill_in(texts.text, values, false);
  message.html = fill_in(texts.html, values, true);
  message.date = now;
  return message;
}

}  // namespace gatehouse::outbound
