#include "pipeline/sign_in_risk.hpp"

#include "base/ascii.hpp"

namespace gatehouse::pipeline {

namespace {

enum Scope : std::uint32_t { kAddress, kAccount };

std::string key_of(const IpAddress& address) {
  return address.is_v4() ? address.to_string() : address.masked(64).to_string();
}

}  // namespace

SignInRisk::SignInRisk(const config::TurnstileRisk& settings, Random& random, std::size_t entries)
    : rule_{.limit = settings.failures, .window = settings.window, .by = {}}, attempts_(random, entries) {}

bool SignInRisk::count_address(const IpAddress& address, SteadyTime now) {
  return !attempts_.take(rule_, kAddress, key_of(address), now).allowed;
}

void SignInRisk::forget_address(const IpAddress& address, SteadyTime now) {
  attempts_.give_back(rule_, kAddress, key_of(address), now);
}

bool SignInRisk::count_account(std::string_view email, SteadyTime now) {
  return !attempts_.take(rule_, kAccount, to_lower(email), now).allowed;
}

void SignInRisk::forget_account(std::string_view email, SteadyTime now) {
  attempts_.give_back(rule_, kAccount, to_lower(email), now);
}

bool SignInRisk::is_risky(const IpAddress& address, std::string_view email, SteadyTime now) const {
  return attempts_.is_exhausted(rule_, kAddress, key_of(address), now) ||
         (!email.empty() && attempts_.is_exhausted(rule_, kAccount, to_lower(email), now));
}

SignInAttempt::SignInAttempt(SignInRisk& risk, const IpAddress& address, SteadyTime now)
    : risk_(risk), address_(address), now_(now), address_is_risky_(risk.count_address(address, now)) {}

SignInAttempt::~SignInAttempt() {
  if (!counts_address_ && !address_is_risky_) risk_.forget_address(address_, now_);
  if (!counts_account_ && !account_.empty() && !account_is_risky_) risk_.forget_account(account_, now_);
}

void SignInAttempt::name_account(std::string_view email) {
  if (email.empty()) return;
  account_ = email;
  account_is_risky_ = risk_.count_account(email, now_);
}

}  // namespace gatehouse::pipeline
