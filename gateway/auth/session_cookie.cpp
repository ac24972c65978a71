#include "auth/session_cookie.hpp"

#include <algorithm>
#include <map>

#include "base/ascii.hpp"
#include "base/encoding.hpp"
#include "crypto/digest.hpp"

namespace gatehouse::auth {

namespace {

constexpr std::string_view kSecurePrefix = "__Secure-";
constexpr std::string_view kHostPrefix = "__Host-";
constexpr std::size_t kSignatureLength = 44;
// Better Auth's bounds: what every browser takes as one cookie, and how many pieces are made of a value.
constexpr std::size_t kCookieMax = 4050;
constexpr std::size_t kPiecesMax = 100;
// Differs from Better Auth: a request whose cookies are over 16 KiB is refused, so that a larger value would lock its
// browser out.
constexpr std::size_t kPiecedValueMax = 12 * 1024;

// Percent-decodes into the scratch; absent where it does not fit or is no percent encoding.
std::optional<std::string_view> decode(std::string_view value, SessionCookie::Scratch& scratch) {
  std::size_t length = 0;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (length == scratch.size()) return std::nullopt;
    if (value[i] != '%') {
      scratch[length++] = value[i];
      continue;
    }
    if (i + 2 >= value.size()) return std::nullopt;
    const int high = hex_digit(value[i + 1]), low = hex_digit(value[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    scratch[length++] = static_cast<char>(high << 4 | low);
    i += 2;
  }
  return std::string_view(scratch.data(), length);
}

// "name" or one of its numbered pieces, "name.0".
bool is_piece_of(std::string_view cookie, std::string_view name) {
  if (!cookie.starts_with(name)) return false;
  cookie.remove_prefix(name.size());
  return cookie.empty() || (cookie.size() > 1 && cookie[0] == '.' && std::ranges::all_of(cookie.substr(1), is_digit));
}

// The number of a piece: canonical, so that no two spellings are the same one.
std::optional<std::size_t> piece_number(std::string_view cookie, std::string_view name) {
  if (cookie.size() <= name.size() || !is_piece_of(cookie, name)) return std::nullopt;
  const auto digits = cookie.substr(name.size() + 1);
  if (digits.size() > 2 || (digits.size() > 1 && digits[0] == '0')) return std::nullopt;
  std::size_t number = 0;
  for (const char digit : digits) number = number * 10 + static_cast<std::size_t>(digit - '0');
  return number;
}

}  // namespace

CookieNames make_cookie_names(const config::AuthSettings& settings, const config::Origin& base_url) {
  CookieNames names;
  names.secure = settings.use_secure_cookies.value_or(base_url.scheme == "https");
  names.prefix = settings.cookie_prefix;
  const std::string start = (names.secure ? std::string(kSecurePrefix) : std::string()) + names.prefix;
  names.session_token = start + ".session_token";
  names.session_data = start + ".session_data";
  names.dont_remember = start + ".dont_remember";
  names.account_data = start + ".account_data";
  names.state = start + ".state";
  names.oauth_state = start + ".oauth_state";
  const auto& shared = settings.cross_sub_domain_cookies;
  if (shared.enabled) names.domain = shared.domain.empty() ? base_url.host : shared.domain;
  return names;
}

SessionCookie::SessionCookie(const config::AuthSettings& settings, const config::Origin& base_url, const Secret& secret)
    : names_(make_cookie_names(settings, base_url)),
      has_account_cookie_(settings.account.store_account_cookie),
      has_state_cookie_(settings.account.store_state_strategy == config::AccountSettings::StateStore::cookie),
      session_max_age_(settings.session.expires_in),
      hmac_(secret.reveal()) {}

SessionCookie::Verdict SessionCookie::verify_value(std::string_view value, Scratch& scratch) {
  if (value.starts_with('"')) value = value.size() < 2 ? std::string_view() : value.substr(1, value.size() - 2);
  if (value.empty()) return {};
  Verdict verdict{Signature::invalid, {}};
  if (value.find('%') != std::string_view::npos) {
    const auto decoded = decode(value, scratch);
    if (!decoded) return verdict;
    value = *decoded;
  }
  const auto dot = value.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || value.size() - dot - 1 != kSignatureLength) return verdict;
  const auto token = value.substr(0, dot);
  char expected[kSignatureLength];
  base64_encode_32(hmac_.sign(token).data(), expected);
  if (!crypto::equal_constant_time({expected, kSignatureLength}, value.substr(dot + 1))) return verdict;
  return {Signature::valid, token};
}

SessionCookie::Verdict SessionCookie::verify(std::string_view cookie_header, Scratch& scratch) {
  Verdict verdict;
  for_each_cookie(cookie_header, [&](std::string_view name, std::string_view value) {
    if (name != names_.session_token) return true;
    const Verdict one = verify_value(value, scratch);
    if (one.signature != Signature::none) verdict = one;
    return one.signature != Signature::valid;
  });
  return verdict;
}

SessionCookie::Verdict SessionCookie::verify(http::HeaderFields fields, Scratch& scratch) {
  Verdict verdict;
  for (const auto& field : fields) {
    if (field.known != http::Name::cookie) continue;
    const Verdict one = verify(field.value, scratch);
    if (one.signature == Signature::valid) return one;
    if (one.signature != Signature::none) verdict = one;
  }
  return verdict;
}

SessionCookie::Verdict SessionCookie::verify_first(std::string_view cookie_header, Scratch& scratch) {
  Verdict verdict;
  for_each_cookie(cookie_header, [&](std::string_view name, std::string_view value) {
    if (name != names_.session_token) return true;
    verdict = verify_value(value, scratch);
    return false;
  });
  return verdict;
}

bool SessionCookie::has_dont_remember(std::string_view cookie_header) {
  return read_signed(cookie_header, names_.dont_remember).has_value();
}

bool SessionCookie::has_dont_remember(http::HeaderFields fields) {
  return std::ranges::any_of(fields, [this](const http::HeaderField& field) {
    return field.known == http::Name::cookie && has_dont_remember(field.value);
  });
}

std::string SessionCookie::sign(std::string_view value) {
  char signature[kSignatureLength];
  base64_encode_32(hmac_.sign(value).data(), signature);
  std::string whole(value);
  whole.push_back('.');
  whole.append(signature, kSignatureLength);
  return encode_uri_component(whole);
}

std::string SessionCookie::serialize(std::string_view name, std::string_view value, Age max_age) const {
  std::string out(name);
  out.append("=").append(value);
  if (max_age) out.append("; Max-Age=").append(std::to_string(max_age->count()));
  if (!names_.domain.empty()) out.append("; Domain=").append(names_.domain);
  out.append("; Path=/; HttpOnly");
  if (names_.secure) out.append("; Secure");
  out.append("; SameSite=Lax");
  return out;
}

std::optional<std::string> SessionCookie::read_signed(std::string_view cookie_header, std::string_view wanted) {
  std::optional<std::string> found;
  for_each_cookie(cookie_header, [&](std::string_view name, std::string_view value) {
    if (name != wanted) return true;
    Scratch scratch;
    const Verdict verdict = verify_value(value, scratch);
    if (verdict.signature == Signature::valid) found.emplace(verdict.token);
    return false;
  });
  return found;
}

std::string SessionCookie::read_pieces(std::string_view cookie_header, std::string_view wanted) const {
  std::string whole = find_cookie(cookie_header, wanted);
  if (!whole.empty()) return whole;
  std::map<std::size_t, std::string> pieces;
  for_each_cookie(cookie_header, [&](std::string_view name, std::string_view) {
    const auto number = piece_number(name, wanted);
    if (number && !pieces.contains(*number)) pieces.emplace(*number, find_cookie(cookie_header, name));
    return true;
  });
  for (const auto& [number, piece] : pieces) whole += piece;
  return whole;
}

std::string SessionCookie::set_signed(std::string_view name, std::string_view value, Age max_age) {
  return serialize(name, sign(value), max_age);
}

std::string SessionCookie::expire(std::string_view name) const {
  return serialize(name, "", std::chrono::seconds(0));
}

std::vector<std::string> SessionCookie::set_pieces(std::string_view name, std::string_view value, Age max_age,
                                                   std::string_view cookie_header) const {
  const std::size_t around = serialize(std::string(name) + ".99", "", max_age).size();
  const std::size_t piece = around < kCookieMax ? kCookieMax - around : 1;
  const std::size_t count = (value.size() + piece - 1) / piece;
  std::vector<std::string> lines = clear_pieces(cookie_header, name);
  if (count > kPiecesMax || value.size() > kPiecedValueMax) return lines;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string of_piece = count == 1 ? std::string(name) : std::string(name) + "." + std::to_string(i);
    std::erase(lines, expire(of_piece));
    lines.push_back(serialize(of_piece, value.substr(i * piece, piece), max_age));
  }
  return lines;
}

std::vector<std::string> SessionCookie::clear_pieces(std::string_view cookie_header, std::string_view wanted) const {
  std::vector<std::string> lines;
  for_each_cookie(cookie_header, [&](std::string_view name, std::string_view) {
    if (is_piece_of(name, wanted)) {
      auto line = expire(name);
      if (std::ranges::find(lines, line) == lines.end()) lines.push_back(std::move(line));
    }
    return true;
  });
  return lines;
}

std::string SessionCookie::set_session(std::string_view token, bool remember) {
  return set_signed(names_.session_token, token, remember ? Age(session_max_age_) : Age());
}

std::string SessionCookie::set_dont_remember() {
  return set_signed(names_.dont_remember, "true", {});
}

std::string SessionCookie::clear_dont_remember() const {
  return expire(names_.dont_remember);
}

std::vector<std::string> SessionCookie::clear_all(std::string_view cookie_header) const {
  std::vector<std::string> lines{expire(names_.session_token), expire(names_.session_data)};
  for (auto& line : clear_session_data(cookie_header)) {
    if (line != lines[1]) lines.push_back(std::move(line));
  }
  if (has_account_cookie_) {
    lines.push_back(expire(names_.account_data));
    for (auto& line : clear_pieces(cookie_header, names_.account_data))
      if (std::ranges::find(lines, line) == lines.end()) lines.push_back(std::move(line));
  }
  if (has_state_cookie_) lines.push_back(expire(names_.oauth_state));
  lines.push_back(clear_dont_remember());
  return lines;
}

std::vector<std::string> SessionCookie::clear_session_data(std::string_view cookie_header) const {
  return clear_pieces(cookie_header, names_.session_data);
}

bool SessionCookie::is_own(std::string_view name, bool keep_session_token) const {
  if (keep_session_token && name == names_.session_token) return false;
  // Browsers read these prefixes in any case (RFC 6265bis section 5.7).
  for (const auto prefix : {kSecurePrefix, kHostPrefix}) {
    if (!iequals(name.substr(0, prefix.size()), prefix)) continue;
    name.remove_prefix(prefix.size());
    break;
  }
  if (!name.starts_with(names_.prefix)) return false;
  name.remove_prefix(names_.prefix.size());
  if (!name.starts_with('.')) return false;
  name.remove_prefix(1);
  return name == "session_token" || name == "dont_remember" || name == "state" || is_piece_of(name, "oauth_state") ||
         is_piece_of(name, "session_data") || is_piece_of(name, "account_data");
}

// RFC 6265bis section 5.6. A cookie without a name is sent as its value alone, which is then read as name and value.
bool SessionCookie::sets_own_cookie(std::string_view set_cookie) const {
  auto pair = trim(set_cookie.substr(0, set_cookie.find(';')));
  if (pair.starts_with('=')) pair.remove_prefix(1);
  return is_own(trim(pair.substr(0, pair.find('='))), false);
}

void SessionCookie::append_other_cookies(std::string& out, std::string_view cookie_header,
                                         bool keep_session_token) const {
  bool is_first = true;
  bool removed = false;
  for (;;) {
    const auto end = cookie_header.find(';');
    auto piece = cookie_header.substr(0, end);
    if (is_own(trim(piece.substr(0, piece.find('='))), keep_session_token)) {
      removed = true;
    } else {
      if (!is_first) {
        out.push_back(';');
      } else if (removed) {
        // The blank that stood between it and what is gone.
        while (piece.starts_with(' ') || piece.starts_with('\t')) piece.remove_prefix(1);
      }
      out.append(piece);
      is_first = false;
    }
    if (end == std::string_view::npos) return;
    cookie_header.remove_prefix(end + 1);
  }
}

}  // namespace gatehouse::auth
