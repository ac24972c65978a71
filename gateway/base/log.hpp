// The process log: start, stop, reload, changes of state of a dependency. One JSON object a line on standard error, so
// that it never mixes with the access log. No secret may reach it (Secret cannot be formatted).
#pragma once
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdint>
#include <memory>

#include "base/line_writer.hpp"

namespace gatehouse {

enum class LogFormat { json, text };  // text: for a person at a terminal (`gatehouse run --dev`)

// Made once, before the first thread is started, and kept until the process ends. Who logs never waits for the target:
// JSON lines are written by a thread of their own, and dropped and counted when the target does not take them.
class ProcessLog {
 public:
  explicit ProcessLog(LogFormat format, int descriptor = STDERR_FILENO);
  // Writes what is left, for at most a second; what is logged later goes to standard error at once.
  ~ProcessLog();
  ProcessLog(const ProcessLog&) = delete;
  ProcessLog& operator=(const ProcessLog&) = delete;

  std::uint64_t dropped() const { return writer_ ? writer_->dropped() : 0; }

 private:
  std::shared_ptr<LineWriter> writer_;  // with its sink; null for text
};

namespace log = spdlog;  // log::info("listening on {}", address)

}  // namespace gatehouse
