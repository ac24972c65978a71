// What a connection needs while a request is there: room for its head and for what is read of its body, and what is
// held back of the answer. Lent by a pool, so that memory follows the number of requests, not of connections.
#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/request_parser.hpp"

namespace gatehouse::edge {

inline constexpr std::size_t kSendAt = 16 * 1024;  // held-back bytes that are worth a TLS record of their own

struct ExchangeBuffers {
  explicit ExchangeBuffers(std::size_t size) : in(std::make_unique_for_overwrite<char[]>(size)), capacity(size) {
    out.reserve(2 * kSendAt);
  }

  std::string_view unread() const { return {in.get() + begin, end - begin}; }

  std::unique_ptr<char[]> in;  // the head at the front, then what was read and not used yet: [begin, end)
  std::size_t capacity;
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string out;  // held back: [out_begin, …)
  std::size_t out_begin = 0;
  std::optional<http::RequestParser> parser;
};

class BufferPool {
 public:
  // `head_bytes`: the longest head that is read.
  explicit BufferPool(std::size_t head_bytes) : head_bytes_(head_bytes) {}
  std::unique_ptr<ExchangeBuffers> take();
  void give_back(std::unique_ptr<ExchangeBuffers> buffers);

 private:
  static constexpr std::size_t kKeptMax = 256;
  const std::size_t head_bytes_;
  std::vector<std::unique_ptr<ExchangeBuffers>> free_;
};

}  // namespace gatehouse::edge
