// The PROXY header at the byte: both versions, what is refused, and that nothing behind the header is ever taken.
#include "http/proxy_header.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

using namespace gatehouse;
using http::ProxyHeader;
using http::ProxyHeaderParser;
using Progress = ProxyHeaderParser::Progress;
using Source = ProxyHeader::Source;

namespace {

const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

struct Read {
  Progress progress = Progress::need_more;
  std::size_t used = 0;
  ProxyHeader header;
};

// In pieces as large as the parser allows, or of one byte.
Read read_header(std::string_view bytes, bool slowly = false) {
  ProxyHeaderParser parser;
  Read read;
  while (read.progress == Progress::need_more && read.used < bytes.size()) {
    const std::size_t size = std::min(slowly ? std::size_t{1} : parser.wanted(), bytes.size() - read.used);
    read.progress = parser.take(bytes.substr(read.used, size));
    read.used += size;
  }
  if (read.progress == Progress::complete) read.header = parser.header();
  return read;
}

// source, port; "malformed", "more"
std::string told(std::string_view bytes) {
  const Read read = read_header(bytes);
  CHECK(read_header(bytes, true).progress == read.progress);
  if (read.progress == Progress::malformed) return "malformed";
  if (read.progress == Progress::need_more) return "more";
  CHECK(read.used == bytes.size());
  if (read.header.source == Source::proxy) return "proxy";
  if (read.header.source == Source::unknown) return "unknown";
  return read.header.address.to_string() + " " + std::to_string(read.header.port);
}

std::string binary(char command, char family, const std::string& rest) {
  return kSignature + command + family + static_cast<char>(rest.size() >> 8) + static_cast<char>(rest.size() & 255) +
         rest;
}

const std::string kAddressesV4("\xcb\x00\x71\x07\xc6\x33\x64\x01\xdc\x04\x01\xbb", 12);
const std::string kAddressesV6 = std::string("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07", 16) +
                                 std::string("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16) + "\xdc\x04\x01\xbb";

}  // namespace

TEST_CASE("version 1 tells address and port of the client") {
  CHECK(told("PROXY TCP4 203.0.113.7 198.51.100.1 56324 443\r\n") == "203.0.113.7 56324");
  CHECK(told("PROXY TCP6 2001:db8::7 2001:db8::1 1 65535\r\n") == "2001:db8::7 1");
  CHECK(told("PROXY TCP6 ::ffff:203.0.113.7 ::1 0 443\r\n") == "203.0.113.7 0");
}

TEST_CASE("version 1 may say that the client is unknown, with anything behind it") {
  CHECK(told("PROXY UNKNOWN\r\n") == "unknown");
  CHECK(told("PROXY UNKNOWN \r\n") == "unknown");
  CHECK(told("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n") == "unknown");
}

TEST_CASE("a line of version 1 has at most 107 bytes") {
  CHECK(told("PROXY UNKNOWN " + std::string(91, 'x') + "\r\n") == "unknown");
  CHECK(told("PROXY UNKNOWN " + std::string(92, 'x') + "\r\n") == "malformed");
  CHECK(read_header("PROXY UNKNOWN " + std::string(1000, 'x')).used <= 107);
}

TEST_CASE("what is no exact line of version 1 is malformed") {
  for (const std::string_view bytes : {"proxy TCP4 203.0.113.7 198.51.100.1 1 2\r\n",
                                       "PROXY  TCP4 203.0.113.7 198.51.100.1 1 2\r\n",
                                       "PROXY\tTCP4 203.0.113.7 198.51.100.1 1 2\r\n",
                                       "PROXY TCP4  203.0.113.7 198.51.100.1 1 2\r\n",
                                       "PROXY TCP4 203.0.113.7 198.51.100.1 1 2 \r\n",
                                       "PROXY TCP4 203.0.113.7 198.51.100.1 1 2 3\r\n",
                                       "PROXY TCP4 203.0.113.7 198.51.100.1 1\r\n",
                                       "PROXY TCP4 203.0.113.7 198.51.100.1 1 \r\n",
                                       "PROXY TCP4 203.0.113.7 198.51.100.1 1 2\n",
                                       "PROXY TCP4 203.0.113.7\r198.51.100.1 1 2\r\n",
                                       "PROXY TCP4 203.0.113.7 198.51.100.1 01 2\r\n",
                                       "PROXY TCP4 203.0.113.7 198.51.100.1 1 65536\r\n",
                                       "PROXY TCP4 203.0.113.7 198.51.100.1 -1 2\r\n",
                                       "PROXY TCP4 203.0.113.7 198.51.100.1 +1 2\r\n",
                                       "PROXY TCP4 203.0.113.07 198.51.100.1 1 2\r\n",
                                       "PROXY TCP4 203.0.113 198.51.100.1 1 2\r\n",
                                       "PROXY TCP4 203.0.113.7 198.51.100 1 2\r\n",
                                       "PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n",
                                       "PROXY TCP6 203.0.113.7 198.51.100.1 1 2\r\n",
                                       "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
                                       "PROXY TCP6 [::1] ::1 1 2\r\n",
                                       "PROXY UDP4 203.0.113.7 198.51.100.1 1 2\r\n",
                                       "PROXY UNKNOWNX\r\n",
                                       "PROXY unknown\r\n",
                                       "PROXY \r\n",
                                       "PROXY TCP4\r\n",
                                       "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                                       "\x16\x03\x01\x02",
                                       "\r\n\r\nGET /"}) {
    CAPTURE(bytes);
    CHECK(told(bytes) == "malformed");
  }
}

TEST_CASE("version 2 tells address and port of the client, extensions are skipped") {
  CHECK(told(binary('\x21', '\x11', kAddressesV4)) == "203.0.113.7 56324");
  CHECK(told(binary('\x21', '\x21', kAddressesV6)) == "2001:db8::7 56324");
  CHECK(told(binary('\x21', '\x11', kAddressesV4 + std::string("\x05\x00\x02id", 5))) == "203.0.113.7 56324");
  CHECK(told(binary('\x21', '\x21', kAddressesV6 + std::string(60'000, 'x'))) == "2001:db8::7 56324");
}

TEST_CASE("version 2 may speak for the proxy itself, or for somebody unknown") {
  CHECK(told(binary('\x20', '\x00', "")) == "proxy");
  CHECK(told(binary('\x20', '\x11', kAddressesV4)) == "proxy");
  CHECK(told(binary('\x20', '\x7f', std::string(300, 'x'))) == "proxy");
  CHECK(told(binary('\x21', '\x00', "")) == "unknown");
  CHECK(told(binary('\x21', '\x00', std::string(500, 'x'))) == "unknown");
  CHECK(told(binary('\x21', '\x31', std::string(216, 'x'))) == "unknown");
}

TEST_CASE("another version, command, family or transport, and too few bytes are malformed") {
  CHECK(told(binary('\x11', '\x11', kAddressesV4)) == "malformed");
  CHECK(told(binary('\x31', '\x11', kAddressesV4)) == "malformed");
  CHECK(told(binary('\x22', '\x11', kAddressesV4)) == "malformed");
  CHECK(told(binary('\x21', '\x12', kAddressesV4)) == "malformed");
  CHECK(told(binary('\x21', '\x22', kAddressesV6)) == "malformed");
  CHECK(told(binary('\x21', '\x10', kAddressesV4)) == "malformed");
  CHECK(told(binary('\x21', '\x41', kAddressesV4)) == "malformed");
  CHECK(told(binary('\x21', '\x11', kAddressesV4.substr(1))) == "malformed");
  CHECK(told(binary('\x21', '\x21', kAddressesV4)) == "malformed");
  CHECK(told(binary('\x21', '\x31', std::string(215, 'x'))) == "malformed");
  CHECK(told(binary('\x21', '\x11', "")) == "malformed");
}

TEST_CASE("whatever is cut off needs more, and nothing behind a header is taken") {
  for (const std::string& header :
       {std::string("PROXY TCP4 203.0.113.7 198.51.100.1 56324 443\r\n"), std::string("PROXY UNKNOWN\r\n"),
        binary('\x21', '\x11', kAddressesV4 + "more"), binary('\x20', '\x00', "")}) {
    for (std::size_t size = 0; size < header.size(); ++size) {
      CHECK(read_header(header.substr(0, size)).progress == Progress::need_more);
    }
    const Read read = read_header(header + "\x16\x03\x01GET / HTTP/1.1\r\n");
    CHECK(read.progress == Progress::complete);
    CHECK(read.used == header.size());
  }
}
