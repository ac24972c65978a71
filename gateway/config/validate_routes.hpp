// What must hold of routes and tests: a part of validate.hpp.
#pragma once
#include "config/validate.hpp"

namespace gatehouse::config {

// Where the key at `path` stands, or the nearest thing around it.
Place find_place(const ValidationInput& input, std::string path);

void validate_routes(Configuration& configuration, const ValidationInput& input, std::vector<Problem>& problems);

}  // namespace gatehouse::config
