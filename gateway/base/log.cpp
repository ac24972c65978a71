#include "base/log.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/json_text.hpp"

namespace gatehouse {

namespace {

// %* in a pattern: the message as a JSON string, so that no text can break out of its line.
class JsonMessage final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    const std::string quoted = json_quoted({message.payload.data(), message.payload.size()});
    out.append(quoted.data(), quoted.data() + quoted.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<JsonMessage>(); }
};

class LineSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit LineSink(std::shared_ptr<LineWriter> writer) : writer_(std::move(writer)) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    writer_->submit({line.data(), line.size()}, 1);
  }
  void flush_() override {}

  const std::shared_ptr<LineWriter> writer_;
};

constexpr std::size_t kLinesMax = 4096;  // that wait to be written

std::unique_ptr<spdlog::formatter> json_formatter() {
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  formatter->add_flag<JsonMessage>('*').set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","message":%*})");
  return formatter;
}

void use(spdlog::sink_ptr sink) {
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("gatehouse", std::move(sink)));
}

}  // namespace

ProcessLog::ProcessLog(LogFormat format, int descriptor) {
  if (format == LogFormat::text) {
    auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
    sink->set_pattern("%H:%M:%S %^%l%$ %v");
    use(std::move(sink));
    return;
  }
  writer_ = std::make_shared<LineWriter>(descriptor, kLinesMax);
  auto sink = std::make_shared<LineSink>(writer_);
  sink->set_formatter(json_formatter());
  use(std::move(sink));
}

ProcessLog::~ProcessLog() {
  if (!writer_) return;
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  sink->set_formatter(json_formatter());
  use(std::move(sink));
  writer_->stop();
}

namespace log {

void write(Level level, fmt::string_view text, fmt::format_args arguments) {
  const auto known_as = level == Level::info    ? spdlog::level::info
                        : level == Level::warn  ? spdlog::level::warn
                        : level == Level::error ? spdlog::level::err
                                                : spdlog::level::critical;
  fmt::memory_buffer line;
  fmt::vformat_to(std::back_inserter(line), text, arguments);
  spdlog::default_logger_raw()->log(known_as, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace log

}  // namespace gatehouse
