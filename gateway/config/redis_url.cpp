#include "config/redis_url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/ascii.hpp"
#include "base/encoding.hpp"
#include "base/ip_address.hpp"

namespace gatehouse::config {

namespace {

using Problem = std::optional<std::string>;  // absent: none

constexpr std::uint32_t kDatabaseMax = 1'000'000;

struct Scheme {
  std::string_view text;
  bool tls = false;
  bool socket = false;
};
constexpr std::array kSchemes{
    Scheme{"redis://"},
    Scheme{"rediss://", true},
    Scheme{"valkey://"},
    Scheme{"valkeys://", true},
    Scheme{"unix://", false, true},
    Scheme{"redis+unix://", false, true},
    Scheme{"redis+socket://", false, true},
    Scheme{"redis-socket://", false, true},
};

// Options of other clients that change nothing here: time-outs, pools and retries are the gateway's own, and replies
// are bytes in RESP2.
constexpr std::array<std::string_view, 24> kWithoutEffect{
    "protocol",         "family",         "timeout",          "connect_timeout",
    "socket_timeout",   "read_timeout",   "write_timeout",    "socket_connect_timeout",
    "dial_timeout",     "pool_size",      "max_connections",  "min_idle_conns",
    "max_retries",      "retry_on_error", "client_name",      "health_check_interval",
    "decode_responses", "encoding",       "clientname",       "retry_on_timeout",
    "socket_keepalive", "lazyconnect",    "enablereadycheck", "maxretriesperrequest",
};

template <class Number>
std::optional<Number> parse_number(std::string_view text, Number maximum) {
  Number number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{} || end != text.data() + text.size() || number > maximum) return std::nullopt;
  return number;
}

std::optional<bool> parse_switch(std::string_view text) {
  if (iequals(text, "true") || text == "1" || iequals(text, "yes") || text.empty()) return true;
  if (iequals(text, "false") || text == "0" || iequals(text, "no")) return false;
  return std::nullopt;
}

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

class Parser {
 public:
  explicit Parser(std::string_view url) : rest_(url) {}

  std::expected<RedisUrl, std::string> run() {
    for (const auto step : {&Parser::take_scheme, &Parser::take_options, &Parser::take_user, &Parser::take_place,
                            &Parser::apply_options, &Parser::check}) {
      if (auto problem = (this->*step)()) return std::unexpected(*std::move(problem));
    }
    return std::move(url_);
  }

 private:
  Problem take_scheme() {
    if (has_control(rest_)) return "has a line break or a control character in it";
    if (rest_.starts_with('/')) {
      is_socket_ = true;
      return std::nullopt;
    }
    for (const auto& scheme : kSchemes) {
      if (!iequals(rest_.substr(0, scheme.text.size()), scheme.text)) continue;
      rest_.remove_prefix(scheme.text.size());
      url_.tls = scheme.tls;
      is_socket_ = scheme.socket;
      return std::nullopt;
    }
    return "must start with redis://, rediss:// or unix://";
  }

  // An '@' behind a '/', '?' or '#' is most likely the end of a password that is not encoded: what stands before it
  // must not be taken for a host or an option, which logs may show.
  Problem take_options() {
    const auto question = rest_.find('?');
    if (question != std::string_view::npos) {
      options_ = rest_.substr(question + 1);
      rest_ = rest_.substr(0, question);
    }
    if (options_.contains('@') || rest_.contains('#') || options_.contains('#'))
      return "has a '#', or a '?' before an '@': percent-encode the special characters of the password";
    return std::nullopt;
  }

  Problem take_user() {
    const auto at = rest_.rfind('@');
    if (at == std::string_view::npos) return std::nullopt;
    const auto user_info = rest_.substr(0, at);
    if (user_info.contains('/'))
      return "has a '/' before an '@': percent-encode the special characters of the password";
    rest_.remove_prefix(at + 1);
    const auto colon = user_info.find(':');
    const auto user = percent_decode(user_info.substr(0, colon));
    if (!user) return "has a '%' in its user that is not followed by two hexadecimal digits";
    url_.user = *user;
    if (colon == std::string_view::npos) return std::nullopt;
    auto password = percent_decode(user_info.substr(colon + 1));
    if (!password) return "has a '%' in its password that is not followed by two hexadecimal digits";
    if (!password->empty() || !url_.user.empty()) url_.password = Secret(*std::move(password));
    return std::nullopt;
  }

  Problem take_place() {
    if (is_socket_) return take_socket(rest_);
    const auto slash = rest_.find('/');
    const auto authority = rest_.substr(0, slash);
    if (slash != std::string_view::npos) {
      if (auto problem = take_database(rest_.substr(slash + 1))) return problem;
    }
    // A socket's path in the place of the host, as PostgreSQL's URLs have it.
    if (iequals(authority.substr(0, 3), "%2f")) return take_socket(authority);
    return take_host(authority);
  }

  Problem take_socket(std::string_view path) {
    auto decoded = percent_decode(path);
    if (!decoded) return "has a '%' in its path that is not followed by two hexadecimal digits";
    if (!decoded->starts_with('/') || has_control(*decoded)) return "names no absolute path of a Unix socket";
    if (decoded->size() > 107) return "names a path that is too long for a Unix socket";
    url_.socket = *std::move(decoded);
    return std::nullopt;
  }

  Problem take_host(std::string_view authority) {
    std::string_view port;
    if (authority.starts_with('[')) {
      const auto end = authority.find(']');
      const auto address = parse_ip(authority.substr(1, end == std::string_view::npos ? end : end - 1));
      if (end == std::string_view::npos || !address) return "has no valid address in its brackets";
      url_.host = authority.substr(1, end - 1);
      port = authority.substr(end + 1);
      if (!port.empty() && !port.starts_with(':')) return "has something other than a port behind its address";
    } else {
      const auto colon = authority.find(':');
      url_.host = authority.substr(0, colon);
      if (colon != std::string_view::npos) port = authority.substr(colon);
    }
    if (url_.host.empty()) url_.host = "localhost";
    const bool sound = std::ranges::all_of(
        url_.host, [](char c) { return is_alphanumeric(c) || c == '.' || c == '-' || c == '_' || c == ':'; });
    if (!sound || url_.host.size() > 253) return "has no valid host";
    if (port.size() <= 1) return std::nullopt;
    const auto number = parse_number<std::uint32_t>(port.substr(1), 65'535);
    if (!number || *number == 0) return "has no valid port";
    url_.port = static_cast<std::uint16_t>(*number);
    return std::nullopt;
  }

  Problem take_database(std::string_view text) {
    if (text.empty()) return std::nullopt;
    const auto number = parse_number<std::uint32_t>(text, kDatabaseMax);
    if (!number) return "has a database that is not a number";
    url_.database = *number;
    return std::nullopt;
  }

  Problem apply_options() {
    while (!options_.empty()) {
      const auto end = options_.find('&');
      const auto option = options_.substr(0, end);
      options_ = end == std::string_view::npos ? std::string_view{} : options_.substr(end + 1);
      if (option.empty()) continue;
      const auto equals = option.find('=');
      auto value = percent_decode(equals == std::string_view::npos ? std::string_view{} : option.substr(equals + 1));
      if (!value) return "has a '%' in an option that is not followed by two hexadecimal digits";
      if (auto problem = apply(to_lower(option.substr(0, equals)), *std::move(value))) return problem;
    }
    return std::nullopt;
  }

  Problem apply(const std::string& name, std::string value) {
    if (name == "db" || name == "database") return take_database(value);
    if (name == "user" || name == "username") {
      url_.user = std::move(value);
    } else if (name == "password") {
      url_.password = Secret(std::move(value));
    } else if (name == "ssl" || name == "tls") {
      const auto on = parse_switch(value);
      if (!on) return fmt::format("has an option {} that is neither true nor false", name);
      if (url_.tls && !*on) return fmt::format("asks for TLS by its scheme and forbids it by {}", name);
      url_.tls = *on;
    } else if (name == "ssl_ca_certs" || name == "ca_file" || name == "cafile" || name == "sslrootcert") {
      url_.ca_file = std::move(value);
    } else if (name == "ssl_certfile" || name == "cert_file") {
      url_.certificate_file = std::move(value);
    } else if (name == "ssl_keyfile" || name == "key_file") {
      url_.key_file = std::move(value);
    } else if (name == "insecure_skip_verify") {
      const auto on = parse_switch(value);
      if (!on) return "has an option insecure_skip_verify that is neither true nor false";
      url_.insecure_skip_verify = *on;
    } else if (name == "ssl_cert_reqs" || name == "ssl_check_hostname" || name == "skip_verify") {
      return apply_verification(name, value);
    } else if (std::ranges::find(kWithoutEffect, name) == kWithoutEffect.end()) {
      const bool is_name =
          name.size() <= 40 && std::ranges::all_of(name, [](char c) { return is_alpha(c) || c == '_'; });
      return is_name ? fmt::format("has an option {} that is not known", name) : "has an option that is not known";
    }
    return std::nullopt;
  }

  // Spellings of other clients for "trust anybody" are refused, not obeyed: each unsafe switch here says so by name.
  static Problem apply_verification(std::string_view name, std::string_view value) {
    const bool strict = name == "ssl_cert_reqs" ? iequals(value, "required") || iequals(value, "cert_required")
                                                : parse_switch(value) == (name == "ssl_check_hostname");
    if (strict) return std::nullopt;
    return fmt::format(
        "has {} weakened, so that anybody could pose as the server: give its authority by ssl_ca_certs=FILE, or write "
        "insecure_skip_verify=true",
        name);
  }

  Problem check() {
    if (!url_.user.empty() && !url_.password)
      return "has a user but no password: write redis://user:password@…, or redis://:password@… without a user";
    const bool with_tls_options =
        !url_.ca_file.empty() || !url_.certificate_file.empty() || !url_.key_file.empty() || url_.insecure_skip_verify;
    if (with_tls_options && !url_.tls) return "has options of TLS, but its scheme is not rediss://";
    if (url_.tls && !url_.socket.empty()) return "asks for TLS on a Unix socket";
    if (url_.certificate_file.empty() != url_.key_file.empty())
      return "has only one of ssl_certfile and ssl_keyfile: they go together";
    return std::nullopt;
  }

  std::string_view rest_;
  std::string_view options_;
  bool is_socket_ = false;
  RedisUrl url_;
};

}  // namespace

std::expected<RedisUrl, std::string> parse_redis_url(std::string_view url) {
  return Parser(url).run();
}

}  // namespace gatehouse::config
