// Addresses in one canonical form: IPv4-mapped IPv6 is folded to IPv4, so that one peer has one spelling in limits and
// logs.
#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse {

class IpAddress {
 public:
  IpAddress() = default;  // 0.0.0.0
  static IpAddress v4(std::uint32_t host_order);
  static IpAddress v6(const std::array<unsigned char, 16>& bytes);  // folds ::ffff:a.b.c.d

  bool is_v4() const { return v4_; }
  bool is_loopback() const;
  // The same address with all but the first `bits` bits zero (clamped to 32 or 128). The key of limits: v4 whole, v6 to
  // /64.
  IpAddress masked(unsigned bits) const;
  // 16 bytes; IPv4 in its mapped form.
  const std::array<unsigned char, 16>& bytes() const { return bytes_; }
  std::string to_string() const;       // RFC 5952
  std::string to_string_full() const;  // IPv6 as eight groups of four digits, as Better Auth stores it; IPv4 as usual

  auto operator<=>(const IpAddress&) const = default;

 private:
  std::array<unsigned char, 16> bytes_{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0};
  bool v4_ = true;
};

// Neither port nor brackets nor a zone.
std::optional<IpAddress> parse_ip(std::string_view text);

// A network as "10.0.0.0/8" or a single address.
struct Cidr {
  IpAddress network;
  unsigned bits = 0;  // of the address's own family
  bool contains(const IpAddress& address) const {
    return address.is_v4() == network.is_v4() && address.masked(bits) == network.masked(bits);
  }
  bool operator==(const Cidr&) const = default;
};
std::optional<Cidr> parse_cidr(std::string_view text);

}  // namespace gatehouse
