// Who a request comes from: a session and its user, as loaded from the store in one read. Immutable and shared between
// threads; a change makes a new one.
#pragma once
#include <boost/json/object.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.hpp"

namespace gatehouse::auth {

// Values of the columns that the deployment has added (auth/additional_fields.hpp), as JSON.
struct AdditionalValues {
  boost::json::object shown;
  boost::json::object hidden;  // never part of an answer
};
// Null where no such columns are configured.
using AdditionalValuesPtr = std::shared_ptr<const AdditionalValues>;

// Better Auth's "user" row.
struct User {
  std::string id;
  std::string name;
  std::string email;  // lower case
  bool email_verified = false;
  std::optional<std::string> image;
  WallTime created_at;
  WallTime updated_at;
  std::optional<std::string>
      role;  // comma-separated, where the table has such a column; routes read it by require.role
  AdditionalValuesPtr additional = {};
};

// Better Auth's "session" row.
struct Session {
  std::string id;
  std::string token;  // secret: never logged
  std::string user_id;
  WallTime expires_at;
  WallTime created_at;
  WallTime updated_at;
  std::optional<std::string> ip_address;
  std::optional<std::string> user_agent;
  AdditionalValuesPtr additional = {};
};

struct Identity {
  Session session;
  User user;
};

using IdentityPtr = std::shared_ptr<const Identity>;

}  // namespace gatehouse::auth
