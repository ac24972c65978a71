// Asks whether a new password is known from a breach, by k-anonymity: the first five of the forty hexadecimal digits of
// its SHA-1 go out, and the answer lists the rest of all that begin so (the range API of Have I Been Pwned; Better Auth
// 1.7.25, plugin haveibeenpwned). Before a password is set. A service that does not answer stops nobody: that is
// counted, and told once.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "auth/feature.hpp"
#include "base/awaitable.hpp"
#include "base/clock.hpp"
#include "config/configuration.hpp"
#include "outbound/http_client.hpp"

namespace gatehouse::auth {

// Of a whole question: somebody waits for the answer.
inline constexpr std::chrono::milliseconds kBreachedPasswordTime{1'000};
// Padded answers have about 40 KiB.
inline constexpr std::size_t kBreachedPasswordAnswerMax = 256 * 1024;

// Any thread.
class BreachedPasswords {
 public:
  // All outlive it.
  BreachedPasswords(const config::BreachedPasswordSettings& settings, outbound::HttpClient& http, const Clock& clock);

  // False also where nobody could be asked.
  Awaitable<bool> contains(std::string password);

  struct Counts {
    std::uint64_t clean = 0;
    std::uint64_t breached = 0;
    std::uint64_t unanswered = 0;  // let through without an answer
    bool works = true;
  };
  Counts counts() const;

 private:
  void note_failure(const char* what);

  const std::string url_;
  const outbound::Reach reach_;
  outbound::HttpClient& http_;
  const Clock& clock_;
  std::atomic<std::uint64_t> clean_{0};
  std::atomic<std::uint64_t> breached_{0};
  std::atomic<std::uint64_t> unanswered_{0};
  std::atomic<unsigned> failures_{0};  // in a row
  std::atomic<SteadyTime> asked_from_{};
};

// For endpoints, before a password is hashed that is to be set. An error answers the call.
Awaitable<Result<void>> check_breached(const EndpointCall& call, std::string password);

// Whether a range answer has a suffix (35 hexadecimal digits, upper case). Lines of "SUFFIX:COUNT"; a count of 0 is
// padding. Absent: it is no such answer.
std::optional<bool> find_in_range(std::string_view answer, std::string_view suffix);

}  // namespace gatehouse::auth
