// Addresses, networks, and who asks behind proxies: lines, the first one the peer, the others X-Forwarded-For fields.
// The walk comes to what a plain reading of the whole list comes to, and never past a hop that nobody vouches for.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "auth/client_address.hpp"
#include "base/ascii.hpp"
#include "base/check.hpp"
#include "pipeline/client_address.hpp"

using namespace gatehouse;

namespace {

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> pieces;
  for (;;) {
    const auto end = text.find(at);
    pieces.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return pieces;
    text.remove_prefix(end + 1);
  }
}

void check_address(std::string_view text) {
  if (const auto address = parse_ip(text)) {
    GATEHOUSE_CHECK(parse_ip(address->to_string()) == address);
    GATEHOUSE_CHECK(parse_ip(address->to_string_full()) == address);
    GATEHOUSE_CHECK(address->is_v4() == !address->to_string().contains(':'));
    for (const unsigned bits : {0U, 20U, 64U, 127U}) {
      const auto masked = address->masked(bits);
      GATEHOUSE_CHECK(masked.masked(bits) == masked && masked.is_v4() == address->is_v4());
      GATEHOUSE_CHECK((Cidr{masked, bits}.contains(*address)));
    }
  }
  if (const auto network = parse_cidr(text)) {
    GATEHOUSE_CHECK(network->contains(network->network));
    GATEHOUSE_CHECK(parse_cidr(network->network.to_string() + "/" + std::to_string(network->bits)) == network);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<Cidr> trusted{*parse_cidr("10.0.0.0/8"), *parse_cidr("2001:db8::/32"), *parse_cidr("::1")};
  static const config::IpAddressRule alone{}, behind{.trusted_proxies = trusted};
  if (size > 16 * 1024) return 0;
  const auto lines = split({reinterpret_cast<const char*>(data), size}, '\n');
  check_address(lines[0]);
  const auto peer = parse_ip(lines[0]);
  if (!peer) return 0;
  std::vector<http::HeaderField> fields;
  auth::Headers headers;
  std::vector<std::string_view> hops;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const auto value = trim(lines[i]);
    fields.push_back({"X-Forwarded-For", value});
    headers.emplace_back("x-forwarded-for", value);
    for (const auto hop : split(value, ',')) hops.push_back(trim(hop));
  }

  const auto is_trusted = [&](const IpAddress& address) {
    return std::ranges::any_of(trusted, [&](const Cidr& network) { return network.contains(address); });
  };
  IpAddress plain = *peer;
  while (is_trusted(plain) && !hops.empty()) {
    check_address(hops.back());
    const auto hop = parse_ip(hops.back());
    if (!hop) break;
    plain = *hop;
    hops.pop_back();
  }
  GATEHOUSE_CHECK(pipeline::find_client_address(*peer, fields, trusted) == plain);
  GATEHOUSE_CHECK(pipeline::find_client_address(*peer, fields, {}) == *peer);

  for (const auto* rule : {&alone, &behind}) {
    const std::string found = auth::read_client_address(headers, *rule);
    const auto address = parse_ip(found);
    GATEHOUSE_CHECK(found.empty() || address);
    if (address && rule == &behind) GATEHOUSE_CHECK(!is_trusted(*address) || !address->is_v4());
  }
  return 0;
}
