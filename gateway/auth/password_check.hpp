// The password account of a user, "credential" in Better Auth's words: looking it up, comparing with it, setting it.
// What change-password, verify-password, reset-password and the deletion of a user stand on. A comparison costs the
// same whether or not there is a password.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "auth/query.hpp"
#include "auth/services.hpp"
#include "base/result.hpp"

namespace gatehouse::auth {

// As JavaScript counts it: UTF-16 code units.
std::size_t password_length(std::string_view password);
Result<void> check_password_too_long(const config::EmailAndPassword& settings, std::string_view password);
// A password that is to be set.
Result<void> check_new_password(const config::EmailAndPassword& settings, std::string_view password);

struct PasswordAccount {
  std::string id;                   // of the row
  std::optional<std::string> hash;  // absent: a row without a password
};

// The account of the user whose accountId is the user's id. `services` and the objects behind it outlive the calls.
Awaitable<std::optional<PasswordAccount>> find_password_account(const Services& services, std::string user_id);

// Whether this is the user's password; false also where there is none.
Awaitable<bool> is_password_of(const Services& services, std::string user_id, std::string password);

// Changes the password where there is such an account (its `affected` says so).
Query update_password(std::string user_id, std::string hash, WallTime now);

// The password of a user, who may have had none.
Awaitable<> set_password(const Services& services, storage::Transaction& transaction, std::string user_id,
                         std::string hash);

}  // namespace gatehouse::auth
