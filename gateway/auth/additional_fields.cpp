#include "auth/additional_fields.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <cmath>

#include "auth/error_codes.hpp"
#include "auth/row_id.hpp"
#include "auth/script_json.hpp"
#include "base/iso_time.hpp"

namespace gatehouse::auth {

namespace json = boost::json;
using config::AdditionalField;
using Type = AdditionalField::Type;

namespace {

std::optional<json::value> parse_number(std::string_view text) {
  std::int64_t whole = 0;
  const char* end = text.data() + text.size();
  if (const auto [at, failed] = std::from_chars(text.data(), end, whole); failed == std::errc{} && at == end)
    return whole;
  double number = 0;
  const auto [at, failed] = std::from_chars(text.data(), end, number);
  if (failed != std::errc{} || at != end || !std::isfinite(number)) return std::nullopt;
  constexpr double kWholeMax = 9'007'199'254'740'992;  // beyond it doubles have gaps
  if (number == std::trunc(number) && std::abs(number) <= kWholeMax) return static_cast<std::int64_t>(number);
  return number;
}

std::optional<json::value> parse_date(std::string_view text) {
  std::string whole(text);
  if (whole.size() == 10) whole += "T00:00:00.000Z";
  const auto time = parse_iso(whole);
  if (!time) return std::nullopt;
  return json::value(to_iso(*time));
}

bool is_list_of(const json::value& value, bool of_strings) {
  return value.is_array() && std::ranges::all_of(value.get_array(), [&](const json::value& item) {
           return of_strings ? item.is_string() && is_storable(item.get_string()) : item.is_number();
         });
}

// What a client gives, as a value of the type. Absent: it is none. Text is taken for numbers and truth values, because
// forms have nothing else, and numbers for text.
std::optional<json::value> convert(Type type, const json::value& value) {
  const auto* text = value.if_string();
  switch (type) {
    case Type::string:
      if (value.is_int64() || value.is_uint64()) return json::value(json::serialize(value));
      if (!text || !is_storable(*text)) return std::nullopt;
      return value;
    case Type::number:
      if (value.is_double()) return parse_number(json::serialize(value));
      if (value.is_number()) return value;
      return text ? parse_number(*text) : std::nullopt;
    case Type::boolean:
      if (value.is_bool()) return value;
      if (text && (*text == "true" || *text == "false")) return *text == "true";
      return std::nullopt;
    case Type::date:
      return text ? parse_date(*text) : std::nullopt;
    case Type::strings:
    case Type::numbers:
      return is_list_of(value, type == Type::strings) ? std::optional(value) : std::nullopt;
  }
  return std::nullopt;
}

// Of a list or of the configuration's default. What cannot be read is null.
json::value parse_list(std::string_view text) {
  boost::system::error_code error;
  auto value = json::parse(text, error);
  return error ? json::value(nullptr) : value;
}

json::value parse_default(const AdditionalField& field) {
  const std::string& text = *field.default_value;
  if (field.type == Type::strings || field.type == Type::numbers) return parse_list(text);
  return convert(field.type, json::value(text)).value_or(nullptr);
}

storage::Value to_column(Type type, const json::value& value) {
  if (value.is_null()) return nullptr;
  switch (type) {
    case Type::boolean:
      return value.get_bool();
    case Type::date:
      return parse_iso(value.get_string()).value();
    case Type::string:
      return std::string(value.get_string());
    case Type::number:
      if (const auto* whole = value.if_int64()) return *whole;
      break;
    case Type::strings:
    case Type::numbers:
      break;
  }
  return json::serialize(value);
}

std::optional<json::value> parse_date_column(const std::string& text) {
  const auto time = storage::parse_stored_time(text);
  if (!time) return std::nullopt;
  return json::value(to_iso(*time));
}

// A column of another type than was configured gives what it can.
json::value from_column(Type type, const storage::Row& row, std::size_t column) {
  const auto& text = row.optional_text(column);
  if (!text) return nullptr;
  switch (type) {
    case Type::string:
      return json::value(*text);
    case Type::number:
      return parse_number(*text).value_or(json::value(*text));
    case Type::boolean:
      return *text == "t" || *text == "1" || *text == "true";
    case Type::date:
      return parse_date_column(*text).value_or(json::value(*text));
    case Type::strings:
    case Type::numbers:
      return parse_list(*text);
  }
  return nullptr;
}

std::string quoted(std::string_view name) {
  return "\"" + std::string(name) + "\"";
}

std::unexpected<ApiError> refuse(const AdditionalField& field, std::string_view code, std::string_view why) {
  return gatehouse::fail(400, std::string(code), field.name + std::string(why));
}

ApiError mistyped_change(const AdditionalField& field) {
  return {400, "VALIDATION_ERROR", "[body." + field.name + "] Invalid input"};
}

}  // namespace

std::string AdditionalFields::columns(std::string_view alias) const {
  std::string text;
  for (const auto& field : fields_) text += ", " + std::string(alias) + quoted(field.column());
  return text;
}

std::string AdditionalFields::placeholders(std::size_t first) const {
  std::string text;
  for (std::size_t i = 0; i < fields_.size(); ++i) text += ", $" + std::to_string(first + i);
  return text;
}

std::string AdditionalFields::assignments(std::size_t first) const {
  std::string text;
  for (const auto& field : fields_) {
    const auto column = quoted(field.column());
    text += ", " + column + " = CASE WHEN $" + std::to_string(first) + " THEN $" + std::to_string(first + 1) +
            " ELSE " + column + " END";
    first += 2;
  }
  return text;
}

void AdditionalFields::append_values(storage::Parameters& parameters, const AdditionalValuesPtr& values) const {
  for (const auto& field : fields_) {
    const json::value* value = nullptr;
    if (values) value = (field.returned ? values->shown : values->hidden).if_contains(field.name);
    parameters.push_back(value ? to_column(field.type, *value) : storage::Value(nullptr));
  }
}

void AdditionalFields::append_changes(storage::Parameters& parameters, const json::object& changes) const {
  for (const auto& field : fields_) {
    const json::value* value = changes.if_contains(field.name);
    parameters.emplace_back(value != nullptr);
    parameters.push_back(value ? to_column(field.type, *value) : storage::Value(nullptr));
  }
}

AdditionalValuesPtr AdditionalFields::read(const storage::Row& row, std::size_t first) const {
  if (fields_.empty()) return nullptr;
  auto values = std::make_shared<AdditionalValues>();
  for (const auto& field : fields_)
    (field.returned ? values->shown : values->hidden)[field.name] = from_column(field.type, row, first++);
  return values;
}

AdditionalValuesPtr AdditionalFields::read(const json::object& row) const {
  json::object values;
  for (const auto& field : fields_) {
    const auto* value = row.if_contains(field.name);
    if (value && !value->is_null()) values[field.name] = convert(field.type, *value).value_or(nullptr);
  }
  return make_values(values);
}

AdditionalValuesPtr AdditionalFields::make_values(const json::object& values) const {
  if (fields_.empty()) return nullptr;
  auto made = std::make_shared<AdditionalValues>();
  for (const auto& field : fields_) {
    const auto* value = values.if_contains(field.name);
    (field.returned ? made->shown : made->hidden)[field.name] = value ? *value : json::value(nullptr);
  }
  return made;
}

json::object AdditionalFields::values_of(const AdditionalValuesPtr& values) {
  if (!values) return {};
  json::object all = values->shown;
  for (const auto& [name, value] : values->hidden) all[name] = value;
  return all;
}

json::object AdditionalFields::defaults() const {
  json::object values;
  for (const auto& field : fields_)
    if (field.default_value) values[field.name] = parse_default(field);
  return values;
}

Result<json::object> AdditionalFields::read_new(const json::object& body, const ApiError& mistyped) const {
  json::object values = defaults();
  for (const auto& field : fields_) {
    const auto* value = body.if_contains(field.name);
    if (!field.input && field.default_value) continue;
    if (!value && field.required && !field.default_value) return refuse(field, "MISSING_FIELD", " is required");
    if (!value) continue;
    if (!field.input && is_truthy(*value)) return refuse(field, "FIELD_NOT_ALLOWED", " is not allowed to be set");
    if (!field.input) continue;
    std::optional<json::value> converted(std::in_place, nullptr);
    if (!value->is_null() || field.required) converted = convert(field.type, *value);
    if (!converted) return std::unexpected(mistyped);
    values[field.name] = std::move(*converted);
  }
  return values;
}

Result<json::object> AdditionalFields::read_changes(const json::object& body) const {
  json::object values;
  for (const auto& field : fields_) {
    const auto* value = body.if_contains(field.name);
    if (!value) continue;
    if (!field.input && is_truthy(*value)) return refuse(field, "FIELD_NOT_ALLOWED", " is not allowed to be set");
    if (!field.input) continue;
    std::optional<json::value> converted(std::in_place, nullptr);
    if (!value->is_null() || field.required) converted = convert(field.type, *value);
    if (!converted) return std::unexpected(mistyped_change(field));
    values[field.name] = std::move(*converted);
  }
  return values;
}

const RowFields& no_additional_fields() {
  static const RowFields none;
  return none;
}

}  // namespace gatehouse::auth
