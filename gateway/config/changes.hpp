// What a reload cannot do: the keys between two configurations that take effect at the next start only.
#pragma once
#include <string>
#include <vector>

#include "config/configuration.hpp"

namespace gatehouse::config {

// The paths of changed keys that need a restart ("gateway.listen.https"), in the order of the documents. No values:
// some are secrets.
std::vector<std::string> changes_that_need_restart(const Configuration& before, const Configuration& after);

}  // namespace gatehouse::config
