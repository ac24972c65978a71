#include "config/key_table.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/ascii.hpp"

namespace gatehouse::config {

namespace {

std::vector<std::string_view> names_of(const Table& table) {
  std::vector<std::string_view> names;
  for (const Key& key : table.keys) names.push_back(key.name);
  return names;
}

// Where a key of that name belongs: "routes[]" or "defaults"; empty if nowhere.
std::string find_home(const Table& table, std::string_view name, const std::string& path) {
  for (const Key& key : table.keys)
    if (key.name == name) return path.empty() ? "the top level" : path;
  for (const Key& key : table.keys) {
    if (!key.table) continue;
    std::string inner = path.empty() ? key.name : path + "." + key.name;
    if (key.form == Key::Form::sections) inner += "[]";
    if (key.form == Key::Form::map) inner += ".NAME";
    if (auto home = find_home(key.table(), name, inner); !home.empty()) return home;
  }
  return {};
}

void add_unknown(Reader& reader, const Entry& entry, const Table& table) {
  const std::string path = reader.path().empty() ? entry.key : reader.path() + "." + entry.key;
  const auto hint = suggestion(entry.key, names_of(table));
  const auto home = hint.empty() ? find_home(reader.root(), entry.key, "") : std::string();
  if (home.empty()) {
    reader.add_at(Code::unknown_key, entry.line, entry.column, path, "unknown key" + hint);
  } else {
    reader.add_at(Code::misplaced_key, entry.line, entry.column, path,
                  fmt::format("is no key of this place, it belongs in {}", home));
  }
}

// The node that a variable's value amounts to.
Node from_environment(const Key& key, const std::string& value) {
  Node node;
  node.kind = Node::Kind::scalar;
  node.text = value;
  if (key.form != Key::Form::list) return node;
  Node list;
  list.kind = Node::Kind::list;
  for_each_in_list(value, [&](std::string_view piece) {
    node.text = std::string(piece);
    list.items.push_back(node);
  });
  return list;
}

void read_default(Reader& reader, const Node& map, const Key& key, void* object) {
  const auto value = key.options.environment.empty() ? std::nullopt : reader.environment()(key.options.environment);
  if (key.later) {
    if (value && !value->empty())
      reader.notes.push_back(fmt::format("{} is set, but {}.{} is not available yet: it has no effect",
                                         key.options.environment, reader.path(), key.name));
  } else if (value && !value->empty()) {
    const Reader::Step step(reader, key.name, 0, 0);
    key.read(reader, from_environment(key, *value), object);
  } else if (key.options.required) {
    reader.add(Code::missing, map, fmt::format("'{}' is missing", key.name));
  } else if (const void* inner = key.inner ? key.inner(object) : nullptr) {
    // The section is not written, but its keys may come from the environment.
    Node nothing;
    nothing.line = map.line;
    nothing.column = map.column;
    const Reader::Step step(reader, key.name);
    read_table(reader, nothing, key.table(), const_cast<void*>(inner));
  }
}

}  // namespace

const Key* Table::find(std::string_view name) const {
  const auto at = std::find_if(keys.begin(), keys.end(), [&](const Key& key) { return key.name == name; });
  return at == keys.end() ? nullptr : &*at;
}

void read_table(Reader& reader, const Node& node, const Table& table, void* object) {
  if (node.kind != Node::Kind::map && node.kind != Node::Kind::null) {
    reader.add(Code::type, node, "takes a mapping of keys and values");
    return;
  }
  for (const Entry& entry : node.entries)
    if (!table.find(entry.key)) add_unknown(reader, entry, table);
  for (const Key& key : table.keys) {
    const auto at = std::find_if(node.entries.begin(), node.entries.end(),
                                 [&](const Entry& entry) { return entry.key == key.name; });
    if (at == node.entries.end() || reader.is_absent(at->value)) {
      read_default(reader, node, key, object);
      continue;
    }
    Node value = at->value;
    if (value.kind == Node::Kind::null) {
      value.line = at->line;
      value.column = at->column;
    }
    const Reader::Step step(reader, key.name, at->line, at->column);
    key.read(reader, value, object);
  }
}

void for_each_item(Reader& reader, const Node& node, const std::function<void(const Node&)>& read) {
  if (node.kind == Node::Kind::null) return;
  if (node.kind != Node::Kind::list) {
    read(node);
    return;
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    if (reader.is_absent(node.items[i])) continue;
    const Reader::Step step(reader, i, node.items[i]);
    read(node.items[i]);
  }
}

Key group(std::string name, const Table& (*table)(), std::string doc) {
  Key key{.name = std::move(name), .doc = std::move(doc), .form = Key::Form::section};
  key.table = table;
  key.read = [table](Reader& reader, const Node& node, void* object) { read_table(reader, node, table(), object); };
  key.inner = [](const void* object) { return object; };
  return key;
}

Key refuse(Key key, std::string now) {
  key.later = true;
  key.options.fallback = now;
  key.read = [read = std::move(key.read), now = std::move(now)](Reader& reader, const Node& node, void* object) {
    if (!now.empty() && node.kind == Node::Kind::scalar) {
      const auto text = reader.scalar(node, true);
      if (!text || *text == now || (now == "false" && *text == "off") || (now == "true" && *text == "on")) return;
    }
    ++reader.refused;
    read(reader, node, object);
    // Once for a section, not again for each key in it.
    if (--reader.refused > 0) return;
    reader.add(Code::not_available, node,
               now.empty() ? "is not available yet" : fmt::format("only {} is available yet", now));
  };
  return key;
}

namespace {

Key later_container(Key::Form form, std::string name, const Table& (*table)(), std::string doc) {
  Key key{.name = std::move(name), .doc = std::move(doc), .form = form};
  key.table = table;
  return key;
}

}  // namespace

Key later_section(std::string name, const Table& (*table)(), std::string doc) {
  Key key = later_container(Key::Form::section, std::move(name), table, std::move(doc));
  key.read = [table](Reader& reader, const Node& node, void*) { read_table(reader, node, table(), nullptr); };
  return refuse(std::move(key), {});
}

Key later_any(std::string name, std::string doc) {
  Key key{.name = std::move(name), .doc = std::move(doc), .type = {"any", "", "", {}, false, "{}"}};
  key.read = [](Reader&, const Node&, void*) {};
  return refuse(std::move(key), {});
}

Key later_map(std::string name, const Table& (*table)(), std::string doc) {
  Key key = later_container(Key::Form::map, std::move(name), table, std::move(doc));
  key.read = [table](Reader& reader, const Node& node, void*) {
    for (const Entry& entry : node.entries) {
      const Reader::Step step(reader, entry.key, entry.line, entry.column);
      read_table(reader, entry.value, table(), nullptr);
    }
  };
  return refuse(std::move(key), {});
}

}  // namespace gatehouse::config
