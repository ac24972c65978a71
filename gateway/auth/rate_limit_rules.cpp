#include "auth/rate_limit_rules.hpp"

#include <algorithm>
#include <array>

#include "auth/wildcard.hpp"

namespace gatehouse::auth {

namespace {

using std::chrono::seconds;

struct SpecialRule {
  std::string_view path;  // with a '*' at its end: whatever begins so
  config::AuthRateRule rule;
};

constexpr config::AuthRateRule kPasswords{seconds(10), 3};
constexpr config::AuthRateRule kMails{seconds(60), 3};
constexpr std::array kSpecialRules{
    SpecialRule{"/sign-in*", kPasswords},
    SpecialRule{"/sign-up*", kPasswords},
    SpecialRule{"/change-password*", kPasswords},
    SpecialRule{"/change-email*", kPasswords},
    SpecialRule{"/request-password-reset", kMails},
    SpecialRule{"/send-verification-email", kMails},
    SpecialRule{"/forget-password*", kMails},
    SpecialRule{"/email-otp/send-verification-otp", kMails},
    SpecialRule{"/email-otp/request-password-reset", kMails},
};

bool is_for(const SpecialRule& special, std::string_view path) {
  return special.path.ends_with('*') ? path.starts_with(special.path.substr(0, special.path.size() - 1))
                                     : path == special.path;
}

bool is_for(const config::AuthRateLimit::CustomRule& custom, std::string_view path) {
  return custom.path.contains('*') ? matches_path_wildcard(custom.path, path) : path == custom.path;
}

}  // namespace

std::string_view normalize_rate_path(std::string_view path) {
  const auto last = path.find_last_not_of('/');
  return last == std::string_view::npos ? std::string_view("/") : path.substr(0, last + 1);
}

std::optional<RateBucket> choose_bucket(const config::AuthRateLimit& settings, std::string_view path) {
  for (const auto& custom : settings.custom_rules) {
    if (!is_for(custom, path)) continue;
    return custom.rule ? std::optional(RateBucket{*custom.rule, custom.path}) : std::nullopt;
  }
  for (const auto& special : kSpecialRules) {
    if (is_for(special, path)) return RateBucket{special.rule, special.path};
  }
  return RateBucket{{settings.window, settings.max}, "*"};
}

std::chrono::seconds longest_window(const config::AuthRateLimit& settings) {
  seconds longest = std::max(settings.window, kMails.window);
  for (const auto& custom : settings.custom_rules) {
    if (custom.rule) longest = std::max(longest, custom.rule->window);
  }
  return longest;
}

}  // namespace gatehouse::auth
