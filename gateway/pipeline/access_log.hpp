// The access log: one JSON object a line for each exchange, refusals with their reason. Threads collect lines and hand
// them over in batches; one writer does the blocking write. When the target is full or blocked, lines are dropped and
// counted: requests never wait for a log.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/ip_address.hpp"
#include "base/line_writer.hpp"

namespace gatehouse::pipeline {

// What is known of an exchange at its end. Views need to live during append() only. Empty texts are left out.
struct AccessLogEntry {
  WallTime time = {};
  std::string_view request_id = {};
  std::string_view peer = {};    // the socket's address
  std::string_view client = {};  // the client's, where a trusted proxy told another one
  std::string_view method = {};
  std::string_view host = {};
  std::string_view path = {};    // canonical, without query: queries carry secrets
  std::string_view route = {};   // the pattern, or "auth", "page", "jwks"
  int status = 0;                // 0: the connection ended without an answer
  std::string_view reason = {};  // why it was refused or went wrong
  std::string_view user_id = {};
  std::string_view upstream = {};
  std::chrono::microseconds duration{0};
  std::chrono::microseconds upstream_duration{-1};  // to the head of the answer; negative: none came
  std::uint64_t bytes_sent = 0;
};

class AccessLog {
 public:
  // Writes to this descriptor, which stays the caller's.
  explicit AccessLog(int descriptor) : writer_(descriptor, kBatchesMax) {}

  // The lines of one thread; call flush() at least every quarter of a second. What is left at its end is handed over.
  class Buffer {
   public:
    explicit Buffer(AccessLog& log) : log_(log) {}
    ~Buffer() { flush(); }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    void append(const AccessLogEntry& entry);
    void flush();

   private:
    static constexpr std::size_t kFlushAt = 32 * 1024;
    AccessLog& log_;
    std::string lines_;
    std::uint64_t count_ = 0;
  };

  // Lines of another kind that go to the same place, whole: two writers of one target would mix theirs.
  void append_lines(std::string lines, std::uint64_t count) { writer_.submit(std::move(lines), count); }

  std::uint64_t dropped() const { return writer_.dropped(); }
  // Writes what was handed over, for at most a second, and ends.
  void stop() { writer_.stop(); }

 private:
  static constexpr std::size_t kBatchesMax = 64;

  LineWriter writer_;
};

}  // namespace gatehouse::pipeline
