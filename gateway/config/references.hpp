// ${env:NAME}, ${env:NAME:-default}, ${file:/path}, each with a `?` at its end where it may be missing, and $$ for a
// dollar sign. Replaced after the YAML was parsed and in values alone: what a variable holds is never read as YAML, nor
// replaced again.
#pragma once
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/problem.hpp"

namespace gatehouse::config {

// The value of an environment variable; absent where it is not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
// The content of a file, or why it cannot be read.
using ReadFile = std::function<std::expected<std::string, std::string>(const std::string& path)>;

// The process's own.
Environment process_environment();
// Regular files and pipes up to kFileBytesMax.
ReadFile file_system();

struct Replaced {
  std::optional<std::string> text;  // absent: the whole value is one optional reference that is missing
  std::vector<std::string> names;   // env:NAME and file:/path that were used
};
struct ReferenceProblem {
  Code code;
  std::string text;
};

// A variable that is set to nothing counts as not set. One line end at the end of a file is dropped.
std::expected<Replaced, ReferenceProblem> replace_references(std::string_view text, const Environment& environment,
                                                             const ReadFile& read_file);

}  // namespace gatehouse::config
