#include "config/problem.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/ascii.hpp"
#include "base/check.hpp"
#include "base/utf8.hpp"

namespace gatehouse::config {

namespace {

constexpr std::array kCodes{
    CodeText{Code::file, "GH-CONFIG-FILE", "A file cannot be read."},
    CodeText{Code::syntax, "GH-CONFIG-SYNTAX", "The file is no YAML."},
    CodeText{Code::too_large, "GH-CONFIG-TOO-LARGE", "The file is larger or deeper than any configuration."},
    CodeText{Code::duplicate_key, "GH-CONFIG-DUPLICATE-KEY", "A key stands twice in one mapping."},
    CodeText{Code::anchor, "GH-CONFIG-ANCHOR", "YAML anchors, aliases and merge keys are not used here."},
    CodeText{Code::tag, "GH-CONFIG-TAG", "YAML tags are not used here."},
    CodeText{Code::several_documents, "GH-CONFIG-SEVERAL-DOCUMENTS", "A file holds one document."},
    CodeText{Code::unknown_key, "GH-CONFIG-UNKNOWN-KEY", "No such key exists in this place."},
    CodeText{Code::misplaced_key, "GH-CONFIG-MISPLACED-KEY", "The key exists, but belongs in another place."},
    CodeText{Code::type, "GH-CONFIG-TYPE", "A mapping, a list or a single value was expected."},
    CodeText{Code::value, "GH-CONFIG-VALUE", "The value has not the form that the key takes."},
    CodeText{Code::range, "GH-CONFIG-RANGE", "The value is smaller or larger than the key takes."},
    CodeText{Code::missing, "GH-CONFIG-MISSING", "A key that must be there is not."},
    CodeText{Code::not_available, "GH-CONFIG-NOT-AVAILABLE",
             "The key or value is known, but this version cannot do it yet."},
    CodeText{Code::reference, "GH-CONFIG-REFERENCE", "A ${…} is not well-formed."},
    CodeText{Code::unset, "GH-CONFIG-UNSET", "A ${…} names a variable that is not set or a file that cannot be read."},
    CodeText{Code::secret_reference, "GH-CONFIG-SECRET-REFERENCE",
             "A secret of the gateway is used outside `gateway`."},
    CodeText{Code::unknown_upstream, "GH-CONFIG-UNKNOWN-UPSTREAM",
             "A route or test names an upstream that is not declared."},
    CodeText{Code::duplicate_route, "GH-CONFIG-DUPLICATE-ROUTE", "Two routes match the same requests equally well."},
    CodeText{Code::case_twins, "GH-CONFIG-CASE-TWINS",
             "Two routes are told apart by letter case alone and have different rules."},
    CodeText{Code::reserved_path, "GH-CONFIG-RESERVED-PATH", "The path belongs to the gateway itself."},
    CodeText{Code::path, "GH-CONFIG-PATH", "The path or pattern is not well-formed."},
    CodeText{Code::public_route, "GH-CONFIG-PUBLIC", "`public` stands where it may not."},
    CodeText{Code::public_root, "GH-CONFIG-PUBLIC-ROOT", "A public route begins with a wildcard."},
    CodeText{Code::shared_key, "GH-CONFIG-SHARED-KEY", "Several upstreams would have the same key."},
    CodeText{Code::weak_secret, "GH-CONFIG-WEAK-SECRET", "A secret or key is too short."},
    CodeText{Code::test_failed, "GH-CONFIG-TEST-FAILED", "A row of `tests` came to something else than expected."},
};

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = ascii_lower(a[i - 1]) == ascii_lower(b[j - 1]);
      const std::size_t next = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (same ? 0 : 1)});
      diagonal = std::exchange(row[j], next);
    }
  }
  return row.back();
}

// A source line that is safe on a terminal, and the columns before the caret.
std::string printable(std::string_view line) {
  std::string out = replace_invalid_utf8(line);
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return out;
}

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

}  // namespace

std::span<const CodeText> problem_codes() {
  return kCodes;
}

std::string_view to_text(Code code) {
  const auto& entry = kCodes[static_cast<std::size_t>(code)];
  GATEHOUSE_CHECK(entry.code == code);
  return entry.text;
}

std::string render(const Problem& problem) {
  std::string out = problem.place.file;
  if (problem.place.line > 0) out += fmt::format(":{}:{}", problem.place.line, problem.place.column);
  out += ": ";
  if (!problem.key.empty()) out += problem.key + ": ";
  out += fmt::format("{} [{}]\n", problem.text, to_text(problem.code));
  if (problem.source_line.empty()) return out;
  const std::string line = printable(problem.source_line);
  out += fmt::format("{:>5} | {}\n", problem.place.line, line);
  if (static_cast<std::size_t>(problem.place.column) <= count_characters(line) + 1)
    out += fmt::format("      | {:>{}}\n", "^", problem.place.column);
  return out;
}

std::string render(std::span<const Problem> problems) {
  std::string out;
  for (const Problem& problem : problems) out += render(problem);
  return out;
}

std::string_view find_nearest(std::string_view text, std::span<const std::string_view> candidates) {
  if (text.size() > 64) return {};
  std::string_view nearest;
  std::size_t best = std::max<std::size_t>(1, text.size() / 3) + 1;
  for (const auto candidate : candidates) {
    const auto distance = edit_distance(text, candidate);
    if (distance < best && distance < candidate.size()) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

std::string suggestion(std::string_view text, std::span<const std::string_view> candidates) {
  const auto nearest = find_nearest(text, candidates);
  return nearest.empty() ? "" : fmt::format(", did you mean '{}'?", nearest);
}

}  // namespace gatehouse::config
