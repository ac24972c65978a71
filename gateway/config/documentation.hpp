// The parts of the documents that are made from the key tables. A test holds the copies below docs/ equal to them.
#pragma once
#include <string>

namespace gatehouse::config {

std::string keys_markdown();   // docs/configuration.md, between its markers
std::string reference_yaml();  // docs/routes.reference.yaml, a file that loads

}  // namespace gatehouse::config
