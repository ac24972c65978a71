// How many attempts to sign in have failed of late, by address and by account: what `turnstile: on_risk` goes by. A
// table of fixed size in this process, shared by all threads; other gateways count for themselves.
//
// An attempt counts when it begins and is taken back when it succeeds, so that a burst of parallel guesses is a risk
// from the same number on as guesses one after the other.
#pragma once
#include <string>
#include <string_view>

#include "base/ip_address.hpp"
#include "pipeline/rate_limiter.hpp"

namespace gatehouse::pipeline {

class SignInRisk {
 public:
  SignInRisk(const config::TurnstileRisk& settings, Random& random, std::size_t entries = 16'384);

  // IPv6 addresses count by /64. True: too many already, and nothing was counted.
  bool count_address(const IpAddress& address, SteadyTime now);
  void forget_address(const IpAddress& address, SteadyTime now);

  // `email` in any letter case.
  bool count_account(std::string_view email, SteadyTime now);
  void forget_account(std::string_view email, SteadyTime now);

  // Whether who comes from there, or who is signed in as this account ("": nobody), is a risk. Counts nothing.
  bool is_risky(const IpAddress& address, std::string_view email, SteadyTime now) const;

 private:
  const config::RateLimit rule_;
  RateLimiter attempts_;
};

// One attempt under way. What it has counted is taken back at its end, as far as nobody has said what came of it.
class SignInAttempt {
 public:
  // `risk` outlives it.
  SignInAttempt(SignInRisk& risk, const IpAddress& address, SteadyTime now);
  ~SignInAttempt();
  SignInAttempt(const SignInAttempt&) = delete;
  SignInAttempt& operator=(const SignInAttempt&) = delete;

  // Once. The account is told as soon as it is known.
  void name_account(std::string_view email);
  bool is_risky() const { return address_is_risky_ || account_is_risky_; }
  void has_failed() { counts_address_ = counts_account_ = true; }
  // Its answer is the same whatever was meant by it: it counts for the address alone.
  void has_ended() { counts_address_ = true; }

 private:
  SignInRisk& risk_;
  const IpAddress address_;
  const SteadyTime now_;
  std::string account_;
  const bool address_is_risky_;
  bool account_is_risky_ = false;
  bool counts_address_ = false;
  bool counts_account_ = false;
};

}  // namespace gatehouse::pipeline
