// One statement with its parameters, as a value: what the stores of auth/ make, and a Database or a Transaction runs.
#pragma once
#include <utility>

#include "storage/database.hpp"

namespace gatehouse::auth {

struct Query {
  storage::Statement statement;
  storage::Parameters parameters;
};

// Target: storage::Database or storage::Transaction, which outlives the call.
template <class Target>
Awaitable<storage::ResultSet> run(Target& target, Query query) {
  return target.query(query.statement, std::move(query.parameters));
}

}  // namespace gatehouse::auth
