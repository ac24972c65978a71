// What must hold between keys: after all files are read, before anybody sees the configuration.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "config/configuration.hpp"
#include "config/problem.hpp"
#include "config/references.hpp"

namespace gatehouse::config {

struct ValidationInput {
  const std::map<std::string, Place>& places;  // of keys by their path
  const Environment& environment;
  bool dev = false;
};

// Also completes the configuration: default keys, indexes, the lists `unsafe` and `notes`.
void validate(Configuration& configuration, const ValidationInput& input, std::vector<Problem>& problems);

}  // namespace gatehouse::config
