#include "auth/request_body.hpp"

#include <boost/json/parse.hpp>

#include "auth/script_json.hpp"
#include "auth/url_query.hpp"
#include "base/ascii.hpp"
#include "base/utf8.hpp"

namespace gatehouse::auth {

namespace json = boost::json;

namespace {

constexpr std::size_t kNestingMax = 5'000;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kJsonType = "application/json";
constexpr std::string_view kFormType = "application/x-www-form-urlencoded";

// The code unit of the escape \uXXXX at the front, or -1.
int code_unit(std::string_view text) {
  if (text.size() < 6 || text[0] != '\\' || text[1] != 'u') return -1;
  int unit = 0;
  for (std::size_t i = 2; i < 6; ++i) {
    const int digit = hex_digit(text[i]);
    if (digit < 0) return -1;
    unit = unit << 4 | digit;
  }
  return unit;
}

bool is_high_surrogate(int unit) {
  return unit >= 0xD800 && unit < 0xDC00;
}
bool is_low_surrogate(int unit) {
  return unit >= 0xDC00 && unit < 0xE000;
}

// JavaScript keeps half a character; UTF-8 cannot, and whoever encodes it later writes U+FFFD.
std::string replace_lone_surrogates(std::string text) {
  if (text.find("\\u") == std::string::npos) return text;
  std::string out;
  out.reserve(text.size());
  std::string_view rest = text;
  while (!rest.empty()) {
    std::size_t length = rest[0] == '\\' && rest.size() > 1 ? 2 : 1;
    const int unit = code_unit(rest);
    if (unit >= 0) {
      length = is_high_surrogate(unit) && is_low_surrogate(code_unit(rest.substr(6))) ? 12 : 6;
      if (length == 6 && (is_high_surrogate(unit) || is_low_surrogate(unit))) {
        out.append("\\ufffd");
        rest.remove_prefix(length);
        continue;
      }
    }
    out.append(rest.substr(0, length));
    rest.remove_prefix(length);
  }
  return out;
}

}  // namespace

std::optional<json::value> parse_json(std::string_view text) {
  std::string decoded = replace_invalid_utf8(text);
  if (decoded.starts_with(kByteOrderMark)) decoded.erase(0, kByteOrderMark.size());
  decoded = replace_lone_surrogates(std::move(decoded));
  boost::system::error_code error;
  json::parse_options options;
  options.max_depth = kNestingMax;
  auto value = json::parse(decoded, error, {}, options);
  if (error) return std::nullopt;
  replace_infinities(value);
  return value;
}

json::value parse_form(std::string_view text) {
  json::object object;
  const UrlQuery form(text);
  for (const auto& [name, value] : form.pairs()) object[name] = value;
  return object;
}

Result<std::optional<json::value>> parse_body(const AuthRequest& request, BodyKind kind) {
  const auto type = request.header("content-type").value_or(std::string_view());
  if (kind == BodyKind::none || type.empty() || !request.body || request.body->empty() || request.method == "GET") {
    return std::nullopt;
  }
  const auto media_type = trim(type.substr(0, type.find(';')));
  if (iequals(media_type, kJsonType)) {
    auto value = parse_json(*request.body);
    if (!value) return fail(400, "BAD_REQUEST", "Invalid JSON in request body");
    return value;
  }
  const bool takes_form = kind == BodyKind::form_or_json;
  if (takes_form && iequals(media_type, kFormType)) return parse_form(*request.body);
  std::string message = "Content-Type \"" + std::string(type) + "\" is not allowed. Allowed types: ";
  if (takes_form) message.append(kFormType).append(", ");
  message.append(kJsonType);
  return fail(415, "UNSUPPORTED_MEDIA_TYPE", replace_invalid_utf8(message));
}

}  // namespace gatehouse::auth
