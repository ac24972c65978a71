// Columns that the deployment has added to "user" and "session" (Better Auth 1.7.25, additionalFields): what clients
// may write to them, and how their values pass between requests, rows, answers and Redis.
#pragma once
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "auth/identity.hpp"
#include "base/result.hpp"
#include "config/configuration.hpp"
#include "storage/database.hpp"

namespace gatehouse::auth {

// Of one table. Immutable; any thread.
class AdditionalFields {
 public:
  AdditionalFields() = default;
  explicit AdditionalFields(std::vector<config::AdditionalField> fields) : fields_(std::move(fields)) {}

  bool empty() const { return fields_.empty(); }
  std::size_t size() const { return fields_.size(); }

  // `, u."nickname", u."level"` for the table alias `u.`; empty without fields.
  std::string columns(std::string_view alias = {}) const;
  // `, $8, $9`: as many parameters from number `first` on.
  std::string placeholders(std::size_t first) const;
  // `, "nickname" = CASE WHEN $8 THEN $9 ELSE "nickname" END`: two parameters for each.
  std::string assignments(std::size_t first) const;

  // The parameters of columns(): what is not given is NULL.
  void append_values(storage::Parameters& parameters, const AdditionalValuesPtr& values) const;
  // The parameters of assignments(): what is not in `changes` stays.
  void append_changes(storage::Parameters& parameters, const boost::json::object& changes) const;

  // Null without fields. From the columns `first` on, or from a row in Redis.
  AdditionalValuesPtr read(const storage::Row& row, std::size_t first) const;
  AdditionalValuesPtr read(const boost::json::object& row) const;
  // Sorts values by name into what is shown and what is not; what is missing is null. Null without fields.
  AdditionalValuesPtr make_values(const boost::json::object& values) const;

  // make_values() the other way round.
  static boost::json::object values_of(const AdditionalValuesPtr& values);

  // Defaults of a new row.
  boost::json::object defaults() const;
  // What a client gives at sign-up (create) or changes: values of the fields' types, by name. Errors as Better Auth's
  // (FIELD_NOT_ALLOWED, MISSING_FIELD); a value of another type is the error `mistyped`.
  Result<boost::json::object> read_new(const boost::json::object& body, const ApiError& mistyped) const;
  Result<boost::json::object> read_changes(const boost::json::object& body) const;

 private:
  std::vector<config::AdditionalField> fields_;
};

struct RowFields {
  AdditionalFields user;
  AdditionalFields session;
};

// Lives as long as the process.
const RowFields& no_additional_fields();

}  // namespace gatehouse::auth
