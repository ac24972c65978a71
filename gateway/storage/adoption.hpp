// Whether a database can be served as it is: most were made by Better Auth, of whatever version and with whatever
// options, or by an ORM for it. Decided at the start and before a migration, from the catalogue alone. What is missing
// is no problem: migrations add it.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "storage/catalogue.hpp"

namespace gatehouse::storage {

// What a table's "id" wants: Better Auth's advanced.database.generateId.
enum class IdKind {
  text,    // we make 32 random characters
  uuid,    // we make a random UUID
  serial,  // the database counts: an INSERT leaves "id" out
};

// What statements must know of the schema. The default is that of a new database.
struct SchemaFacts {
  IdKind user_ids = IdKind::text;
  IdKind session_ids = IdKind::text;
  IdKind account_ids = IdKind::text;
  IdKind verification_ids = IdKind::text;
  IdKind rate_limit_ids = IdKind::text;
  std::size_t user_agent_characters_max = 0;  // 0: no limit
  bool user_has_role = false;                 // a column of Better Auth's admin plugin
  bool operator==(const SchemaFacts&) const = default;
};

struct Adoption {
  SchemaFacts facts;
  // Why it cannot be served: sentences without a full stop. Empty: it can.
  std::vector<std::string> problems;
  // What will be slow or fail for some, and the SQL that helps; for the log.
  std::vector<std::string> advice;
};

// Table and column: what is written beside the columns of the core.
using WrittenColumns = std::vector<std::pair<std::string, std::string>>;

Adoption judge_adoption(const Catalogue& catalogue, const WrittenColumns& written = {});

// The problems as one text for the operator.
std::string describe_problems(const std::vector<std::string>& problems);

}  // namespace gatehouse::storage
