// What is wrong with a configuration: one value for each mistake, with its place, so that all of them are told at once.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/configuration.hpp"

namespace gatehouse::config {

// Stable codes, for scripts and searches. Their texts are GH-CONFIG-…; see problem_codes().
enum class Code {
  file,
  syntax,
  too_large,
  duplicate_key,
  anchor,
  tag,
  several_documents,
  unknown_key,
  misplaced_key,
  type,
  value,
  range,
  missing,
  not_available,
  reference,
  unset,
  secret_reference,
  unknown_upstream,
  duplicate_route,
  case_twins,
  reserved_path,
  path,
  public_route,
  public_root,
  shared_key,
  weak_secret,
  test_failed,
};

struct CodeText {
  Code code;
  std::string_view text;     // GH-CONFIG-UNKNOWN-KEY
  std::string_view meaning;  // one sentence
};
std::span<const CodeText> problem_codes();
std::string_view to_text(Code code);

struct Problem {
  Code code = Code::value;
  Place place;              // file "environment" and line 0 for what came from an environment variable of its own
  std::string key;          // routes[1].require.rol; may be empty
  std::string text;         // unknown key, did you mean 'role'? Never holds a secret.
  std::string source_line;  // as written, cut before a secret; empty: not shown
};

// Two or three lines: file:line:column: key: text [code], the source line, the caret. Ends with a newline.
std::string render(const Problem& problem);
std::string render(std::span<const Problem> problems);

// The candidate that `text` is probably a slip of; empty if none is near.
std::string_view find_nearest(std::string_view text, std::span<const std::string_view> candidates);

// ", did you mean 'x'?" or nothing.
std::string suggestion(std::string_view text, std::span<const std::string_view> candidates);

}  // namespace gatehouse::config
