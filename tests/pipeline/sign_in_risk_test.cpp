#include "pipeline/sign_in_risk.hpp"

#include <doctest/doctest.h>

using namespace gatehouse;
using namespace std::chrono_literals;
using pipeline::SignInAttempt;
using pipeline::SignInRisk;

namespace {

constexpr SteadyTime kStart{std::chrono::hours{1}};

struct Fixture {
  SystemRandom random;
  SignInRisk risk{{.failures = 3, .window = 900s}, random};

  // Whether it was a risk.
  bool attempt(const char* address, const char* email, bool fails, SteadyTime now = kStart) {
    SignInAttempt one(risk, parse_ip(address).value(), now);
    one.name_account(email);
    if (fails) one.has_failed();
    return one.is_risky();
  }
  bool is_risky(const char* address, const char* email = "", SteadyTime now = kStart) const {
    return risk.is_risky(parse_ip(address).value(), email, now);
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "an address is a risk after its failures, whoever it tried") {
  for (const char* email : {"a@example.com", "b@example.com", "c@example.com"}) {
    CHECK_FALSE(is_risky("192.0.2.7"));
    CHECK_FALSE(attempt("192.0.2.7", email, true));
  }
  CHECK(attempt("192.0.2.7", "d@example.com", true));
  CHECK(is_risky("192.0.2.7"));
  CHECK_FALSE(is_risky("192.0.2.8"));
}

TEST_CASE_FIXTURE(Fixture, "an account is a risk after failures from wherever, in any letter case") {
  CHECK_FALSE(attempt("192.0.2.1", "ann@example.com", true));
  CHECK_FALSE(attempt("192.0.2.2", "Ann@Example.com", true));
  CHECK_FALSE(attempt("192.0.2.3", "ANN@example.com", true));
  CHECK(attempt("192.0.2.4", "ann@example.com", true));
  CHECK(is_risky("192.0.2.5", "aNN@example.com"));
  CHECK_FALSE(is_risky("192.0.2.5", "bob@example.com"));
}

TEST_CASE_FIXTURE(Fixture, "what succeeds does not count") {
  for (int i = 0; i < 20; ++i) CHECK_FALSE(attempt("192.0.2.7", "ann@example.com", false));
  CHECK_FALSE(is_risky("192.0.2.7", "ann@example.com"));
}

TEST_CASE_FIXTURE(Fixture, "attempts that are under way count: a burst is no way around") {
  const auto address = parse_ip("192.0.2.7").value();
  SignInAttempt first(risk, address, kStart), second(risk, address, kStart), third(risk, address, kStart);
  CHECK_FALSE(third.is_risky());
  CHECK(SignInAttempt(risk, address, kStart).is_risky());
}

TEST_CASE_FIXTURE(Fixture, "a success of somebody who is a risk takes nothing back") {
  for (int i = 0; i < 3; ++i) attempt("192.0.2.7", "", true);
  CHECK(attempt("192.0.2.7", "", false));
  CHECK(is_risky("192.0.2.7"));
}

TEST_CASE_FIXTURE(Fixture, "failures are forgotten in time") {
  for (int i = 0; i < 3; ++i) attempt("192.0.2.7", "", true);
  CHECK(is_risky("192.0.2.7", "", kStart + 299s));
  CHECK_FALSE(is_risky("192.0.2.7", "", kStart + 300s));
  for (int i = 0; i < 3; ++i) CHECK_FALSE(attempt("192.0.2.7", "", true, kStart + 900s));
  CHECK(is_risky("192.0.2.7", "", kStart + 900s));
}

TEST_CASE_FIXTURE(Fixture, "an IPv6 address counts by its /64") {
  for (const char* address : {"2001:db8::1", "2001:db8::2", "2001:db8::3"}) attempt(address, "", true);
  CHECK(is_risky("2001:db8::ffff:1"));
  CHECK_FALSE(is_risky("2001:db8:0:1::1"));
}

TEST_CASE_FIXTURE(Fixture, "an address is no account: the same text is two keys") {
  for (int i = 0; i < 3; ++i) risk.count_account("192.0.2.7", kStart);
  CHECK_FALSE(is_risky("192.0.2.7"));
}

TEST_CASE_FIXTURE(Fixture, "an attempt of which nobody can tell what came of it counts for the address alone") {
  const auto address = parse_ip("192.0.2.7").value();
  for (int i = 0; i < 3; ++i) {
    SignInAttempt one(risk, address, kStart);
    one.name_account("ann@example.com");
    one.has_ended();
  }
  CHECK(is_risky("192.0.2.7"));
  CHECK_FALSE(is_risky("192.0.2.8", "ann@example.com"));
}
