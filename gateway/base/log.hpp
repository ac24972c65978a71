// The process log: start, stop, reload, changes of state of a dependency. One JSON object a line on standard error, so
// that it never mixes with the access log. No secret may reach it (Secret cannot be formatted).
#pragma once
#include <spdlog/spdlog.h>

namespace gatehouse {

enum class LogFormat { json, text };  // text: for a person at a terminal (`gatehouse run --dev`)

// Called once, before the first thread is started.
void start_log(LogFormat format);

namespace log = spdlog;  // log::info("listening on {}", address)

}  // namespace gatehouse
