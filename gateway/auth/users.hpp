// The rows of "user" and of password accounts: the statements that read and write them, their mappers, and the way of
// every change of a user (Better Auth 1.7.25, internal-adapter: findUserById, findUserByEmail, updateUser, deleteUser).
#pragma once
#include <optional>
#include <string>

#include "auth/additional_fields.hpp"
#include "auth/identity.hpp"
#include "auth/query.hpp"
#include "auth/sessions.hpp"
#include "base/clock.hpp"

namespace gatehouse::auth {

// Reads id, name, email, emailVerified, image, createdAt, updatedAt from the column `first` on.
User read_user(const storage::Row& row, std::size_t first);

// The id that a user would get now, where the database counts them.
Query select_next_user_id(storage::Engine engine);

// A password account, "credential" in Better Auth's words. Empty `id`: the database counts them. The issuer is for
// Better Auth 1.7.0 to 1.7.2 (migrations/core/0003).
Query insert_password_account(std::string id, const User& user, std::string password_hash);

// What a change writes beside updatedAt; what is absent stays as it is.
struct UserChanges {
  std::optional<std::string> name = {};
  std::optional<std::string> email = {};  // lower case
  std::optional<bool> email_verified = {};
  std::optional<std::optional<std::string>> image = {};  // one that holds nothing: NULL
  boost::json::object additional = {};                   // values of additional fields, by name
  // The change is made only while the address is still this one: what a proof of an address allows.
  std::optional<std::string> while_email = {};
  // And only while the address is unverified: of several that verify it one does.
  bool while_unverified = false;
};

// One for each thread, as its Database. All throw Failure when the store is down.
class Users {
 public:
  // `fields` outlives the object.
  Users(storage::Database& database, Sessions& sessions, const Clock& clock,
        const AdditionalFields& fields = no_additional_fields().user);

  const AdditionalFields& fields() const { return fields_; }

  // Whatever text a client sent may be asked for.
  Awaitable<std::optional<User>> find(std::string id);
  // `email` in lower case.
  Awaitable<std::optional<User>> find_by_email(std::string email);
  struct Found {
    User user;
    std::optional<std::string> password_hash;  // of the password account, the one whose accountId is the user's id
  };
  Awaitable<std::optional<Found>> find_with_password(std::string email);

  // For a transaction that makes more than the user; the statement's one row is the user's id. Without one where the
  // database counts them. Additional fields that have no values get their defaults.
  Query insert(User user) const;

  // The user as it is now. No cache shows the user as it was before once this returns. Absent: there is none, or
  // what must hold meanwhile did not. Throws ConstraintError (unique) where another user has the address. With the
  // address go the links that were sent there.
  Awaitable<std::optional<User>> update(std::string id, UserChanges changes);
  // With sessions, accounts and reset links; open tunnels of the sessions end. False: there is none.
  Awaitable<bool> remove(std::string id);

 private:
  User read(const storage::Row& row) const;

  storage::Database& database_;
  Sessions& sessions_;
  const Clock& clock_;
  const AdditionalFields& fields_;
  const std::string by_id_;
  const std::string by_email_;
  const std::string with_password_;
  const std::string insert_;
  const std::string insert_counted_;
  const std::string update_;
};

}  // namespace gatehouse::auth
