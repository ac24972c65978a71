// A configuration file as a small tree with places, before anybody asks what it means. The YAML that is taken is a
// subset: one document, no anchors, aliases, merge keys or tags, every key once. Scalars stay text; nothing guesses a
// type.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "config/problem.hpp"

namespace gatehouse::config {

inline constexpr std::size_t kFileBytesMax = 1024 * 1024;
inline constexpr int kDepthMax = 16;
inline constexpr std::size_t kKeysMax = 4096;  // of one mapping

struct Entry;

struct Node {
  enum class Kind { null, scalar, list, map };
  Kind kind = Kind::null;
  int line = 0;  // from 1; 0: not from a file
  int column = 0;
  std::string text;            // of a scalar
  std::vector<Node> items;     // of a list
  std::vector<Entry> entries;  // of a map, in order

  const Node* find(std::string_view key) const;
};

struct Entry {
  std::string key;
  int line = 0;
  int column = 0;
  Node value;
};

// Untrusted bytes. Adds what is wrong to `problems` (without key and source line); then the tree holds what could be
// read.
Node parse_yaml(std::string_view text, const std::string& file, std::vector<Problem>& problems);

}  // namespace gatehouse::config
