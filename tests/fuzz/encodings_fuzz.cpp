// Encodings: what is written reads back as the same bytes, what is read strictly has one spelling, and text put into
// JSON and HTML stays text.
#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "auth/request_body.hpp"
#include "auth/script_json.hpp"
#include "auth/url_query.hpp"
#include "base/ascii.hpp"
#include "base/check.hpp"
#include "base/encoding.hpp"
#include "base/html_text.hpp"
#include "base/iso_time.hpp"
#include "base/json_text.hpp"
#include "base/utf8.hpp"
#include "storage/change_feed.hpp"
#include "storage/database.hpp"

using namespace gatehouse;

namespace {

void check_encodings(const std::string& text) {
  GATEHOUSE_CHECK(base64_decode(base64_encode(text)) == text);
  GATEHOUSE_CHECK(base64url_decode(base64url_encode(text)) == text);
  GATEHOUSE_CHECK(hex_decode(hex_encode(text)) == text);
  GATEHOUSE_CHECK(percent_decode(encode_uri_component(text)) == text);
  if (const auto bytes = base64_decode(text)) GATEHOUSE_CHECK(base64_encode(*bytes) == text);
  if (const auto bytes = base64url_decode(text)) GATEHOUSE_CHECK(base64url_encode(*bytes) == text);
  if (const auto bytes = hex_decode(text)) GATEHOUSE_CHECK(hex_encode(*bytes) == to_lower(text));
  if (text.size() >= 32) {
    std::string out(44, '\0');
    base64_encode_32(reinterpret_cast<const unsigned char*>(text.data()), out.data());
    GATEHOUSE_CHECK(out == base64_encode(text.substr(0, 32)));
  }
}

std::string without_replacements(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 3) == "\xEF\xBF\xBD") {
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

void check_texts(const std::string& text) {
  const std::string valid = replace_invalid_utf8(text);
  GATEHOUSE_CHECK(is_utf8(valid) && (valid == text) == is_utf8(text));
  // Boost.JSON has its own idea of UTF-8, and refuses what is none. How many U+FFFD stand for a run of other bytes is
  // not told.
  boost::system::error_code error;
  const auto value = boost::json::parse(json_quoted(text), error);
  GATEHOUSE_CHECK(!error && value.is_string());
  GATEHOUSE_CHECK(without_replacements(value.get_string()) == without_replacements(valid));

  std::string html;
  append_html_text(html, text);
  GATEHOUSE_CHECK(html.find_first_of("<>\"'") == std::string::npos && html.size() >= text.size());
}

void check_query(const std::string& text) {
  const auth::UrlQuery query(text);
  std::string written;
  for (const auto& [name, value] : query.pairs()) {
    if (!written.empty()) written += '&';
    written += auth::encode_form_value(name) + "=" + auth::encode_form_value(value);
  }
  GATEHOUSE_CHECK(auth::UrlQuery(written).pairs() == query.pairs());
}

// Boost.JSON 1.81 reads some numbers one place beside the nearest double.
bool has_fraction(const boost::json::value& value) {
  if (value.is_double()) return true;
  if (const auto* array = value.if_array()) return std::ranges::any_of(*array, has_fraction);
  const auto* object = value.if_object();
  return object != nullptr && std::ranges::any_of(*object, [](const auto& one) { return has_fraction(one.value()); });
}

void check_json(const std::string& text) {
  const auto value = auth::parse_json(text);
  if (!value || has_fraction(*value)) return;
  const std::string script = auth::to_script_json(*value);
  const auto again = auth::parse_json(script);
  GATEHOUSE_CHECK(again && auth::to_script_json(*again) == script);
}

void check_times(const std::string& text) {
  if (const auto time = parse_iso(text)) {
    GATEHOUSE_CHECK(to_iso(*time).size() == 24 && parse_iso(to_iso(*time)) == time);
  }
  if (const auto time = storage::parse_stored_time(text)) GATEHOUSE_CHECK(parse_iso(to_iso(*time)) == time);
  const auto change = storage::parse_change(text);
  GATEHOUSE_CHECK((change.kind == storage::Change::Kind::everything) == change.subject.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 8 * 1024) return 0;
  const std::string text(reinterpret_cast<const char*>(data), size);
  check_encodings(text);
  check_texts(text);
  check_query(text);
  check_json(text);
  check_times(text);
  return 0;
}
