// The columns of `user.additional_fields` and `session.additional_fields` as migrations: they are part of the schema of
// one deployment, not of the binary. One for each field, under a name that its type is part of.
#pragma once
#include <string_view>
#include <vector>

#include "config/configuration.hpp"
#include "storage/migration.hpp"

namespace gatehouse::storage {

// A column is only ever added. It is NOT NULL where the field is required and has a default, which the rows that are
// there get.
std::vector<Migration> field_migrations(const config::AuthSettings& settings, Engine engine);

// Whether a migration is of this kind: one that is not configured any more is nobody's problem.
bool is_field_migration(std::string_view name);

}  // namespace gatehouse::storage
