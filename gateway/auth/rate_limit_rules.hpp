// Which rule an auth endpoint's requests are counted by, and under which name (Better Auth 1.7.25,
// api/rate-limiter): the default, tightened for sign-in, sign-up, changes of the account and what sends mails;
// `custom_rules` override both.
#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "config/configuration.hpp"

namespace gatehouse::auth {

struct RateBucket {
  config::AuthRateRule rule;
  std::string_view name;  // of the rule, where one address has several paths in one bucket: "/sign-in*", "*"
};

// The path that rules are about: slashes at the end do not count. "/" for none.
std::string_view normalize_rate_path(std::string_view path);

// `path` is normalized. Absent: not limited.
std::optional<RateBucket> choose_bucket(const config::AuthRateLimit& settings, std::string_view path);

// The longest window of all rules: a row that was counted longer ago says nothing.
std::chrono::seconds longest_window(const config::AuthRateLimit& settings);

}  // namespace gatehouse::auth
