// The statements about sessions, with the columns that the deployment has added, and the mappers of their rows: the
// text of each is made once. One for each thread, with Sessions, which alone uses it.
#pragma once
#include <boost/json/object.hpp>
#include <string>

#include "auth/additional_fields.hpp"
#include "auth/identity.hpp"
#include "auth/query.hpp"

namespace gatehouse::auth {

class SessionStatements {
 public:
  // `fields` outlives the object, and the object every query that it made.
  explicit SessionStatements(const RowFields& fields);

  // `with_role`: the user's table has that column.
  Query select_identity(std::string token, bool with_role) const;
  IdentityPtr read_identity(const storage::Row& row, bool with_role) const;

  Query select_user(std::string id, bool with_role) const;
  User read_user(const storage::Row& row, std::size_t first, bool with_role) const;

  // The one row is the session's id. Without an id where the database counts them.
  Query insert(const Session& session) const;
  // The unexpired ones of a user, oldest first.
  Query select_list(std::string user_id, WallTime now) const;
  // Gives the row.
  Query update(std::string token, WallTime now, const boost::json::object& changes) const;
  Session read_session(const storage::Row& row) const;

 private:
  const RowFields& fields_;
  std::string identity_;
  std::string identity_with_role_;
  std::string user_;
  std::string user_with_role_;
  std::string insert_;
  std::string insert_counted_;
  std::string list_;
  std::string update_;
};

}  // namespace gatehouse::auth
