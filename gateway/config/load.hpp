// From files to a Configuration: the only door. Read, replace references, validate, and tell everything that is wrong
// at once.
#pragma once
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/configuration.hpp"
#include "config/problem.hpp"
#include "config/references.hpp"

namespace gatehouse::config {

struct Sources {
  std::string routes = "routes.yaml";
  // The file that holds `gateway`; routes.yaml must not hold it then, so that who may edit routes cannot touch trust.
  std::optional<std::string> gateway;
  Environment environment;
  ReadFile read_file;  // of the two files and of ${file:…}
  // What a production gateway must be told (secret, base_url, keys, certificates, addresses) may be missing, and stays
  // empty.
  bool dev = false;
};

// The problems come in the order of the files' lines. `tests` rows are read, not run (app/rehearsal.hpp).
std::expected<Configuration, std::vector<Problem>> load(const Sources& sources);

// The line of a file that a problem points to, without what might be a secret in it: everything after a key that holds
// one, or after an unknown key, is cut off. Empty where the place is none of the file. `lines`: split_lines of the
// whole file.
std::string excerpt(std::span<const std::string_view> lines, const Problem& problem);

// Without their line ends.
std::vector<std::string_view> split_lines(std::string_view text);

}  // namespace gatehouse::config
