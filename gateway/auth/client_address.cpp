#include "auth/client_address.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/ascii.hpp"

namespace gatehouse::auth {

namespace {

std::optional<IpAddress> choose(std::string_view value, const config::IpAddressRule& rule) {
  std::vector<std::string_view> hops;
  for_each_in_list(value, [&](std::string_view hop) { hops.push_back(hop); });
  if (rule.trusted_proxies.empty()) return hops.size() == 1 ? parse_ip(hops.front()) : std::nullopt;
  for (auto hop = hops.rbegin(); hop != hops.rend(); ++hop) {
    const auto address = parse_ip(*hop);
    if (!address) return std::nullopt;
    const bool trusted =
        std::ranges::any_of(rule.trusted_proxies, [&](const Cidr& proxy) { return proxy.contains(*address); });
    if (!trusted) return address;
  }
  return std::nullopt;
}

}  // namespace

std::string read_client_address(const Headers& headers, const config::IpAddressRule& rule) {
  if (rule.disable_ip_tracking) return "";
  for (const auto& wanted : rule.headers) {
    std::string value;
    for (const auto& [name, one] : headers) {
      if (!iequals(name, wanted)) continue;
      if (!value.empty()) value += ", ";
      value += one;
    }
    const auto address = choose(value, rule);
    if (address) return address->is_v4() ? address->to_string() : address->masked(rule.ipv6_subnet).to_string_full();
  }
  return "";
}

}  // namespace gatehouse::auth
