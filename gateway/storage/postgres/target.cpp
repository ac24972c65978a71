#include "storage/postgres/target.hpp"

#include <libpq-fe.h>

#include <boost/asio/ip/address.hpp>
#include <memory>
#include <string_view>

namespace gatehouse::storage {

namespace {

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> parts;
  for (;;) {
    const auto comma = list.find(',');
    parts.emplace_back(list.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    list.remove_prefix(comma + 1);
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

}  // namespace

std::expected<PostgresTarget, std::string> PostgresTarget::parse(const std::string& url) {
  char* message = nullptr;
  const std::unique_ptr<PQconninfoOption, FreeOptions> options(PQconninfoParse(url.c_str(), &message));
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
  target.keywords_["client_encoding"] = "UTF8";
  const auto hosts = split(value(target.keywords_, "host"));
  const auto addresses = split(value(target.keywords_, "hostaddr"));
  const auto ports = split(value(target.keywords_, "port"));
  const auto count = std::max(hosts.size(), addresses.size());
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
