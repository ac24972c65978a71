// The JSON Schema (draft 2020-12) of the configuration files, made from the key tables.
#pragma once
#include <string>

namespace gatehouse::config {

std::string json_schema();

}  // namespace gatehouse::config
