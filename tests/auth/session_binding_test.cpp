#include "auth/session_binding.hpp"

#include <doctest/doctest.h>

using namespace gatehouse;
using namespace gatehouse::auth;

namespace {

BindingMismatch judge(config::SessionBinding binding, std::optional<std::string> began_at,
                      std::optional<std::string> began_with, std::string_view address, std::string_view user_agent) {
  Session session;
  session.ip_address = std::move(began_at);
  session.user_agent = std::move(began_with);
  return find_mismatch(binding, session, {user_agent, parse_ip(address)});
}

BindingMismatch judge_address(std::optional<std::string> began_at, std::string_view address) {
  return judge({.address_prefix = true}, std::move(began_at), "A", address, "B");
}

BindingMismatch judge_user_agent(std::optional<std::string> began_with, std::string_view user_agent) {
  return judge({.user_agent = true}, "192.0.2.1", std::move(began_with), "198.51.100.1", user_agent);
}

}  // namespace

TEST_CASE("a session that is bound to nothing is used from anywhere") {
  CHECK(judge({}, "192.0.2.1", "A", "198.51.100.1", "B") == BindingMismatch::none);
}

TEST_CASE("a session that is bound to its network is used from the same /24, or /64 of IPv6") {
  CHECK(judge_address("192.0.2.1", "192.0.2.200") == BindingMismatch::none);
  CHECK(judge_address("192.0.2.1", "192.0.3.1") == BindingMismatch::address);
  CHECK(judge_address("2001:0db8:0001:0002:0000:0000:0000:0000", "2001:db8:1:2:3:4:5:6") == BindingMismatch::none);
  CHECK(judge_address("2001:0db8:0001:0002:0000:0000:0000:0000", "2001:db8:1:3::1") == BindingMismatch::address);
  CHECK(judge_address("192.0.2.1", "2001:db8::1") == BindingMismatch::address);
  CHECK(judge_address("192.0.2.1", "") == BindingMismatch::address);
}

TEST_CASE("a session whose address nobody knows is bound to none") {
  CHECK(judge_address(std::nullopt, "192.0.2.1") == BindingMismatch::none);
  CHECK(judge_address("", "192.0.2.1") == BindingMismatch::none);
  CHECK(judge_address("unknown", "192.0.2.1") == BindingMismatch::none);
}

TEST_CASE("a session that is bound to its browser is used with the same user agent") {
  CHECK(judge_user_agent("Test/1.0", "Test/1.0") == BindingMismatch::none);
  CHECK(judge_user_agent("Test/1.0", "Test/1.1") == BindingMismatch::user_agent);
  CHECK(judge_user_agent("Test/1.0", "") == BindingMismatch::user_agent);
  CHECK(judge_user_agent("", "Test/1.0") == BindingMismatch::user_agent);
  CHECK(judge_user_agent("", "") == BindingMismatch::none);
  CHECK(judge_user_agent(std::nullopt, "Test/1.0") == BindingMismatch::none);
  CHECK(judge_user_agent("Test/\xEF\xBF\xBD", "Test/\xff") == BindingMismatch::none);
}

TEST_CASE("a user agent that a column has cut short is compared as far as it is there") {
  const std::string began_with(255, 'x');
  CHECK(judge_user_agent(began_with, began_with + "y") == BindingMismatch::none);
  CHECK(judge_user_agent(began_with, began_with.substr(1)) == BindingMismatch::user_agent);
  CHECK(judge_user_agent("xx", "xxy") == BindingMismatch::user_agent);
}
