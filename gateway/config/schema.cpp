#include "config/schema.hpp"

#include "base/json_text.hpp"
#include "config/keys.hpp"

namespace gatehouse::config {

namespace {

constexpr const char* kReference = R"({"$ref": "#/$defs/reference"})";

std::string of_table(const Table& table);

std::string list_of_words(const std::vector<std::string>& words) {
  std::string out = "[";
  for (const auto& word : words) out += (out.size() > 1 ? "," : "") + json_quoted(word);
  return out + "]";
}

bool is_limited(const Key& key) {
  return key.options.minimum >= 0 || key.options.maximum != std::numeric_limits<std::int64_t>::max();
}

// One value, without its description.
std::string of_value(const Key& key) {
  const ValueType& type = key.type;
  if (!type.json.empty()) return type.json;
  std::string natural;
  if (!type.words.empty()) {
    natural = "{\"enum\":" + list_of_words(type.words) + "}";
  } else if (type.json_type == "boolean") {
    natural = R"({"enum":[true,false,"on","off"]})";
  } else if (type.json_type == "integer") {
    natural = R"({"type":"integer")";
    if (key.options.minimum >= 0) natural += ",\"minimum\":" + std::to_string(key.options.minimum);
    if (is_limited(key) && key.options.maximum != std::numeric_limits<std::int64_t>::max())
      natural += ",\"maximum\":" + std::to_string(key.options.maximum);
    natural += "}";
  } else if (type.pattern.empty()) {
    return R"({"type":["string","number"]})";
  } else {
    natural = R"({"type":"string","pattern":)" + json_quoted(type.pattern) + "}";
    // Zero needs no unit.
    if (type.pattern.starts_with("^(0|")) natural += R"(,{"const":0})";
  }
  return "{\"anyOf\":[" + natural + "," + kReference + "]}";
}

std::string of_key(const Key& key) {
  std::string description = key.doc;
  if (key.later)
    description +=
        key.options.fallback.empty() ? ". Not available yet" : ". Only " + key.options.fallback + " is available yet";
  std::string form;
  switch (key.form) {
    case Key::Form::value:
      form = of_value(key);
      break;
    case Key::Form::list:
      form = R"({"anyOf":[{"type":"array","items":)" + of_value(key) + "}," + of_value(key) + "]}";
      break;
    case Key::Form::section:
      form = of_table(key.table());
      if (key.options.may_be_off) form = R"({"anyOf":[)" + form + R"(,{"enum":["off",false]}]})";
      break;
    case Key::Form::sections:
      form = R"({"type":["array","null"],"items":)" + of_table(key.table()) + "}";
      break;
    case Key::Form::map:
      form = of_table(key.table());
      if (key.options.may_be_off) form = R"({"anyOf":[)" + form + R"(,{"enum":["off",false]}]})";
      form = R"({"type":["object","null"],"additionalProperties":)" + form + "}";
      break;
  }
  std::string head = "{\"description\":" + json_quoted(description);
  if (!key.options.fallback.empty() && key.form == Key::Form::value)
    head += ",\"default\":" + (key.type.json_type == "string" || key.type.json_type.empty()
                                   ? json_quoted(key.options.fallback)
                                   : key.options.fallback);
  return form == "{}" ? head + "}" : head + "," + form.substr(1);
}

std::string of_table(const Table& table) {
  std::string properties;
  std::vector<std::string> required;
  for (const Key& key : table.keys) {
    properties += (properties.empty() ? "" : ",") + json_quoted(key.name) + ":" + of_key(key);
    if (key.options.required) required.push_back(key.name);
  }
  std::string out = required.empty() ? R"({"type":["object","null"])" : R"({"type":"object")";
  out += ",\"additionalProperties\":false,\"properties\":{" + properties + "}";
  if (!required.empty()) out += ",\"required\":" + list_of_words(required);
  return out + "}";
}

// Two blanks for each level; short lists stay on their line.
std::string indent(std::string_view json) {
  std::string out;
  std::size_t depth = 0;
  bool quoted = false;
  const auto line = [&] { out += "\n" + std::string(2 * depth, ' '); };
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (quoted) {
      out += c;
      if (c == '\\') out += json[++i];
      quoted = c != '"';
    } else if (c == '{' || c == '[') {
      const auto end = json.find_first_of("{}[]", i + 1);
      if (json[end] != '{' && json[end] != '[') {
        out += json.substr(i, end - i + 1);
        i = end;
      } else {
        out += c;
        ++depth;
        line();
      }
    } else if (c == '}' || c == ']') {
      --depth;
      line();
      out += c;
    } else if (c == ',') {
      out += c;
      line();
    } else if (c == ':') {
      out += ": ";
    } else if (c != ' ') {
      out += c;
      quoted = c == '"';
    }
  }
  return out + "\n";
}

}  // namespace

std::string json_schema() {
  std::string body = of_table(file_keys());
  return indent(
      R"({"$schema":"https://json-schema.org/draft/2020-12/schema","title":"Configuration of Gatehouse","$defs":{"reference":)"
      R"({"description":"Replaced by an environment variable or a file when the configuration is read","type":"string",)"
      R"("pattern":"\\$\\{(env|file):"}},)" +
      body.substr(1));
}

}  // namespace gatehouse::config
