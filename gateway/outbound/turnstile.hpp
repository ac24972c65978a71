// Asks Cloudflare whether a Turnstile token shows a person: the siteverify call of
// https://developers.cloudflare.com/turnstile/get-started/server-side-validation/. Fails closed: whatever is no clear
// yes lets nobody through.
//
// A token counts once. That is kept by siteverify alone, for all gateways: every verification has an idempotency key of
// its own, which only the repetition of the same call shares.
#pragma once
#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/awaitable.hpp"
#include "base/random.hpp"
#include "config/configuration.hpp"
#include "outbound/http_client.hpp"

namespace gatehouse::outbound {

inline constexpr std::string_view kSiteverifyUrl = "https://challenges.cloudflare.com/turnstile/v0/siteverify";
// Cloudflare's own limit of a token, in bytes. What is longer is refused without a call.
inline constexpr std::size_t kTurnstileTokenMax = 2048;
// Where a token stands in a request's head; the first that is not empty counts.
inline constexpr std::array<std::string_view, 2> kTurnstileTokenFields{"x-captcha-response", "cf-turnstile-response"};
// The one of them that Cloudflare's widget adds to the form that it stands in.
inline constexpr std::string_view kTurnstileFormField = kTurnstileTokenFields[1];
// Of a whole verification. Somebody who waits for an answer gets one within three seconds.
inline constexpr std::chrono::milliseconds kTurnstileTime{2'800};

class Turnstile {
 public:
  enum class Verdict { passed, refused, wrong_hostname, wrong_action };

  // Both outlive it. Any thread may use it.
  Turnstile(const config::Gateway& gateway, HttpClient& http, Random& random);

  // `remote_address` is empty where it is not known. Throws Failure(503): turnstile_unavailable where there was no
  // answer in time, or none that can be read; turnstile_misconfigured where Cloudflare does not know the secret key.
  Awaitable<Verdict> verify(std::string token, std::string remote_address) const;

 private:
  Verdict judge(const HttpResponse& response) const;

  const std::string url_;
  const Reach reach_;
  const Secret secret_key_;
  const std::vector<std::string> hostnames_;
  const std::string action_;
  HttpClient& http_;
  Random& random_;
};

// The token among header fields, "" where there is none. `find(name)` gives the value of a field, if there is one.
template <class Find>
std::string_view find_turnstile_token(Find find) {
  for (const std::string_view name : kTurnstileTokenFields) {
    if (const auto token = find(name); token && !token->empty()) return *token;
  }
  return {};
}

// Whether siteverify need be asked at all: visible ASCII of at most kTurnstileTokenMax bytes.
bool can_be_turnstile_token(std::string_view text);

// Where tokens may have been made: the configured hostnames; where there are none, those of base_url, `hosts` and the
// trusted origins that are no patterns.
std::vector<std::string> list_turnstile_hostnames(const config::Gateway& gateway);

// Of the access log; "" for `passed`.
std::string_view reason_of(Turnstile::Verdict verdict);

}  // namespace gatehouse::outbound
