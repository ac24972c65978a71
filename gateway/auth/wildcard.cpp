#include "auth/wildcard.hpp"

#include <cstddef>

namespace gatehouse::auth {

namespace {

struct Segment {
  std::string_view text;
  std::string_view rest;
  bool is_end = false;  // there was none
};

Segment next_segment(std::string_view path) {
  const auto start = path.find_first_not_of('/');
  if (start == std::string_view::npos) return {{}, {}, true};
  path.remove_prefix(start);
  const auto end = path.find('/');
  return {path.substr(0, end), end == std::string_view::npos ? std::string_view() : path.substr(end), false};
}

}  // namespace

bool matches_wildcard(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    const bool escaped = p + 1 < pattern.size() && pattern[p] == '\\';
    if (p < pattern.size() && !escaped && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() &&
               (escaped ? pattern[p + 1] == text[t] : pattern[p] == '?' || pattern[p] == text[t])) {
      p += escaped ? 2 : 1;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

// As with '*' in one segment, only the last "**" need ever take more.
bool matches_path_wildcard(std::string_view pattern, std::string_view path) {
  std::string_view after_stars, resume;
  bool has_stars = false;
  for (;;) {
    const Segment wanted = next_segment(pattern);
    const Segment found = next_segment(path);
    if (!wanted.is_end && wanted.text == "**") {
      has_stars = true;
      after_stars = pattern = wanted.rest;
      resume = path;
    } else if (wanted.is_end && found.is_end) {
      return true;
    } else if (!wanted.is_end && !found.is_end && matches_wildcard(wanted.text, found.text)) {
      pattern = wanted.rest;
      path = found.rest;
    } else if (has_stars && !next_segment(resume).is_end) {
      pattern = after_stars;
      path = resume = next_segment(resume).rest;
    } else {
      return false;
    }
  }
}

}  // namespace gatehouse::auth
