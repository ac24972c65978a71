// Replies of a server that is no friend: in one piece and byte by byte they come to the same, within their limits.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "cache/redis/reply.hpp"

using gatehouse::cache::RedisReply;
using gatehouse::cache::RedisReplyReader;

namespace {

constexpr std::size_t kBytesMax = 4096;

std::string describe(const RedisReply& reply) {
  std::string text = std::to_string(static_cast<int>(reply.kind)) + ":" + std::to_string(reply.integer) + ":" +
                     std::to_string(reply.text.size()) + ":" + reply.text + std::string(reply.error_code()) + "[";
  for (const auto& item : reply.items) text += describe(item);
  return text + "]";
}

std::vector<std::string> read(std::string_view bytes, std::size_t piece) {
  RedisReplyReader reader(kBytesMax);
  std::vector<std::string> replies;
  while (!bytes.empty()) {
    reader.feed(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
    for (;;) {
      auto reply = reader.next();
      if (!reply) return replies;
      if (!*reply) break;
      replies.push_back(describe(**reply));
    }
  }
  return replies;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), std::min(size, kBytesMax));
  GATEHOUSE_CHECK(read(bytes, bytes.size() + 1) == read(bytes, 1));
  return 0;
}
