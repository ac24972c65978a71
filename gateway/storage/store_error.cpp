#include "storage/store_error.hpp"

#include "base/failure.hpp"
#include "base/utf8.hpp"

namespace gatehouse::storage {

void raise(const StoreError& error) {
  using Kind = StoreError::Kind;
  switch (error.kind) {
    case Kind::unavailable:
      throw Failure(503, "database_unavailable", error.detail);
    case Kind::unique:
      throw ConstraintError(ConstraintError::Kind::unique, error.detail);
    case Kind::foreign_key:
      throw ConstraintError(ConstraintError::Kind::foreign_key, error.detail);
    case Kind::not_null:
      throw ConstraintError(ConstraintError::Kind::not_null, error.detail);
    case Kind::other_constraint:
      throw ConstraintError(ConstraintError::Kind::other, error.detail);
    case Kind::statement:
      break;
  }
  throw StatementError(error.detail);
}

ResultSet unwrap(Outcome outcome) {
  if (!outcome) raise(outcome.error());
  return std::move(*outcome);
}

std::optional<StoreError> refuse_parameters(const Parameters& parameters) {
  for (const auto& parameter : parameters) {
    const auto* text = std::get_if<std::string>(&parameter);
    if (text == nullptr) continue;
    if (text->contains('\0')) return StoreError{StoreError::Kind::other_constraint, "text with U+0000"};
    if (!is_utf8(*text)) return StoreError{StoreError::Kind::other_constraint, "text that is not UTF-8"};
  }
  return std::nullopt;
}

}  // namespace gatehouse::storage
