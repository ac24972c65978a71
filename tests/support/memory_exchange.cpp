#include "tests/support/memory_exchange.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "base/check.hpp"
#include "http/target.hpp"

namespace gatehouse::tests {

MemoryExchange::MemoryExchange(asio::io_context& io, MemoryRequest request)
    : request_(std::move(request)), change_(io.get_executor(), SteadyTimer::time_point::max()) {
  if (!request_.streamed) request_.streamed_size = request_.body.size();
  request_.fields.insert(request_.fields.begin(), {"Host", request_.host});
  if (!request_.body.empty() || request_.streamed) {
    request_.fields.emplace_back(request_.streamed_size ? "Content-Length" : "Transfer-Encoding",
                                 request_.streamed_size ? std::to_string(*request_.streamed_size) : "chunked");
  }
  if (!request_.body.empty()) pieces_.push_back(request_.body);
  body_ended_ = !request_.streamed;
  for (const auto& [name, value] : request_.fields) head_fields_.push_back({name, value, http::find_name(name)});

  const auto question = request_.target.find('?');
  path_storage_ = request_.target.substr(0, question);
  const auto path = http::canonicalize_path(path_storage_.data(), path_storage_.data() + path_storage_.size());
  GATEHOUSE_CHECK(path.has_value());
  head_.method = request_.method;
  head_.scheme = request_.scheme;
  head_.host = request_.host;
  head_.path = path->path;
  head_.path_was_canonical = !path->changed;
  head_.has_query = question != std::string::npos;
  if (head_.has_query) head_.query = std::string_view(request_.target).substr(question + 1);
  head_.fields = head_fields_;
  head_.version = request_.version;
  exchange_.emplace(http::Exchange{.head = head_,
                                   .body = *this,
                                   .sink = *this,
                                   .executor = io.get_executor(),
                                   .peer = request_.peer,
                                   .peer_port = 50'000,
                                   .server_name = request_.server_name,
                                   .started = {}});
}

void MemoryExchange::give(std::string bytes) {
  if (!bytes.empty()) pieces_.push_back(std::move(bytes));
  change_.cancel();
}

void MemoryExchange::end_body() {
  body_ended_ = true;
  change_.cancel();
}

void MemoryExchange::break_body() {
  body_broken_ = true;
  change_.cancel();
}

void MemoryExchange::leave() {
  become_gone();
}

void MemoryExchange::stop_reading() {
  reading_ = false;
}

void MemoryExchange::resume_reading() {
  reading_ = true;
  held_ = 0;
  change_.cancel();
}

std::optional<std::string> MemoryExchange::field(std::string_view name) const {
  for (const auto& [field_name, value] : answer_fields_) {
    if (iequals(field_name, name)) return value;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> MemoryExchange::size() const {
  return tunnel_ ? std::nullopt : request_.streamed_size;
}

http::BodyPiece MemoryExchange::read() {
  using Kind = http::BodyPiece::Kind;
  body_asked_for_ = true;
  if (body_broken_ || gone_) return {Kind::broken, {}};
  if (!pieces_.empty()) {
    current_ = std::move(pieces_.front());
    pieces_.pop_front();
    return {Kind::data, current_};
  }
  return {body_ended_ ? Kind::end : Kind::wait, {}};
}

Awaitable<> MemoryExchange::readable() {
  while (pieces_.empty() && !body_ended_ && !body_broken_ && !gone_) co_await changed();
}

void MemoryExchange::cancel() {
  body_cancelled_ = body_broken_ = true;
  change_.cancel();
}

void MemoryExchange::take_head(const http::ResponseHead& head) {
  GATEHOUSE_CHECK(!started_);
  started_ = true;
  status_ = head.status;
  told_size_ = head.size;
  without_body_ = head.without_body;
  for (const auto& field : head.fields) answer_fields_.emplace_back(field.name, field.value);
  std::string_view lines = head.extra;
  while (!lines.empty()) {
    const auto end = lines.find("\r\n");
    const auto colon = lines.find(": ");
    GATEHOUSE_CHECK(end != std::string_view::npos && colon < end);
    answer_fields_.emplace_back(lines.substr(0, colon), lines.substr(colon + 2, end - colon - 2));
    lines.remove_prefix(end + 2);
  }
}

void MemoryExchange::start(const http::ResponseHead& head) {
  take_head(head);
}

void MemoryExchange::accept_upgrade(const http::ResponseHead& head, std::chrono::milliseconds) {
  take_head(head);
  tunnel_ = true;
  body_ended_ = false;
}

void MemoryExchange::write(std::string_view bytes) {
  GATEHOUSE_CHECK(started_ && !finished_ && bytes.size() <= 64 * 1024);
  if (gone_) return;
  body_bytes_ += bytes.size();
  if (told_size_ && body_bytes_ > *told_size_) return abort();
  if (!only_count_) answer_body_.append(bytes);
  if (!reading_) held_most_ = std::max(held_most_, held_ += bytes.size());
}

void MemoryExchange::finish() {
  if (gone_) return;
  if (told_size_ && !without_body_ && body_bytes_ < *told_size_) return abort();
  finished_ = true;
}

Awaitable<> MemoryExchange::drained() {
  while (held_ > 0 && !gone_) co_await changed();
}

void MemoryExchange::abort() {
  if (gone_) return;
  aborted_ = true;
  become_gone();
}

void MemoryExchange::become_gone() {
  if (gone_) return;
  gone_ = true;
  change_.cancel();
  if (const auto hook = std::exchange(hook_, {}); hook.call) hook.call(hook.owner);
}

Awaitable<> MemoryExchange::changed() {
  boost::system::error_code ignored;
  co_await change_.async_wait(asio::redirect_error(use_awaitable, ignored));
}

}  // namespace gatehouse::tests
