// Every key of the configuration: the tables, from the whole file down. See key_table.hpp for how they are read and
// extended.
#pragma once
#include "config/key_table.hpp"

namespace gatehouse::config {

// What `expect` of a test calls the gateway's own answers; no upstream has such a name.
inline bool is_own_destination(std::string_view name) {
  return name == "auth" || name == "jwks" || name == "pages";
}

struct TurnstileWords {
  using Type = TurnstileMode;
  static constexpr std::array kWords{Word<Type>{"off", Type::off}, Word<Type>{"on_risk", Type::on_risk},
                                     Word<Type>{"always", Type::always}};
};

const Table& file_keys();     // of Configuration
const Table& gateway_keys();  // of Gateway
const Table& auth_keys();     // of AuthSettings
// Of AuthSettings (keys_oauth.cpp).
Key account_key();
Key social_providers_key();
Key generic_oauth_key();
// Of AbuseLadder, PasswordHashing and BreachedPasswordSettings (keys_abuse_protection.cpp).
const Table& abuse_ladder_keys();
const Table& password_hashing_keys();
const Table& breached_password_keys();
const Table& default_keys();   // of Route: what `defaults` may hold; all of them may stand on a route, too
const Table& route_keys();     // of Route
const Table& upstream_keys();  // of Upstream
const Table& test_keys();      // of TestRow

// Built-in providers whose credentials are in the environment and which nothing is written about.
void add_providers_of_environment(AuthSettings& settings, const Environment& environment,
                                  std::vector<std::string>& notes);

}  // namespace gatehouse::config
