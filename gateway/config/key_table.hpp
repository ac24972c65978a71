// The tables of keys: each key of the configuration stands in one place, with its type, default, limits, text and
// availability. The parser, `gatehouse schema`, docs/configuration.md and docs/routes.reference.yaml are all made from
// them (keys.hpp lists the tables).
//
// Adding a key is a member of a struct in configuration.hpp and one line in its table:
//     key("fresh_age", &SessionSettings::fresh_age, "How long a session counts as fresh after sign-in"),
// The type of value follows from the member (values.hpp, ValueOf) or is named: key<PathValue>(…). The default is the
// member's own.
#pragma once
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "config/reader.hpp"
#include "config/values.hpp"

namespace gatehouse::config {

struct Key;

// The keys of one mapping.
struct Table {
  std::vector<Key> keys;
  const Key* find(std::string_view name) const;
};

struct KeyOptions {
  std::string example = {};      // where there is no default to show
  std::string environment = {};  // the variable that is taken where the key is not written; lists are split at commas
  std::int64_t minimum =
      std::numeric_limits<std::int64_t>::min();  // in units of the value: counts, bytes, (milli)seconds
  std::int64_t maximum = std::numeric_limits<std::int64_t>::max();
  std::string fallback = {};  // the default's text where it is not the member's own
  bool required = false;
  bool restart = false;     // a change takes effect at the next start
  bool may_be_off = false;  // a section, or a map's entry, that `off` removes
};

struct Key {
  // What stands there in the file.
  enum class Form { value, list, section, sections, map };
  std::string name;
  std::string doc;  // sentences without a full stop at the end
  Form form = Form::value;
  ValueType type = {};                       // of a value, or of a list's items
  std::function<const Table&()> table = {};  // of a section, of each item of `sections`, of each value of a map
  KeyOptions options = {};
  // Known, validated and refused, unless the value says what is the case anyway.
  bool later = false;
  std::string range = {};                     // "1s to 5m", "at least 1"
  std::vector<std::string> later_words = {};  // words of an available key that are not available themselves

  // Reads the value into a member of the object, which is of the struct that the table describes.
  std::function<void(Reader&, const Node&, void* object)> read = {};
  // Whether the members of two objects are equal. Empty: not compared (Form::section uses `inner`).
  std::function<bool(const void*, const void*)> same = {};
  // The object that a section's table describes; null where an optional one is absent.
  std::function<const void*(const void*)> inner = {};
};

// Reads a mapping (or nothing) by a table: unknown keys, values, environment defaults, missing keys.
void read_table(Reader& reader, const Node& node, const Table& table, void* object);

// Reads each item of a list; a single value counts as a list of one.
void for_each_item(Reader& reader, const Node& node, const std::function<void(const Node&)>& read);

namespace detail {

template <class T>
struct Member {
  using Value = T;
  static constexpr bool list = false;
  static std::string print(auto printer, const T& value) { return printer(value); }
};
template <class T>
struct Member<std::optional<T>> {
  using Value = T;
  static constexpr bool list = false;
  static std::string print(auto printer, const std::optional<T>& value) { return value ? printer(*value) : ""; }
};
template <class T>
struct Member<std::vector<T>> {
  using Value = T;
  static constexpr bool list = true;
  static std::string print(auto printer, const std::vector<T>& values) {
    std::string text = "[";
    for (const T& value : values) text += (text.size() > 1 ? ", " : "") + printer(value);
    return text + "]";
  }
};

template <class T>
std::optional<std::int64_t> magnitude(const T& value) {
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) return static_cast<std::int64_t>(value);
  if constexpr (requires { value.count(); }) return static_cast<std::int64_t>(value.count());
  return std::nullopt;
}

template <class V>
std::string print_limit(std::int64_t limit) {
  using T = typename V::Type;
  if constexpr (std::is_integral_v<T> || requires(T value) { value.count(); }) return V::print(T(limit));
  return {};
}

template <class V>
std::string print_range(const KeyOptions& options) {
  const bool low = options.minimum != std::numeric_limits<std::int64_t>::min();
  const bool high = options.maximum != std::numeric_limits<std::int64_t>::max();
  if (low && high) return print_limit<V>(options.minimum) + " to " + print_limit<V>(options.maximum);
  if (low) return "at least " + print_limit<V>(options.minimum);
  return high ? "at most " + print_limit<V>(options.maximum) : "";
}

}  // namespace detail

// Parses one scalar; what is wrong is told to the reader. Absent also for a missing optional reference.
template <class V>
std::optional<typename V::Type> read_value(Reader& reader, const Node& node, const KeyOptions& options = {}) {
  const auto text = reader.scalar(node, V::type().secret);
  if (!text) return std::nullopt;
  auto value = V::parse(*text);
  if (!value) {
    reader.add(Code::value, node, reader.quoted(node, V::type().secret) + " " + value.error());
    return std::nullopt;
  }
  const auto size = detail::magnitude(*value);
  if (size && *size < options.minimum)
    reader.add(Code::range, node, "must be at least " + detail::print_limit<V>(options.minimum));
  if (size && *size > options.maximum)
    reader.add(Code::range, node, "must be at most " + detail::print_limit<V>(options.maximum));
  return *std::move(value);
}

struct Deduced {};

// A value, an optional value or a list of values.
template <class V = Deduced, class S, class M>
Key key(std::string name, M S::* member, std::string doc, KeyOptions options = {}) {
  using Traits = detail::Member<M>;
  using Value = std::conditional_t<std::is_same_v<V, Deduced>, ValueOf<typename Traits::Value>, V>;
  Key key{.name = std::move(name), .doc = std::move(doc), .type = Value::type(), .options = std::move(options)};
  if (key.options.fallback.empty() && !key.options.required) {
    const S defaults{};
    key.options.fallback = Traits::print([](const auto& value) { return Value::print(value); }, defaults.*member);
  }
  key.range = detail::print_range<Value>(key.options);
  key.same = [member](const void* a, const void* b) {
    return static_cast<const S*>(a)->*member == static_cast<const S*>(b)->*member;
  };
  if constexpr (Traits::list) {
    key.form = Key::Form::list;
    key.read = [member, limits = key.options](Reader& reader, const Node& node, void* object) {
      auto& target = static_cast<S*>(object)->*member;
      target.clear();
      for_each_item(reader, node, [&](const Node& item) {
        if (auto value = read_value<Value>(reader, item, limits)) target.push_back(*std::move(value));
      });
    };
  } else {
    key.read = [member, limits = key.options](Reader& reader, const Node& node, void* object) {
      if (auto value = read_value<Value>(reader, node, limits)) static_cast<S*>(object)->*member = *std::move(value);
    };
  }
  return key;
}

// A mapping that is a struct of its own, or an optional one that comes into being by being written.
template <class S, class M>
Key section(std::string name, M S::* member, const Table& (*table)(), std::string doc, KeyOptions options = {}) {
  Key key{.name = std::move(name), .doc = std::move(doc), .form = Key::Form::section, .options = std::move(options)};
  key.table = table;
  constexpr bool optional = requires(M& value) { value.emplace(); };
  key.read = [member, table, may_be_off = key.options.may_be_off](Reader& reader, const Node& node, void* object) {
    M& target = static_cast<S*>(object)->*member;
    if constexpr (optional) {
      if (may_be_off && node.kind == Node::Kind::scalar && (node.text == "off" || node.text == "false")) {
        target.reset();
        return;
      }
      if (!target) target.emplace();
      read_table(reader, node, table(), &*target);
    } else {
      static_cast<void>(may_be_off);
      read_table(reader, node, table(), &target);
    }
  };
  key.inner = [member](const void* object) -> const void* {
    const M& target = static_cast<const S*>(object)->*member;
    if constexpr (optional) {
      return target ? &*target : nullptr;
    } else {
      return &target;
    }
  };
  return key;
}

// A mapping whose keys are members of the same struct: the file has a level that the struct has not.
Key group(std::string name, const Table& (*table)(), std::string doc);

// A list of mappings.
template <class S, class T>
Key sections(std::string name, std::vector<T> S::* member, const Table& (*table)(), std::string doc,
             KeyOptions options = {}) {
  Key key{.name = std::move(name), .doc = std::move(doc), .form = Key::Form::sections, .options = std::move(options)};
  key.table = table;
  key.same = [member](const void* a, const void* b) {
    return static_cast<const S*>(a)->*member == static_cast<const S*>(b)->*member;
  };
  key.read = [member, table](Reader& reader, const Node& node, void* object) {
    auto& target = static_cast<S*>(object)->*member;
    target.clear();
    for_each_item(reader, node, [&](const Node& item) { read_table(reader, item, table(), &target.emplace_back()); });
  };
  return key;
}

// Keys whose behaviour this version has not. They are validated all the same. `now`: the value that says what is the
// case anyway, which may be written; nothing may where it is empty.
Key refuse(Key key, std::string now);

template <class V>
Key later(std::string name, std::string doc, std::string now = {}, KeyOptions options = {}) {
  Key key{.name = std::move(name), .doc = std::move(doc), .type = V::type(), .options = std::move(options)};
  key.read = [](Reader& reader, const Node& node, void*) { read_value<V>(reader, node); };
  return refuse(std::move(key), std::move(now));
}
template <class V>
Key later_list(std::string name, std::string doc) {
  Key key{.name = std::move(name), .doc = std::move(doc), .form = Key::Form::list, .type = V::type()};
  key.read = [](Reader& reader, const Node& node, void*) {
    for_each_item(reader, node, [&](const Node& item) { read_value<V>(reader, item); });
  };
  return refuse(std::move(key), {});
}
Key later_section(std::string name, const Table& (*table)(), std::string doc);
// Of any form: its own keys come with it.
Key later_any(std::string name, std::string doc);
Key later_map(std::string name, const Table& (*table)(), std::string doc);

}  // namespace gatehouse::config
