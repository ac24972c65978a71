#include "http/header_field.hpp"

#include <array>
#include <utility>

#include "base/ascii.hpp"

namespace gatehouse::http {

namespace {

using Entry = std::pair<std::string_view, Name>;

constexpr std::array kNames{
    Entry{"te", Name::te},
    Entry{"date", Name::date},
    Entry{"host", Name::host},
    Entry{"accept", Name::accept},
    Entry{"cookie", Name::cookie},
    Entry{"expect", Name::expect},
    Entry{"origin", Name::origin},
    Entry{"server", Name::server},
    Entry{"referer", Name::referer},
    Entry{"trailer", Name::trailer},
    Entry{"upgrade", Name::upgrade},
    Entry{"location", Name::location},
    Entry{"forwarded", Name::forwarded},
    Entry{"connection", Name::connection},
    Entry{"keep-alive", Name::keep_alive},
    Entry{"set-cookie", Name::set_cookie},
    Entry{"user-agent", Name::user_agent},
    Entry{"traceparent", Name::traceparent},
    Entry{"content-type", Name::content_type},
    Entry{"authorization", Name::authorization},
    Entry{"content-length", Name::content_length},
    Entry{"http2-settings", Name::http2_settings},
    Entry{"sec-fetch-dest", Name::sec_fetch_dest},
    Entry{"sec-fetch-mode", Name::sec_fetch_mode},
    Entry{"sec-fetch-site", Name::sec_fetch_site},
    Entry{"proxy-connection", Name::proxy_connection},
    Entry{"sec-websocket-key", Name::sec_websocket_key},
    Entry{"transfer-encoding", Name::transfer_encoding},
    Entry{"proxy-authenticate", Name::proxy_authenticate},
    Entry{"proxy-authorization", Name::proxy_authorization},
    Entry{"sec-websocket-accept", Name::sec_websocket_accept},
    Entry{"strict-transport-security", Name::strict_transport_security},
    Entry{"access-control-request-method", Name::access_control_request_method},
};

constexpr std::size_t kLongest = 29;

// kNames is sorted by length: [starts[n], starts[n + 1]) are the names of n characters.
constexpr auto kStarts = [] {
  std::array<std::uint8_t, kLongest + 2> starts{};
  for (std::size_t length = 0; length < starts.size(); ++length) {
    std::uint8_t at = 0;
    while (at < kNames.size() && kNames[at].first.size() < length) ++at;
    starts[length] = at;
  }
  return starts;
}();

}  // namespace

Name find_name(std::string_view text) {
  if (text.size() > kLongest) return Name::other;
  for (std::size_t i = kStarts[text.size()]; i < kStarts[text.size() + 1]; ++i) {
    if (iequals(kNames[i].first, text)) return kNames[i].second;
  }
  return Name::other;
}

std::optional<std::string_view> find_field(HeaderFields fields, Name name) {
  for (const HeaderField& field : fields) {
    if (field.known == name) return field.value;
  }
  return std::nullopt;
}

std::optional<std::string_view> find_field(HeaderFields fields, std::string_view name) {
  for (const HeaderField& field : fields) {
    if (iequals(field.name, name)) return field.value;
  }
  return std::nullopt;
}

}  // namespace gatehouse::http
