// An edge in memory: one exchange without a connection, for tests of what stands behind the seam of http/exchange.hpp.
// The test plays the client: it gives the request, then pieces of the body if it likes, and looks at the answer.
//
//   MemoryExchange client(io, {.method = "POST", .target = "/orders?full=1", .body = "{}"});
//   run_coroutine(io, pipeline.handle(client.exchange()));
//   CHECK(client.status() == 200);
//
// All on the thread of the io_context.
#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/event.hpp"
#include "http/exchange.hpp"

namespace gatehouse::tests {

struct MemoryRequest {
  std::string method = "GET";
  std::string target = "/";  // path and query; the path is made canonical as an edge does it
  std::string host = "app.example";
  std::string scheme = "https";
  std::vector<std::pair<std::string, std::string>> fields = {};  // Host and Content-Length are added
  std::string body = {};                                         // whole, its length is told
  bool streamed = false;                                         // instead: give(), end_body(), break_body()
  std::optional<std::uint64_t> streamed_size = {};               // absent: chunked
  int version = 11;
  IpAddress peer = IpAddress::v4(0xC0000201);  // 192.0.2.1
  std::string server_name = {};
};

class MemoryExchange final : private http::BodySource, private http::ResponseSink {
 public:
  MemoryExchange(asio::io_context& io, MemoryRequest request);
  MemoryExchange(const MemoryExchange&) = delete;
  MemoryExchange& operator=(const MemoryExchange&) = delete;

  http::Exchange& exchange() { return *exchange_; }

  // The client's side.
  void give(std::string bytes);  // of the body, or of the tunnel
  void end_body();
  void break_body();  // its framing is wrong, or it does not come in time
  void look() {       // the edge's look at what lasts longer than a second
    if (hook_.look) hook_.look(hook_.owner);
  }
  void leave();         // the connection is gone, and the edge finds it
  void stop_reading();  // what is written from now on stays in the edge's buffer
  void resume_reading();

  // The answer, as far as it has come. `fields` has those of ResponseHead::fields and of `extra`, in order.
  int status() const { return status_; }
  const std::vector<std::pair<std::string, std::string>>& fields() const { return answer_fields_; }
  std::optional<std::string> field(std::string_view name) const;
  const std::string& body() const { return answer_body_; }
  std::optional<std::uint64_t> told_size() const { return told_size_; }
  bool is_without_body() const { return without_body_; }
  bool is_finished() const { return finished_; }
  bool is_aborted() const { return aborted_; }  // by the handler
  bool is_tunnel() const { return tunnel_; }
  bool was_body_asked_for() const { return body_asked_for_; }
  bool is_body_cancelled() const { return body_cancelled_; }
  std::size_t flushes() const { return flushes_; }
  // The most that a client which does not read let come together.
  std::size_t held_back_most() const { return held_most_; }
  // A long answer that is only counted: body() stays empty.
  void only_count() { only_count_ = true; }
  std::uint64_t body_bytes() const { return body_bytes_; }

 private:
  // BodySource
  std::optional<std::uint64_t> size() const override;
  http::BodyPiece read() override;
  Awaitable<> readable() override;
  void cancel() override;

  // ResponseSink
  bool started() const override { return started_; }
  void start(const http::ResponseHead& head) override;
  void write(std::string_view bytes) override;
  void flush() override { ++flushes_; }
  void finish() override;
  bool credit() const override { return gone_ || held_ == 0; }
  Awaitable<> drained() override;
  bool gone() const override { return gone_; }
  void abort() override;
  void on_abort(http::AbortHook hook) override { hook_ = hook; }
  void accept_upgrade(const http::ResponseHead& head, std::chrono::milliseconds idle) override;
  std::uint64_t bytes_sent() const override { return body_bytes_; }

  void take_head(const http::ResponseHead& head);
  void become_gone();
  Awaitable<> changed();

  MemoryRequest request_;
  std::string path_storage_;
  std::vector<http::HeaderField> head_fields_;
  http::RequestHead head_;
  std::optional<http::Exchange> exchange_;
  SteadyTimer change_;  // cancelled whenever something happens that a wait could be for
  http::AbortHook hook_;

  std::deque<std::string> pieces_;
  std::string current_;
  bool body_ended_ = false, body_broken_ = false, body_asked_for_ = false, body_cancelled_ = false;

  int status_ = 0;
  std::vector<std::pair<std::string, std::string>> answer_fields_;
  std::string answer_body_;
  std::optional<std::uint64_t> told_size_;
  std::uint64_t body_bytes_ = 0;
  std::size_t flushes_ = 0, held_ = 0, held_most_ = 0;
  bool started_ = false, finished_ = false, aborted_ = false, gone_ = false, tunnel_ = false, without_body_ = false;
  bool reading_ = true, only_count_ = false;
};

}  // namespace gatehouse::tests
