// The rows of "user" and of password accounts: the statements that read and write them, and their mappers.
#pragma once
#include <optional>
#include <string>

#include "auth/identity.hpp"
#include "auth/query.hpp"

namespace gatehouse::auth {

// Reads id, name, email, emailVerified, image, createdAt, updatedAt from the column `first` on.
User read_user(const storage::Row& row, std::size_t first);

// Without an id where the database counts them; the statement's one row is the id.
Query insert_user(const User& user);

// The id that a user would get now, where the database counts them.
Query select_next_user_id(storage::Engine engine);

// One row per user; `email` in lower case. Columns: those of read_user, then the hash of the password (NULL without
// one). The password account of a user is the one whose accountId is the user's id.
Query select_user_with_password(std::string email);

// A password account, "credential" in Better Auth's words. Empty `id`: the database counts them. The issuer is for
// Better Auth 1.7.0 to 1.7.2 (migrations/core/0003).
Query insert_password_account(std::string id, const User& user, std::string password_hash);

}  // namespace gatehouse::auth
