#include "config/documentation.hpp"

#include <fmt/format.h>

#include "config/keys.hpp"
#include "config/problem.hpp"

namespace gatehouse::config {

namespace {

std::string availability(const Key& key) {
  if (key.later && key.options.fallback.empty()) return "not available yet";
  if (key.later) return fmt::format("only `{}` is available yet", key.options.fallback);
  std::string words;
  for (const auto& word : key.later_words) words += fmt::format("{}`{}`", words.empty() ? "" : ", ", word);
  return words.empty() ? "" : words + " is not available yet";
}

std::string type_of(const Key& key) {
  std::string type = key.type.name;
  if (!key.type.words.empty()) {
    type.clear();
    for (const auto& word : key.type.words) type += (type.empty() ? "" : ", ") + word;
  }
  switch (key.form) {
    case Key::Form::value:
      return type;
    case Key::Form::list:
      return "list of " + type;
    case Key::Form::section:
      return key.options.may_be_off ? "mapping, or off" : "mapping";
    case Key::Form::sections:
      return "list of mappings";
    case Key::Form::map:
      return "mapping of names to mappings";
  }
  return type;
}

// Presence, range, variable, restart, availability: what follows the text of a key.
std::vector<std::string> remarks(const Key& key) {
  std::vector<std::string> all;
  if (key.options.required) all.push_back("must be there");
  if (!key.range.empty()) all.push_back(key.range);
  if (!key.options.environment.empty())
    all.push_back(fmt::format("`{}` where it is not written", key.options.environment));
  if (key.options.restart) all.push_back("a change needs a restart");
  if (const auto text = availability(key); !text.empty()) all.push_back(text);
  return all;
}

std::string text_of(const Key& key) {
  std::string text = key.doc + ".";
  for (const auto& remark : remarks(key)) {
    text += " " + remark + ".";
    char& first = text[text.size() - remark.size() - 1];
    if (first >= 'a' && first <= 'z') first = static_cast<char>(first - 32);
  }
  return text;
}

std::string path_of(const std::string& path, const Key& key) {
  std::string inner = path.empty() ? key.name : path + "." + key.name;
  if (key.form == Key::Form::sections) inner += "[]";
  if (key.form == Key::Form::map) inner += ".NAME";
  return inner;
}

void append_tables(std::string& out, const Table& table, const std::string& path) {
  out += fmt::format("\n### {}\n\n| key | type | default | |\n|---|---|---|---|\n",
                     path.empty() ? "The file" : "`" + path + "`");
  for (const Key& key : table.keys) {
    const std::string shown =
        key.options.fallback.empty() || key.options.fallback == "[]" ? "" : "`" + key.options.fallback + "`";
    std::string cells = fmt::format("| `{}` | {} | {} | {} |", key.name, type_of(key), shown, text_of(key));
    out += cells + "\n";
  }
  for (const Key& key : table.keys)
    if (key.table) append_tables(out, key.table(), path_of(path, key));
}

// Comment lines of at most 120 columns.
void append_comment(std::string& out, const std::string& indent, std::string_view text) {
  const std::size_t width = 118 - indent.size();
  while (!text.empty()) {
    auto end = text.size();
    if (end > width) {
      end = text.rfind(' ', width);
      if (end == std::string_view::npos) end = text.size();
    }
    out += fmt::format("{}# {}\n", indent, text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

void append_yaml(std::string& out, const Table& table, const std::string& indent, const std::string& first_indent,
                 bool off);

// `off`: commented out, because the section around it is not available.
void append_key(std::string& out, const Key& key, const std::string& indent, const std::string& own_indent, bool off) {
  const bool refused = off || (key.later && key.options.fallback.empty());
  const std::string lead = refused ? indent + "# " : own_indent;
  append_comment(out, indent, fmt::format("{} [{}]", text_of(key), type_of(key)));
  const std::string deeper = indent + "  ";
  switch (key.form) {
    case Key::Form::value:
    case Key::Form::list: {
      const std::string shown = key.options.example.empty() ? key.options.fallback : key.options.example;
      out +=
          shown.empty() ? fmt::format("{}# {}:\n", indent, key.name) : fmt::format("{}{}: {}\n", lead, key.name, shown);
      return;
    }
    case Key::Form::section:
      out += fmt::format("{}{}:\n", lead, key.name);
      return append_yaml(out, key.table(), deeper, deeper, refused);
    case Key::Form::sections:
      out += fmt::format("{}{}:\n", lead, key.name);
      return append_yaml(out, key.table(), deeper + "  ", deeper + "- ", refused);
    case Key::Form::map:
      out += fmt::format("{}{}:\n{}{}:\n", lead, key.name, refused ? indent + "#   " : deeper,
                         key.name == "upstreams"       ? "orders"
                         : key.options.example.empty() ? "NAME"
                                                       : key.options.example);
      return append_yaml(out, key.table(), deeper + "  ", deeper + "  ", refused);
  }
}

void append_yaml(std::string& out, const Table& table, const std::string& indent, const std::string& first_indent,
                 bool off) {
  bool first = true;
  for (const Key& key : table.keys) {
    append_key(out, key, indent, first ? first_indent : indent, off);
    first = false;
  }
}

}  // namespace

std::string keys_markdown() {
  std::string out;
  append_tables(out, file_keys(), "");
  out += "\n### Codes of problems\n\n| code | |\n|---|---|\n";
  for (const CodeText& code : problem_codes()) out += fmt::format("| `{}` | {} |\n", code.text, code.meaning);
  return out;
}

std::string reference_yaml() {
  std::string out =
      "# Every key of the configuration, with its default or an example. Made by `gatehouse schema --format yaml`; the "
      "same in words\n"
      "# is in configuration.md. Keys that are commented out are known and refused: this version cannot do them yet.\n";
  append_yaml(out, file_keys(), "", "", false);
  return out;
}

}  // namespace gatehouse::config
