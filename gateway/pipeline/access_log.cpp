#include "pipeline/access_log.hpp"

#include <charconv>

#include "base/iso_time.hpp"
#include "base/json_text.hpp"

namespace gatehouse::pipeline {

namespace {

void add_text(std::string& out, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  out.append(",\"").append(name).append("\":");
  append_json_quoted(out, value);
}

void add_number(std::string& out, std::int64_t value) {
  char digits[20];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

void add_milliseconds(std::string& out, std::string_view name, std::chrono::microseconds time) {
  out.append(",\"").append(name).append("\":");
  add_number(out, time.count() / 1000);
  const auto rest = static_cast<int>(time.count() % 1000);
  const char fraction[]{'.', static_cast<char>('0' + rest / 100), static_cast<char>('0' + rest / 10 % 10),
                        static_cast<char>('0' + rest % 10)};
  out.append(fraction, sizeof fraction);
}

// The text up to the seconds is made once a second.
void add_time(std::string& out, WallTime time) {
  thread_local WallTime second{};
  thread_local std::string text = to_iso(second);
  const auto milliseconds = (time - second).count();
  if (milliseconds < 0 || milliseconds >= 1000) {
    second = std::chrono::floor<std::chrono::seconds>(time);
    text = to_iso(second);
    return add_time(out, time);
  }
  const char fraction[]{static_cast<char>('0' + milliseconds / 100), static_cast<char>('0' + milliseconds / 10 % 10),
                        static_cast<char>('0' + milliseconds % 10), 'Z'};
  out.append(text, 0, text.size() - sizeof fraction).append(fraction, sizeof fraction);
}

}  // namespace

void AccessLog::Buffer::append(const AccessLogEntry& entry) {
  std::string& out = lines_;
  out.append("{\"time\":\"");
  add_time(out, entry.time);
  out.append("\"");
  add_text(out, "request_id", entry.request_id);
  add_text(out, "peer", entry.peer);
  add_text(out, "client", entry.client);
  add_text(out, "method", entry.method);
  add_text(out, "host", entry.host);
  add_text(out, "path", entry.path);
  add_text(out, "route", entry.route);
  out.append(",\"status\":");
  add_number(out, entry.status);
  add_text(out, "reason", entry.reason);
  add_text(out, "user_id", entry.user_id);
  add_text(out, "upstream", entry.upstream);
  add_milliseconds(out, "duration_ms", entry.duration);
  if (entry.upstream_duration.count() >= 0) add_milliseconds(out, "upstream_ms", entry.upstream_duration);
  out.append(",\"bytes_sent\":");
  add_number(out, static_cast<std::int64_t>(entry.bytes_sent));
  out.append("}\n");
  ++count_;
  if (out.size() >= kFlushAt) flush();
}

void AccessLog::Buffer::flush() {
  if (lines_.empty()) return;
  log_.writer_.submit(std::move(lines_), count_);
  lines_ = {};
  lines_.reserve(kFlushAt + 1024);
  count_ = 0;
}

}  // namespace gatehouse::pipeline
