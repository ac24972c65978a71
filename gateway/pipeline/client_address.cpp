#include "pipeline/client_address.hpp"

#include <algorithm>

#include "base/ascii.hpp"

namespace gatehouse::pipeline {

namespace {

bool is_trusted(const IpAddress& address, const std::vector<Cidr>& trusted) {
  return std::any_of(trusted.begin(), trusted.end(), [&](const Cidr& network) { return network.contains(address); });
}

}  // namespace

IpAddress find_client_address(const IpAddress& peer, http::HeaderFields fields,
                              const std::vector<Cidr>& trusted_proxies) {
  if (trusted_proxies.empty() || !is_trusted(peer, trusted_proxies)) return peer;
  IpAddress client = peer;
  // Several fields are one list, in order (RFC 9110 section 5.3): the last field is nearest to us.
  for (auto field = fields.rbegin(); field != fields.rend(); ++field) {
    if (!iequals(field->name, "x-forwarded-for")) continue;
    for (std::string_view rest = field->value;;) {
      const auto comma = rest.rfind(',');
      const auto hop = parse_ip(trim(comma == std::string_view::npos ? rest : rest.substr(comma + 1)));
      if (!hop) return client;
      client = *hop;
      if (!is_trusted(client, trusted_proxies)) return client;
      if (comma == std::string_view::npos) break;
      rest = rest.substr(0, comma);
    }
  }
  return client;
}

}  // namespace gatehouse::pipeline
