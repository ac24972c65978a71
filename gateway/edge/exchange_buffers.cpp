#include "edge/exchange_buffers.hpp"

#include <utility>

namespace gatehouse::edge {

namespace {

constexpr std::size_t kBodyWindow = 16 * 1024;  // room behind the longest head for what is read of a body at once

}  // namespace

std::unique_ptr<ExchangeBuffers> BufferPool::take() {
  if (free_.empty()) return std::make_unique<ExchangeBuffers>(head_bytes_ + kBodyWindow);
  auto buffers = std::move(free_.back());
  free_.pop_back();
  return buffers;
}

void BufferPool::give_back(std::unique_ptr<ExchangeBuffers> buffers) {
  if (free_.size() >= kKeptMax || buffers->out.capacity() > 8 * kSendAt) return;
  buffers->begin = buffers->end = buffers->out_begin = 0;
  buffers->out.clear();
  buffers->parser.reset();
  free_.push_back(std::move(buffers));
}

}  // namespace gatehouse::edge
