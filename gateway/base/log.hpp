// The process log: start, stop, reload, changes of state of a dependency. One JSON object a line on standard error, so
// that it never mixes with the access log. No secret may reach it (Secret cannot be formatted).
#pragma once
#include <fmt/format.h>
#include <unistd.h>

#include <cstdint>
#include <memory>
#include <utility>

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

// log::info("listening on {}", address). spdlog stays behind write(): its own templates would be compiled once for each
// list of arguments, in each file that logs.
namespace log {

enum class Level { info, warn, error, critical };

void write(Level level, fmt::string_view text, fmt::format_args arguments);

template <class... Arguments>
void info(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
  write(Level::info, text, fmt::make_format_args(arguments...));
}
template <class... Arguments>
void warn(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
  write(Level::warn, text, fmt::make_format_args(arguments...));
}
template <class... Arguments>
void error(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
  write(Level::error, text, fmt::make_format_args(arguments...));
}
template <class... Arguments>
void critical(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
  write(Level::critical, text, fmt::make_format_args(arguments...));
}

}  // namespace log

}  // namespace gatehouse
