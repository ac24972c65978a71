#include "cache/redis/reply.hpp"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <cstdlib>
#include <new>

#include "base/ascii.hpp"

namespace gatehouse::cache {

namespace {

constexpr int kItemsMax = 100'000;          // of one array
constexpr std::size_t kItemsReserved = 64;  // before they have come: a length costs the sender nothing
constexpr std::size_t kErrorCodeMax = 32;

// The reply objects of hiredis are RedisReply. These are called by C code, which no exception may pass: where there is
// no memory they give null, which hiredis takes for an error.
RedisReply* make_reply(const redisReadTask* task, RedisReply::Kind kind) noexcept try {
  if (task->parent == nullptr) {
    auto* root = new RedisReply;
    root->kind = kind;
    return root;
  }
  // The vector may move what is in it: parts that are complete. The open one is always the last of its own parent.
  auto& added = static_cast<RedisReply*>(task->parent->obj)->items.emplace_back();
  added.kind = kind;
  return &added;
} catch (const std::bad_alloc&) {
  return nullptr;
}

void free_reply(void* reply) {
  delete static_cast<RedisReply*>(reply);
}

// A root that cannot be filled is ours to free; a part belongs to its parent.
void* give_up(const redisReadTask* task, RedisReply* reply) {
  if (task->parent == nullptr) free_reply(reply);
  return nullptr;
}

void* create_text(const redisReadTask* task, char* bytes, std::size_t size) {
  using Kind = RedisReply::Kind;
  const auto kind = task->type == REDIS_REPLY_ERROR    ? Kind::error
                    : task->type == REDIS_REPLY_STATUS ? Kind::status
                                                       : Kind::text;
  auto* reply = make_reply(task, kind);
  if (reply == nullptr) return nullptr;
  try {
    reply->text.assign(bytes, size);
  } catch (const std::bad_alloc&) {
    return give_up(task, reply);
  }
  return reply;
}

void* create_array(const redisReadTask* task, int size) {
  if (size > kItemsMax) return nullptr;
  auto* reply = make_reply(task, RedisReply::Kind::array);
  if (reply == nullptr) return nullptr;
  try {
    reply->items.reserve(std::min(static_cast<std::size_t>(std::max(size, 0)), kItemsReserved));
  } catch (const std::bad_alloc&) {
    return give_up(task, reply);
  }
  return reply;
}

void* create_integer(const redisReadTask* task, long long value) {
  auto* reply = make_reply(task, RedisReply::Kind::integer);
  if (reply != nullptr) reply->integer = value;
  return reply;
}

void* create_nil(const redisReadTask* task) {
  return make_reply(task, RedisReply::Kind::nil);
}

redisReplyObjectFunctions reply_functions{create_text, create_array, create_integer, create_nil, free_reply};

}  // namespace

std::string_view RedisReply::error_code() const {
  if (!is_error()) return {};
  const std::string_view word = std::string_view(text).substr(0, text.find(' '));
  const bool is_code = !word.empty() && word.size() <= kErrorCodeMax &&
                       std::ranges::all_of(word, [](char c) { return (c >= 'A' && c <= 'Z') || is_digit(c); });
  return is_code ? word : std::string_view{};
}

std::string format_command(const std::vector<std::string_view>& words) {
  std::vector<const char*> starts;
  std::vector<std::size_t> sizes;
  for (const auto& word : words) {
    starts.push_back(word.empty() ? "" : word.data());
    sizes.push_back(word.size());
  }
  char* bytes = nullptr;
  const int size = redisFormatCommandArgv(&bytes, static_cast<int>(words.size()), starts.data(), sizes.data());
  if (size < 0) throw std::bad_alloc();
  const std::unique_ptr<char, decltype(&std::free)> owned(bytes, &std::free);
  return {bytes, static_cast<std::size_t>(size)};
}

void RedisReplyReader::Free::operator()(redisReader* reader) const {
  redisReaderFree(reader);
}

RedisReplyReader::RedisReplyReader(std::size_t reply_bytes_max)
    : reader_(redisReaderCreateWithFunctions(&reply_functions)), reply_bytes_max_(reply_bytes_max) {
  if (!reader_) throw std::bad_alloc();
}

void RedisReplyReader::feed(std::string_view bytes) {
  fed_ = fed_ && redisReaderFeed(reader_.get(), bytes.data(), bytes.size()) == REDIS_OK;
  partial_bytes_ += bytes.size();
}

std::expected<std::optional<RedisReply>, std::string> RedisReplyReader::next() {
  void* reply = nullptr;
  if (!fed_ || redisReaderGetReply(reader_.get(), &reply) != REDIS_OK)
    return std::unexpected("the server's answer is not Redis' protocol, or too large");
  if (reply == nullptr) {
    if (partial_bytes_ > reply_bytes_max_) return std::unexpected("the server's answer is too large");
    return std::nullopt;
  }
  const std::unique_ptr<RedisReply> owned(static_cast<RedisReply*>(reply));
  partial_bytes_ = reader_->len - reader_->pos;
  return std::move(*owned);
}

}  // namespace gatehouse::cache
