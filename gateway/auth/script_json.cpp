#include "auth/script_json.hpp"

#include <fmt/format.h>

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/utf8.hpp"

namespace gatehouse::auth {

namespace json = boost::json;

namespace {

// ECMA-262, Number::toString: the shortest digits that read back as the same number, without an exponent between 1e-6
// and 1e21.
void append_number(std::string& out, double number) {
  if (!std::isfinite(number)) {
    out.append("null");
    return;
  }
  if (number == 0) {
    out.append("0");
    return;
  }
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::scientific).ptr;
  const std::string shortest(text.data(), end);
  const auto e = shortest.find('e');
  std::string digits;
  for (const char c : std::string_view(shortest).substr(0, e)) {
    if (c >= '0' && c <= '9') digits.push_back(c);
  }
  while (digits.size() > 1 && digits.back() == '0') digits.pop_back();
  const int exponent = std::stoi(shortest.substr(e + 1));
  const int count = static_cast<int>(digits.size());
  if (number < 0) out.push_back('-');
  if (exponent >= 21 || exponent < -6) {
    out.push_back(digits[0]);
    if (count > 1) out.append(".").append(digits, 1);
    out.append(fmt::format("e{:+}", exponent));
  } else if (exponent >= count - 1) {
    out.append(digits).append(static_cast<std::size_t>(exponent - count + 1), '0');
  } else if (exponent >= 0) {
    out.append(digits, 0, static_cast<std::size_t>(exponent) + 1).append(".");
    out.append(digits, static_cast<std::size_t>(exponent) + 1);
  } else {
    out.append("0.").append(static_cast<std::size_t>(-exponent - 1), '0').append(digits);
  }
}

// ECMA-262, QuoteJSONString.
void append_string(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  constexpr std::string_view kControls = "\b\t\n\f\r", kLetters = "btnfr";
  const std::string valid = replace_invalid_utf8(text);
  out.push_back('"');
  for (const char c : valid) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.append({'\\', c});
    } else if (byte >= 0x20) {
      out.push_back(c);
    } else if (const auto control = kControls.find(c); control != std::string_view::npos) {
      out.append({'\\', kLetters[control]});
    } else {
      out.append("\\u00").append({kHex[byte >> 4], kHex[byte & 15]});
    }
  }
  out.push_back('"');
}

void append(std::string& out, const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      out.append("null");
      break;
    case json::kind::bool_:
      out.append(value.get_bool() ? "true" : "false");
      break;
    case json::kind::int64:
      out.append(std::to_string(value.get_int64()));
      break;
    case json::kind::uint64:
      out.append(std::to_string(value.get_uint64()));
      break;
    case json::kind::double_:
      append_number(out, value.get_double());
      break;
    case json::kind::string:
      append_string(out, value.get_string());
      break;
    case json::kind::array: {
      const char* before = "[";
      for (const auto& item : value.get_array()) {
        out.append(std::exchange(before, ","));
        append(out, item);
      }
      out.append(value.get_array().empty() ? "[]" : "]");
      break;
    }
    case json::kind::object: {
      const char* before = "{";
      for (const auto& [name, member] : value.get_object()) {
        out.append(std::exchange(before, ","));
        append_string(out, name);
        out.push_back(':');
        append(out, member);
      }
      out.append(value.get_object().empty() ? "{}" : "}");
      break;
    }
  }
}

}  // namespace

std::string to_script_json(const json::value& value) {
  std::string out;
  append(out, value);
  return out;
}

void replace_infinities(json::value& value) {
  if (const double* number = value.if_double()) {
    if (!std::isfinite(*number)) value = nullptr;
  } else if (auto* array = value.if_array()) {
    for (auto& one : *array) replace_infinities(one);
  } else if (auto* object = value.if_object()) {
    for (auto& one : *object) replace_infinities(one.value());
  }
}

bool is_truthy(const json::value& value) {
  if (value.is_string()) return !value.get_string().empty();
  if (value.is_bool()) return value.get_bool();
  if (value.is_number()) return value.to_number<double>() != 0;
  return !value.is_null();
}

}  // namespace gatehouse::auth
