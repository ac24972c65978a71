#include "outbound/smtp_transport.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <array>
#include <cstring>

#include "base/check.hpp"
#include "outbound/curl_library.hpp"

namespace gatehouse::outbound {

using Tls = config::MailSettings::Tls;

namespace {

struct Upload {
  std::string_view rest;
};

std::size_t read_upload(char* buffer, std::size_t size, std::size_t count, void* from) {
  auto& upload = *static_cast<Upload*>(from);
  const std::size_t length = std::min(size * count, upload.rest.size());
  std::memcpy(buffer, upload.rest.data(), length);
  upload.rest.remove_prefix(length);
  return length;
}

// Anything but 0 ends the transfer.
int check_stop(void* stop_by, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const auto deadline = static_cast<const std::atomic<SteadyTime>*>(stop_by)->load(std::memory_order_relaxed);
  return std::chrono::steady_clock::now() >= deadline ? 1 : 0;
}

// 5yz is for good, but not in place of the greeting, to a sign-in or from a server that has no TLS: people repair
// those.
bool is_refusal(CURLcode code, long reply, bool text_was_sent) {
  const bool about_the_mail =
      code == CURLE_SEND_ERROR || code == CURLE_UPLOAD_FAILED || (code == CURLE_WEIRD_SERVER_REPLY && text_was_sent);
  return about_the_mail && reply >= 500 && reply <= 599;
}

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

}  // namespace

struct SmtpTransport::Handle {
  Handle() : easy(curl_easy_init()) { GATEHOUSE_CHECK(easy != nullptr); }
  ~Handle() { curl_easy_cleanup(easy); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  template <class Value>
  void set(CURLoption option, Value value) {
    GATEHOUSE_CHECK(curl_easy_setopt(easy, option, value) == CURLE_OK);
  }

  CURL* easy;
  std::array<char, CURL_ERROR_SIZE> error{};
};

SmtpTransport::SmtpTransport(const config::MailSettings& settings, std::string client_name)
    : settings_(settings), client_name_(std::move(client_name)) {
  start_curl();
  handle_ = std::make_unique<Handle>();
  Handle& curl = *handle_;
  const bool implicit = settings_.tls_or_default() == Tls::implicit;
  const std::string url = fmt::format("{}://{}:{}/{}", implicit && !settings_.insecure_plain ? "smtps" : "smtp",
                                      settings_.host, settings_.port, client_name_);
  curl.set(CURLOPT_URL, url.c_str());
  curl.set(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  curl.set(CURLOPT_PROXY, "");
  curl.set(CURLOPT_NOSIGNAL, 1L);
  curl.set(CURLOPT_ERRORBUFFER, curl.error.data());
  curl.set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(settings_.timeout.count() * 1000 / 2));
  curl.set(CURLOPT_TIMEOUT_MS, static_cast<long>(settings_.timeout.count() * 1000));
  curl.set(CURLOPT_USE_SSL, static_cast<long>(settings_.insecure_plain ? CURLUSESSL_NONE : CURLUSESSL_ALL));
  curl.set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl.set(CURLOPT_SSL_VERIFYPEER, settings_.insecure_skip_verify ? 0L : 1L);
  curl.set(CURLOPT_SSL_VERIFYHOST, settings_.insecure_skip_verify ? 0L : 2L);
  if (!settings_.ca.empty()) curl.set(CURLOPT_CAINFO, settings_.ca.c_str());
  if (!settings_.user.empty()) {
    curl.set(CURLOPT_USERNAME, settings_.user.c_str());
    curl.set(CURLOPT_PASSWORD, settings_.password.reveal().c_str());
    curl.set(CURLOPT_LOGIN_OPTIONS, "AUTH=PLAIN;AUTH=LOGIN");
  }
  curl.set(CURLOPT_UPLOAD, 1L);
  curl.set(CURLOPT_READFUNCTION, &read_upload);
  curl.set(CURLOPT_NOPROGRESS, 0L);
  curl.set(CURLOPT_XFERINFOFUNCTION, &check_stop);
  curl.set(CURLOPT_XFERINFODATA, static_cast<void*>(&stop_by_));
}

SmtpTransport::~SmtpTransport() = default;

Delivery SmtpTransport::deliver(const MailMessage& message) {
  Handle& curl = *handle_;
  const std::string text = message.to_text();
  Upload upload{text};
  const std::unique_ptr<curl_slist, FreeList> recipients(curl_slist_append(nullptr, message.to.c_str()));
  curl.set(CURLOPT_MAIL_FROM, message.from.address.c_str());
  curl.set(CURLOPT_MAIL_RCPT, recipients.get());
  curl.set(CURLOPT_READDATA, static_cast<void*>(&upload));
  curl.set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(text.size()));
  curl.error[0] = '\0';
  const CURLcode code = curl_easy_perform(curl.easy);
  long reply = 0;
  curl_easy_getinfo(curl.easy, CURLINFO_RESPONSE_CODE, &reply);
  curl.set(CURLOPT_MAIL_RCPT, static_cast<curl_slist*>(nullptr));
  if (code == CURLE_OK) return {};
  const char* detail = curl.error[0] != '\0' ? curl.error.data() : curl_easy_strerror(code);
  return {is_refusal(code, reply, upload.rest.size() < text.size()) ? Delivery::Outcome::refused
                                                                    : Delivery::Outcome::try_later,
          fmt::format("{}:{}: {}", settings_.host, settings_.port, detail)};
}

}  // namespace gatehouse::outbound
