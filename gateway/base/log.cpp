#include "base/log.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/stdout_sinks.h>

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

}  // namespace

void start_log(LogFormat format) {
  if (format == LogFormat::text) {
    auto logger = spdlog::stderr_color_mt("gatehouse");
    logger->set_pattern("%H:%M:%S %^%l%$ %v");
    spdlog::set_default_logger(std::move(logger));
    return;
  }
  auto logger = spdlog::stderr_logger_mt("gatehouse");
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  formatter->add_flag<JsonMessage>('*').set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","message":%*})");
  logger->set_formatter(std::move(formatter));
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace gatehouse
