#include "base/ip_address.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace gatehouse {

IpAddress IpAddress::v4(std::uint32_t host_order) {
  IpAddress address;
  for (int i = 0; i < 4; ++i)
    address.bytes_[static_cast<std::size_t>(12 + i)] = static_cast<unsigned char>(host_order >> (24 - 8 * i));
  return address;
}

IpAddress IpAddress::v6(const std::array<unsigned char, 16>& bytes) {
  IpAddress address;
  const IpAddress mapped;
  address.v4_ = std::equal(bytes.begin(), bytes.begin() + 12, mapped.bytes_.begin());
  address.bytes_ = bytes;
  return address;
}

bool IpAddress::is_loopback() const {
  if (v4_) return bytes_[12] == 127;
  static constexpr std::array<unsigned char, 16> kLoopback{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  return bytes_ == kLoopback;
}

IpAddress IpAddress::masked(unsigned bits) const {
  const unsigned keep = v4_ ? 96 + std::min(bits, 32u) : std::min(bits, 128u);
  IpAddress out = *this;
  for (unsigned i = 0; i < 16; ++i) {
    const unsigned before = i * 8;
    if (before >= keep) {
      out.bytes_[i] = 0;
    } else if (keep - before < 8) {
      out.bytes_[i] = static_cast<unsigned char>(out.bytes_[i] & (0xFF << (8 - (keep - before))));
    }
  }
  return out;
}

std::string IpAddress::to_string() const {
  char text[INET6_ADDRSTRLEN];
  if (v4_) {
    // Once for each request: inet_ntop goes through printf.
    char* end = text;
    for (std::size_t i = 12; i < 16; ++i) {
      if (i > 12) *end++ = '.';
      end = std::to_chars(end, text + sizeof text, bytes_[i]).ptr;
    }
    return {text, end};
  }
  inet_ntop(AF_INET6, bytes_.data(), text, sizeof text);
  return text;
}

std::string IpAddress::to_string_full() const {
  if (v4_) return to_string();
  std::string out;
  for (std::size_t i = 0; i < 16; i += 2) {
    out += fmt::format("{}{:02x}{:02x}", i == 0 ? "" : ":", bytes_[i], bytes_[i + 1]);
  }
  return out;
}

std::optional<IpAddress> parse_ip(std::string_view text) {
  // inet_pton would stop at a NUL and take what is before it.
  if (text.empty() || text.size() >= INET6_ADDRSTRLEN || text.contains('\0')) return std::nullopt;
  char zero_ended[INET6_ADDRSTRLEN];
  std::memcpy(zero_ended, text.data(), text.size());
  zero_ended[text.size()] = '\0';
  std::array<unsigned char, 16> bytes{};
  if (inet_pton(AF_INET, zero_ended, bytes.data()) == 1) {
    return IpAddress::v4(static_cast<std::uint32_t>(bytes[0]) << 24 | static_cast<std::uint32_t>(bytes[1]) << 16 |
                         static_cast<std::uint32_t>(bytes[2]) << 8 | bytes[3]);
  }
  if (inet_pton(AF_INET6, zero_ended, bytes.data()) == 1) return IpAddress::v6(bytes);
  return std::nullopt;
}

std::optional<Cidr> parse_cidr(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = parse_ip(text.substr(0, slash));
  if (!address) return std::nullopt;
  const unsigned whole = address->is_v4() ? 32 : 128;
  if (slash == std::string_view::npos) return Cidr{*address, whole};
  const auto digits = text.substr(slash + 1);
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (error != std::errc{} || end != digits.data() + digits.size() || bits > whole) return std::nullopt;
  return Cidr{address->masked(bits), bits};
}

}  // namespace gatehouse
