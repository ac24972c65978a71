#include "http/proxy_header.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/check.hpp"

namespace gatehouse::http {

namespace {

constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::string_view kWord = "PROXY ";
constexpr std::size_t kShortestLine = 15;  // "PROXY UNKNOWN\r\n"
constexpr std::size_t kFixedPart = 16;     // signature, version and command, family and transport, length
constexpr std::size_t kAddressesV4 = 12;
constexpr std::size_t kAddressesV6 = 36;
constexpr std::size_t kAddressesLocal = 216;

unsigned byte_at(const char* bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

std::uint16_t read_u16(const char* bytes) {
  return static_cast<std::uint16_t>(byte_at(bytes, 0) << 8 | byte_at(bytes, 1));
}

// Decimal without sign or leading zeros.
std::optional<std::uint16_t> parse_port(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  unsigned value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  if (value > 65'535) return std::nullopt;
  return static_cast<std::uint16_t>(value);
}

// An address as it is written for that family: a mapped address is one of IPv6.
std::optional<IpAddress> parse_address(std::string_view text, bool v6) {
  if (text.contains(':') != v6) return std::nullopt;
  return parse_ip(text);
}

// What is in front of the next blank; takes both away. Absent where there is no blank.
std::optional<std::string_view> take_word(std::string_view& rest) {
  const auto blank = rest.find(' ');
  if (blank == std::string_view::npos) return std::nullopt;
  const auto word = rest.substr(0, blank);
  rest.remove_prefix(blank + 1);
  return word;
}

}  // namespace

std::size_t ProxyHeaderParser::wanted() const {
  switch (version_) {
    case Version::undecided:
    case Version::text:
      if (size_ < kShortestLine) return kShortestLine - size_;
      return kept_[size_ - 1] == '\r' ? 1 : 2;
    case Version::binary:
      if (size_ < kFixedPart) return kFixedPart - size_;
      return std::min(left_, kWantedMax);
  }
  return 1;
}

ProxyHeaderParser::Progress ProxyHeaderParser::take(std::string_view bytes) {
  GATEHOUSE_CHECK(bytes.size() <= wanted());
  Progress progress = Progress::need_more;
  for (const char byte : bytes) {
    progress = take_byte(byte);
    if (progress != Progress::need_more) return progress;
  }
  return progress;
}

ProxyHeaderParser::Progress ProxyHeaderParser::take_byte(char byte) {
  if (version_ == Version::undecided) version_ = byte == kSignature.front() ? Version::binary : Version::text;
  return version_ == Version::text ? take_text(byte) : take_binary(byte);
}

ProxyHeaderParser::Progress ProxyHeaderParser::take_text(char byte) {
  if (size_ < kWord.size() && byte != kWord[size_]) return Progress::malformed;
  const bool after_return = size_ > 0 && kept_[size_ - 1] == '\r';
  if ((byte == '\n') != after_return) return Progress::malformed;
  if (byte == '\n') return read_line();
  if (size_ + 1 == kLineMax) return Progress::malformed;  // no room for the line feed
  kept_[size_++] = byte;
  return Progress::need_more;
}

// "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443" or "PROXY UNKNOWN" with anything behind it; the CR is kept.
ProxyHeaderParser::Progress ProxyHeaderParser::read_line() {
  std::string_view rest(kept_.data(), size_ - 1);
  rest.remove_prefix(kWord.size());
  if (rest == "UNKNOWN" || rest.starts_with("UNKNOWN ")) return Progress::complete;
  const bool v6 = rest.starts_with("TCP6 ");
  if (!v6 && !rest.starts_with("TCP4 ")) return Progress::malformed;
  rest.remove_prefix(5);
  const auto source = take_word(rest);
  const auto destination = take_word(rest);
  const auto source_port = take_word(rest);
  if (!source || !destination || !source_port) return Progress::malformed;
  const auto address = parse_address(*source, v6);
  const auto port = parse_port(*source_port);
  if (!address || !port || !parse_address(*destination, v6) || !parse_port(rest)) return Progress::malformed;
  header_ = {ProxyHeader::Source::address, *address, *port};
  return Progress::complete;
}

ProxyHeaderParser::Progress ProxyHeaderParser::take_binary(char byte) {
  if (size_ < kFixedPart) {
    if (size_ < kSignature.size() && byte != kSignature[size_]) return Progress::malformed;
    kept_[size_++] = byte;
    if (size_ < kFixedPart) return Progress::need_more;
    if (!read_fixed_part()) return Progress::malformed;
    return left_ > 0 ? Progress::need_more : read_addresses();
  }
  if (size_ - kFixedPart < addresses_) kept_[size_++] = byte;
  return --left_ > 0 ? Progress::need_more : read_addresses();
}

// False where it says what this listener cannot be told: another version, command or transport, or too few bytes.
bool ProxyHeaderParser::read_fixed_part() {
  const unsigned version_and_command = byte_at(kept_.data(), 12);
  const unsigned family_and_transport = byte_at(kept_.data(), 13);
  left_ = read_u16(kept_.data() + 14);
  if (version_and_command == 0x20) {  // LOCAL: whatever else is said does not count
    header_.source = ProxyHeader::Source::proxy;
    return true;
  }
  if (version_and_command != 0x21) return false;
  switch (family_and_transport) {
    case 0x00:
      return true;
    case 0x11:
      addresses_ = kAddressesV4;
      return left_ >= kAddressesV4;
    case 0x21:
      addresses_ = kAddressesV6;
      return left_ >= kAddressesV6;
    case 0x31:
      return left_ >= kAddressesLocal;
    default:
      return false;
  }
}

ProxyHeaderParser::Progress ProxyHeaderParser::read_addresses() {
  const char* addresses = kept_.data() + kFixedPart;
  if (addresses_ == kAddressesV4) {
    const auto host = std::uint32_t{read_u16(addresses)} << 16 | read_u16(addresses + 2);
    header_ = {ProxyHeader::Source::address, IpAddress::v4(host), read_u16(addresses + 8)};
  } else if (addresses_ == kAddressesV6) {
    std::array<unsigned char, 16> bytes;
    std::memcpy(bytes.data(), addresses, bytes.size());
    header_ = {ProxyHeader::Source::address, IpAddress::v6(bytes), read_u16(addresses + 32)};
  }
  return Progress::complete;
}

}  // namespace gatehouse::http
