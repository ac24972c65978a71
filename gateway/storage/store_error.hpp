// What went wrong with a statement, as a value: it is made where the engine works (for SQLite another thread) and
// thrown where the caller waits.
#pragma once
#include <expected>
#include <optional>
#include <string>

#include "storage/database.hpp"

namespace gatehouse::storage {

struct StoreError {
  enum class Kind { unavailable, statement, unique, foreign_key, not_null, other_constraint };
  Kind kind = Kind::unavailable;
  std::string detail;  // for our log; holds no value of a parameter
};

using Outcome = std::expected<ResultSet, StoreError>;

inline std::unexpected<StoreError> store_error(StoreError::Kind kind, std::string detail) {
  return std::unexpected(StoreError{kind, std::move(detail)});
}

// Throws what database.hpp promises for the error.
[[noreturn]] void raise(const StoreError& error);

// The result, or the error thrown.
ResultSet unwrap(Outcome outcome);

// The reason why no engine may see these parameters, so that both refuse the same: PostgreSQL has no U+0000 in text and
// takes only valid UTF-8, SQLite would store either.
std::optional<StoreError> refuse_parameters(const Parameters& parameters);

}  // namespace gatehouse::storage
