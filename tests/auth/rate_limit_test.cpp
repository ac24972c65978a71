// Which rule counts a request of an auth endpoint, and the counts in memory. Expected values are the reference's.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "auth/rate_limit_memory.hpp"
#include "auth/rate_limit_rules.hpp"
#include "auth/wildcard.hpp"

using namespace gatehouse;
using namespace gatehouse::auth;
using config::AuthRateRule;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

std::string rule_of(const config::AuthRateLimit& settings, std::string_view path) {
  const auto bucket = choose_bucket(settings, normalize_rate_path(path));
  if (!bucket) return "not limited";
  return std::to_string(bucket->rule.max) + " in " + std::to_string(bucket->rule.window.count()) + " s of " +
         std::string(bucket->name);
}

}  // namespace

TEST_CASE("sign-in, sign-up, changes and what sends mails have tighter rules than the rest") {
  const config::AuthRateLimit settings;
  CHECK(rule_of(settings, "/ok") == "100 in 10 s of *");
  CHECK(rule_of(settings, "") == "100 in 10 s of *");
  CHECK(rule_of(settings, "/sign-in/email") == "3 in 10 s of /sign-in*");
  CHECK(rule_of(settings, "/sign-in/email///") == "3 in 10 s of /sign-in*");
  CHECK(rule_of(settings, "/sign-up/email") == "3 in 10 s of /sign-up*");
  CHECK(rule_of(settings, "/change-password") == "3 in 10 s of /change-password*");
  CHECK(rule_of(settings, "/change-email") == "3 in 10 s of /change-email*");
  CHECK(rule_of(settings, "/request-password-reset") == "3 in 60 s of /request-password-reset");
  CHECK(rule_of(settings, "/request-password-reset/x") == "100 in 10 s of *");
  CHECK(rule_of(settings, "/send-verification-email") == "3 in 60 s of /send-verification-email");
  CHECK(rule_of(settings, "/email-otp/send-verification-otp") == "3 in 60 s of /email-otp/send-verification-otp");
  CHECK(longest_window(settings) == seconds(60));
}

TEST_CASE("custom rules come before all others, the first that matches counts, and false switches off") {
  config::AuthRateLimit settings;
  settings.custom_rules = {{"/ok", AuthRateRule{seconds(5), 2}},
                           {"/sign-in/*", AuthRateRule{seconds(90), 1}},
                           {"/sign-in/email", AuthRateRule{seconds(1), 50}},
                           {"/get-session", std::nullopt}};
  CHECK(rule_of(settings, "/ok") == "2 in 5 s of /ok");
  CHECK(rule_of(settings, "/ok/x") == "100 in 10 s of *");
  CHECK(rule_of(settings, "/sign-in/email") == "1 in 90 s of /sign-in/*");
  CHECK(rule_of(settings, "/sign-in/a/b") == "3 in 10 s of /sign-in*");
  CHECK(rule_of(settings, "/get-session") == "not limited");
  CHECK(longest_window(settings) == seconds(90));
}

TEST_CASE("a star stays within its segment, two stars are any number of segments") {
  CHECK(matches_path_wildcard("/list-*", "/list-sessions"));
  CHECK(matches_path_wildcard("/list-*", "/list-"));
  CHECK_FALSE(matches_path_wildcard("/list-*", "/list-sessions/x"));
  CHECK_FALSE(matches_path_wildcard("/list-*", "/a/list-x"));
  CHECK(matches_path_wildcard("/*/email", "/sign-in/email"));
  CHECK_FALSE(matches_path_wildcard("/*/email", "/email"));
  CHECK(matches_path_wildcard("/a*?c", "/abbc"));
  CHECK(matches_path_wildcard("/**", "/"));
  CHECK(matches_path_wildcard("/**", "/a/b/c"));
  CHECK(matches_path_wildcard("/a/**", "/a"));
  CHECK(matches_path_wildcard("/a/**", "/a/b/c"));
  CHECK_FALSE(matches_path_wildcard("/a/**", "/ab"));
  CHECK(matches_path_wildcard("/**/z", "/a/b/z"));
  CHECK(matches_path_wildcard("/**/z", "/z"));
  CHECK_FALSE(matches_path_wildcard("/**/z", "/a/b/zz"));
  CHECK(matches_path_wildcard("/a/**/b/**/c", "/a/1/b/2/3/b/c"));
  CHECK_FALSE(matches_path_wildcard("/a/**/b/**/c", "/a/1/2/c"));
}

TEST_CASE("each request that passes begins the window anew, refused ones do not") {
  ManualClock clock;
  RateLimitMemory memory(clock);
  const AuthRateRule rule{seconds(5), 2};
  CHECK_FALSE(memory.take("a", rule));
  clock.advance(milliseconds(2600));
  CHECK_FALSE(memory.take("a", rule));
  clock.advance(milliseconds(2600));
  CHECK(memory.take("a", rule) == seconds(3));
  CHECK_FALSE(memory.take("b", rule));
  clock.advance(milliseconds(2399));
  CHECK(memory.take("a", rule) == seconds(1));
  clock.advance(milliseconds(1));
  CHECK_FALSE(memory.take("a", rule));
}

TEST_CASE("of 50 at once no more than the limit pass") {
  ManualClock clock;
  RateLimitMemory memory(clock);
  std::atomic<int> passed{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 50; ++i)
      threads.emplace_back([&] { passed += memory.take("192.0.2.1|/sign-in/email", {seconds(10), 5}) ? 0 : 1; });
  }
  CHECK(passed == 5);
}

TEST_CASE("a million addresses do not take more memory than was agreed") {
  ManualClock clock;
  RateLimitMemory memory(clock, 640);
  for (int i = 0; i < 1'000'000; ++i) static_cast<void>(memory.take(std::to_string(i), {seconds(10), 3}));
  CHECK(memory.size() <= 640);
  clock.advance(seconds(10));
  for (int i = 0; i < 2'000; ++i) static_cast<void>(memory.take("new" + std::to_string(i), {seconds(10), 3}));
  CHECK(memory.size() <= 640);
}
