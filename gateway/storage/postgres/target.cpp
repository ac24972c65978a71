#include "storage/postgres/target.hpp"

#include <libpq-fe.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/address.hpp>
#include <memory>
#include <optional>
#include <string_view>

namespace gatehouse::storage {

namespace {

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

std::vector<std::string> split(std::string_view list, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const auto end = list.find(separator);
    parts.emplace_back(list.substr(0, end));
    if (end == std::string_view::npos) return parts;
    list.remove_prefix(end + 1);
  }
}

void append(std::string& list, const std::string& part, bool first) {
  if (!first) list += ',';
  list += part;
}

std::string value(const std::map<std::string, std::string>& keywords, const std::string& name) {
  const auto found = keywords.find(name);
  return found == keywords.end() ? std::string() : found->second;
}

bool is_known(const std::string& keyword) {
  static const std::unique_ptr<PQconninfoOption, FreeOptions> known(PQconndefaults());
  for (const auto* option = known.get(); option != nullptr && option->keyword != nullptr; ++option) {
    if (keyword == option->keyword) return true;
  }
  return keyword == "ssl";  // libpq takes ssl=true for JDBC's sake
}

// libpq wants the '=' and the spaces of a value percent-encoded, but `?options=-c search_path=auth` is what people copy
// from Better Auth's documentation; Node takes '+' for a space there, too.
std::string encode_value(std::string_view keyword, std::string_view value) {
  std::string encoded;
  for (const char c : value) {
    if (c == '=') {
      encoded += "%3D";
    } else if (c == ' ' || (c == '+' && keyword == "options")) {
      encoded += "%20";
    } else {
      encoded += c;
    }
  }
  return encoded;
}

// What libpq would only find out while it connects, again and again; and what drivers of Node and Prisma have more.
std::optional<std::string> find_problem(const std::map<std::string, std::string>& keywords) {
  static constexpr std::array<std::string_view, 6> kModes{"disable", "allow",     "prefer",
                                                          "require", "verify-ca", "verify-full"};
  const auto mode = value(keywords, "sslmode");
  if (!mode.empty() && std::ranges::find(kModes, mode) == kModes.end())
    return "the database URL has sslmode=" + mode +
           "; PostgreSQL's libpq knows disable, allow, prefer, require, verify-ca and verify-full";
  for (const char* file : {"sslrootcert", "sslcert", "sslkey"}) {
    const auto path = value(keywords, file);
    if (!path.empty() && ::access(path.c_str(), R_OK) != 0)
      return "the database URL has " + std::string(file) + "=" + path + ", which cannot be read";
  }
  return std::nullopt;
}

// The URL as libpq takes it, or the sentence that names a parameter which it does not know.
std::expected<std::string, std::string> for_libpq(const std::string& url) {
  // As libpq looks for the end of user and password, which may hold a '?'.
  const auto authority = url.find("://") + 3;
  const auto end_of_user = url.find_first_of("@/", authority);
  const bool has_user = end_of_user != std::string::npos && url[end_of_user] == '@';
  const auto question = url.find('?', has_user ? end_of_user : authority);
  // An '@' behind it may be a password's end, which must not be quoted: libpq may refuse that.
  if (question == std::string::npos || url.find('@', question) != std::string::npos) return url;
  std::string written = url.substr(0, question + 1);
  for (const auto& parameter : split(std::string_view(url).substr(question + 1), '&')) {
    const auto equals = parameter.find('=');
    const auto keyword = parameter.substr(0, equals);
    if (!is_known(keyword)) {
      return std::unexpected("the database URL has the parameter \"" + keyword +
                             "\", which PostgreSQL's libpq does not know");
    }
    if (written.back() != '?') written += '&';
    written += parameter.substr(0, equals);
    if (equals != std::string::npos)
      written += "=" + encode_value(keyword, std::string_view(parameter).substr(equals + 1));
  }
  return written;
}

}  // namespace

std::expected<PostgresTarget, std::string> PostgresTarget::parse(const std::string& url) {
  const auto written = for_libpq(url);
  if (!written) return std::unexpected(written.error());
  char* message = nullptr;
  const std::unique_ptr<PQconninfoOption, FreeOptions> options(PQconninfoParse(written->c_str(), &message));
  PQfreemem(message);
  if (!options) return std::unexpected("the database URL is not one that PostgreSQL's libpq understands");
  PostgresTarget target;
  // Kerberos reads files and may ask servers, and would block the thread; half-open connections should be noticed in a
  // minute.
  target.keywords_ = {{"fallback_application_name", "gatehouse"},
                      {"gssencmode", "disable"},
                      {"keepalives_idle", "30"},
                      {"keepalives_interval", "10"},
                      {"keepalives_count", "3"}};
  for (const auto* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) target.keywords_[option->keyword] = option->val;
  }
  if (auto problem = find_problem(target.keywords_)) return std::unexpected(std::move(*problem));
  target.keywords_["client_encoding"] = "UTF8";
  const auto hosts = split(value(target.keywords_, "host"), ',');
  const auto addresses = split(value(target.keywords_, "hostaddr"), ',');
  const auto ports = split(value(target.keywords_, "port"), ',');
  const auto count = std::max(hosts.size(), addresses.size());
  // A standby lags behind, and what was revoked would be read from it as valid.
  if (count > 1) target.keywords_.try_emplace("target_session_attrs", "read-write");
  for (std::size_t i = 0; i < count; ++i) {
    target.endpoints_.push_back({.host = i < hosts.size() ? hosts[i] : "",
                                 .address = i < addresses.size() ? addresses[i] : "",
                                 .port = ports.size() == 1  ? ports[0]
                                         : i < ports.size() ? ports[i]
                                                            : ""});
  }
  return target;
}

bool PostgresTarget::needs_address(const PostgresEndpoint& endpoint) {
  if (endpoint.host.empty() || !endpoint.address.empty()) return false;
  if (endpoint.host.front() == '/' || endpoint.host.front() == '@') return false;
  boost::system::error_code no_address;
  boost::asio::ip::make_address(endpoint.host, no_address);
  return no_address.failed();
}

std::map<std::string, std::string> PostgresTarget::keywords(const std::vector<PostgresEndpoint>& endpoints) const {
  auto all = keywords_;
  std::string hosts, addresses, ports;
  for (const auto& endpoint : endpoints) {
    const bool first = &endpoint == &endpoints.front();
    append(hosts, endpoint.host, first);
    append(addresses, endpoint.address, first);
    append(ports, endpoint.port, first);
  }
  all["host"] = hosts;
  all["hostaddr"] = addresses;
  all["port"] = ports;
  return all;
}

}  // namespace gatehouse::storage
