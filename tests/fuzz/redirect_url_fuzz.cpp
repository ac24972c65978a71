// Where people may be sent: what is trusted stays on the origin that was judged, also once the gateway has added its
// word to the query. And wildcards (a pattern and a text, parted by a line end) against a plain reading.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "auth/redirect_url.hpp"
#include "auth/trusted_origins.hpp"
#include "auth/url_query.hpp"
#include "auth/web_url.hpp"
#include "auth/wildcard.hpp"
#include "base/check.hpp"

using namespace gatehouse;

namespace {

const config::Origin kBase{"https", "auth.example.test", 443};
constexpr std::string_view kWord = "a&b=c d";

std::string_view query_of(std::string_view url) {
  url = url.substr(0, url.find('#'));
  const auto question = url.find('?');
  return question == std::string_view::npos ? std::string_view() : url.substr(question + 1);
}

std::string_view fragment_of(std::string_view url) {
  const auto hash = url.find('#');
  return hash == std::string_view::npos ? std::string_view() : url.substr(hash);
}

void check_redirect(const auth::TrustedOrigins& origins, std::string_view url) {
  for (const char c : url) GATEHOUSE_CHECK(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
  const bool is_path = url.starts_with('/');
  const auto judged = auth::parse_web_url(is_path ? kBase.to_string() + std::string(url) : std::string(url));
  GATEHOUSE_CHECK(judged.has_value());
  if (is_path) GATEHOUSE_CHECK(judged->origin() == kBase.to_string());

  const std::string set = auth::with_parameter(url, kBase, "error", kWord);
  const auto set_url = auth::parse_web_url(set);
  GATEHOUSE_CHECK(set_url && set_url->scheme == judged->scheme && set_url->host == judged->host);
  const auth::UrlQuery query(query_of(set));
  GATEHOUSE_CHECK(query.find("error") == kWord && !query.is_repeated("error"));
  GATEHOUSE_CHECK(fragment_of(set) == fragment_of(url));
  GATEHOUSE_CHECK(auth::with_parameter(set, kBase, "error", kWord) == set);

  const std::string appended = auth::with_appended(url, "error", kWord);
  GATEHOUSE_CHECK(origins.trusts_redirect(appended) && appended.starts_with('/') == is_path);
  const auth::UrlQuery longer(query_of(appended));
  GATEHOUSE_CHECK(longer.pairs().back().first == "error" && longer.pairs().back().second == kWord);
}

bool matches_plainly(std::string_view pattern, std::string_view text) {
  // reachable[i]: the pattern so far takes the first i bytes.
  std::vector<bool> reachable(text.size() + 1, false);
  reachable[0] = true;
  for (std::size_t p = 0; p < pattern.size(); ++p) {
    const bool escaped = pattern[p] == '\\' && p + 1 < pattern.size();
    const char wanted = escaped ? pattern[++p] : pattern[p];
    std::vector<bool> next(text.size() + 1, false);
    for (std::size_t i = 0; i <= text.size(); ++i) {
      if (!escaped && wanted == '*') {
        next[i] = reachable[i] || (i > 0 && next[i - 1]);
      } else {
        next[i] = i > 0 && reachable[i - 1] && ((!escaped && wanted == '?') || wanted == text[i - 1]);
      }
    }
    reachable = next;
  }
  return reachable[text.size()];
}

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  while (!path.empty()) {
    const auto end = path.find('/');
    if (end != 0) segments.push_back(path.substr(0, end));
    if (end == std::string_view::npos) break;
    path.remove_prefix(end + 1);
  }
  return segments;
}

bool path_matches_plainly(std::string_view pattern, std::string_view path) {
  const auto segments = segments_of(path);
  std::vector<bool> reachable(segments.size() + 1, false);
  reachable[0] = true;
  for (const auto wanted : segments_of(pattern)) {
    std::vector<bool> next(segments.size() + 1, false);
    for (std::size_t i = 0; i <= segments.size(); ++i) {
      if (wanted == "**") {
        next[i] = reachable[i] || (i > 0 && next[i - 1]);
      } else {
        next[i] = i > 0 && reachable[i - 1] && matches_plainly(wanted, segments[i - 1]);
      }
    }
    reachable = next;
  }
  return reachable[segments.size()];
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auth::TrustedOrigins origins(kBase, {"https://*.wild.example.test", "https://app.example.test:8443",
                                                    "http://localhost:3000", "myapp://cb/x", "10.*", "other://"});
  if (size > 4096) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto url = auth::parse_web_url(text);
  if (url && url->is_http()) {
    const auto again = auth::parse_web_url(url->origin());
    GATEHOUSE_CHECK(again && again->origin() == url->origin());
    GATEHOUSE_CHECK(url->host.find_first_of(std::string_view("/\\?#@ \t\r\n\0", 10)) == std::string::npos);
  }
  if (origins.trusts_serialized(text)) GATEHOUSE_CHECK(origins.trusts_origin(text));
  if (origins.trusts_redirect(text)) check_redirect(origins, text);

  const auto line_end = text.find('\n');
  if (line_end != std::string_view::npos && size <= 256) {
    const auto pattern = text.substr(0, line_end), path = text.substr(line_end + 1);
    GATEHOUSE_CHECK(auth::matches_wildcard(pattern, path) == matches_plainly(pattern, path));
    GATEHOUSE_CHECK(auth::matches_path_wildcard(pattern, path) == path_matches_plainly(pattern, path));
  }
  return 0;
}
