#include "auth/validation.hpp"

#include <algorithm>

#include "base/ascii.hpp"

namespace gatehouse::auth {

namespace json = boost::json;

namespace {

// zod's name for the type of a value; nullptr is undefined.
std::string_view type_name(const json::value* value) {
  if (value == nullptr) return "undefined";
  switch (value->kind()) {
    case json::kind::null:
      return "null";
    case json::kind::bool_:
      return "boolean";
    case json::kind::string:
      return "string";
    case json::kind::array:
      return "array";
    case json::kind::object:
      return "object";
    default:
      return "number";
  }
}

std::optional<std::string> find_problem(const Field& field, const json::value* value) {
  if (value == nullptr && field.optional) return std::nullopt;
  if (field.type == FieldType::boolean) {
    if (value != nullptr && value->is_bool()) return std::nullopt;
    return wrong_type("boolean", value);
  }
  if (value == nullptr || !value->is_string()) return wrong_type("string", value);
  const std::string_view text = value->get_string();
  if (field.type == FieldType::email && !is_email(text)) return "Invalid email address";
  if (text.size() < field.characters_min) {
    return "Too small: expected string to have >=" + std::to_string(field.characters_min) + " characters";
  }
  return std::nullopt;
}

bool is_label_of_atom(std::string_view atom, bool last) {
  const auto is_atom = [](char c) { return is_alphanumeric(c) || c == '_' || c == '\'' || c == '+' || c == '-'; };
  return !atom.empty() && std::ranges::all_of(atom, is_atom) && !(last && atom.back() == '\'');
}

// Calls f(piece, is_last) for each piece between dots until it returns false; true if it never did.
template <class F>
bool all_pieces(std::string_view text, F f) {
  for (;;) {
    const auto dot = text.find('.');
    if (!f(text.substr(0, dot), dot == std::string_view::npos)) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

}  // namespace

std::string wrong_type(std::string_view expected, const json::value* value) {
  return "Invalid input: expected " + std::string(expected) + ", received " + std::string(type_name(value));
}

bool is_email(std::string_view text) {
  const auto at = text.find('@');
  if (at == std::string_view::npos) return false;
  if (!all_pieces(text.substr(0, at), is_label_of_atom)) return false;
  const auto domain = text.substr(at + 1);
  if (domain.find('.') == std::string_view::npos) return false;
  return all_pieces(domain, [](std::string_view label, bool last) {
    if (last) return label.size() >= 2 && std::ranges::all_of(label, is_alpha);
    return !label.empty() && label.front() != '-' &&
           std::ranges::all_of(label, [](char c) { return is_alphanumeric(c) || c == '-'; });
  });
}

std::optional<std::string> find_problems(const BodySchema& schema, const std::optional<json::value>& body) {
  using Kind = BodySchema::Kind;
  if (schema.kind == Kind::any || (schema.kind == Kind::optional_object && !body)) return std::nullopt;
  const json::value* whole = body ? &*body : nullptr;
  if (schema.kind == Kind::judged) return schema.judge(whole);
  if (whole == nullptr || !whole->is_object()) {
    std::string message = "[body] " + wrong_type(schema.kind == Kind::record ? "record" : "object", whole);
    if (schema.kind == Kind::object_and_record) message += "; [body] " + wrong_type("record", whole);
    return message;
  }
  std::string message;
  for (const Field& field : schema.fields) {
    const auto problem = find_problem(field, whole->get_object().if_contains(field.name));
    if (!problem) continue;
    if (!message.empty()) message += "; ";
    message.append("[body.").append(field.name).append("] ").append(*problem);
  }
  return message.empty() ? std::nullopt : std::optional(message);
}

}  // namespace gatehouse::auth
