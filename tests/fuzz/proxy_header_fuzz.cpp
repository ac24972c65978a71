// PROXY headers: however the bytes are cut, the outcome is the same, nothing behind the header is taken, and what is
// taken is bounded.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.hpp"
#include "http/proxy_header.hpp"

namespace {

using gatehouse::http::ProxyHeaderParser;
using Progress = ProxyHeaderParser::Progress;

struct Read {
  Progress progress = Progress::need_more;
  std::size_t used = 0;
  gatehouse::http::ProxyHeader header;
};

Read read_header(std::string_view bytes, std::size_t piece) {
  ProxyHeaderParser parser;
  Read read;
  while (read.progress == Progress::need_more && read.used < bytes.size()) {
    const std::size_t wanted = parser.wanted();
    GATEHOUSE_CHECK(wanted > 0 && wanted <= ProxyHeaderParser::kWantedMax);
    const std::size_t size = std::min({piece, wanted, bytes.size() - read.used});
    read.progress = parser.take(bytes.substr(read.used, size));
    read.used += size;
  }
  if (read.progress == Progress::complete) read.header = parser.header();
  return read;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Read whole = read_header(bytes, SIZE_MAX);
  for (const std::size_t piece : {1, 3, 16}) {
    const Read cut = read_header(bytes, piece);
    GATEHOUSE_CHECK(cut.progress == whole.progress);
    if (whole.progress != Progress::complete) continue;
    GATEHOUSE_CHECK(cut.used == whole.used && cut.header.source == whole.header.source);
    GATEHOUSE_CHECK(cut.header.address == whole.header.address && cut.header.port == whole.header.port);
  }
  if (whole.progress != Progress::complete) return 0;
  if (bytes.starts_with('P')) {
    GATEHOUSE_CHECK(whole.used <= ProxyHeaderParser::kLineMax);
    GATEHOUSE_CHECK(bytes.find("\r\n") == whole.used - 2);
  } else {
    GATEHOUSE_CHECK(whole.used == 16u + data[14] * 256u + data[15]);
  }
  return 0;
}
