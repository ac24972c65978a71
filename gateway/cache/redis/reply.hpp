// Redis' protocol (RESP2) as values: commands in, replies out. The bytes are hiredis' business: its formatter and its
// reader, nothing else of it.
#pragma once
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct redisReader;

namespace gatehouse::cache {

struct RedisReply {
  enum class Kind { nil, status, error, integer, text, array };
  Kind kind = Kind::nil;
  std::int64_t integer = 0;
  std::string text;  // of a status, an error or a text
  std::vector<RedisReply> items;
  std::uint64_t connection = 0;  // which brought it; set by RedisClient

  bool is_error() const { return kind == Kind::error; }
  // The first word of an error ("WRONGPASS"), which is all of it that may be shown: the rest can quote keys. Empty if
  // it is no such word.
  std::string_view error_code() const;
};

// A command is its name and arguments. Bytes are taken as they are.
std::string format_command(const std::vector<std::string_view>& words);

// Replies out of bytes as they come, whole or in pieces. After an error it is of no use any more.
class RedisReplyReader {
 public:
  // A reply with more bytes is an error, as is one with too many or too deeply nested parts.
  explicit RedisReplyReader(std::size_t reply_bytes_max);

  void feed(std::string_view bytes);
  // Absent: the next reply is not complete yet.
  std::expected<std::optional<RedisReply>, std::string> next();
  // Whether bytes of an incomplete reply are held.
  bool has_part() const { return partial_bytes_ > 0; }

 private:
  struct Free {
    void operator()(redisReader* reader) const;
  };
  std::unique_ptr<redisReader, Free> reader_;
  const std::size_t reply_bytes_max_;
  std::size_t partial_bytes_ = 0;  // fed since the last complete reply
  bool fed_ = true;                // hiredis took all bytes
};

}  // namespace gatehouse::cache
