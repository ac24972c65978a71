// One exchange on its way through an upstream: the state that its two coroutines share. The one that runs forward()
// asks and reads the answer; while the body is not up, or in a tunnel, a second one beside it sends (the sender). Both
// live on the connection's thread; the first ends the second before this object goes.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/event.hpp"
#include "http/field_list.hpp"
#include "http/response_parser.hpp"
#include "upstream/forward.hpp"

namespace gatehouse::upstream {

class Forwarding {
 public:
  Forwarding(UpstreamGroup& group, http::Exchange& exchange, const ForwardRequest& request, ForwardObserver& observer,
             const Clock& clock)
      : group_(group), exchange_(exchange), request_(request), observer_(observer), clock_(clock) {}

  ~Forwarding() { exchange_.sink.on_abort({}); }
  Forwarding(const Forwarding&) = delete;
  Forwarding& operator=(const Forwarding&) = delete;

  Awaitable<ForwardOutcome> run();

 private:
  enum class ReadHead { complete, closed, late, nonsense, gone, body_lost };

  // The request: forward_request.cpp
  bool write_first();
  bool check_announced();
  bool append_body_piece(std::string& out, std::string_view bytes);
  bool send_at_once(std::string_view bytes);
  Awaitable<bool> send(std::string_view bytes);
  Awaitable<> send_rest();
  void spawn_send_rest();
  Awaitable<> end_sender();
  void lose_body(ForwardOutcome::Kind kind, const char* reason);
  void expect_answer();

  // The order, and the answer: forward.cpp
  Awaitable<> pass();
  Awaitable<ReadHead> ask();
  bool may_ask_again(ReadHead result) const;
  std::string describe_end() const;
  Awaitable<ReadHead> read_head();
  bool relay_at_once();
  Awaitable<> relay();
  Awaitable<> relay_tunnel();
  Awaitable<bool> more();
  using KeptFields = http::FieldList<http::ResponseParser::kFieldsMax + 2>;  // with those of an upgrade
  http::ResponseHead make_head(KeptFields& kept);
  void start_answer();
  void start_tunnel();
  bool is_requested_upgrade() const;
  void abort(const char* reason);
  void on_client_gone();
  bool is_turn_over(std::size_t bytes);
  [[noreturn]] void fail(ReadHead why);
  void look();

  UpstreamGroup& group_;
  http::Exchange& exchange_;
  const ForwardRequest& request_;
  ForwardObserver& observer_;
  const Clock& clock_;
  std::unique_ptr<Connection> connection_;  // never empty while the sender runs
  std::size_t sent_at_once_ = 0;            // by send_at_once()
  std::optional<http::ResponseParser> parser_;
  std::optional<SteadyTime> answer_by_;  // of the first time, where it is asked again
  std::optional<Event> sender_ended_;
  std::uint64_t body_bytes_ = 0;
  std::size_t bytes_in_turn_ = 0;
  ForwardOutcome outcome_;
  const char* lost_reason_ = nullptr;  // the client's side of the body or tunnel ended the exchange
  bool sender_runs_ = false;
  bool sender_waits_for_client_ = false;
  bool stopping_ = false;      // nothing of the body is wanted any more
  bool body_read_ = false;     // the client has sent all of it
  bool request_sent_ = false;  // the upstream was sent all of it
  bool answered_ = false;      // the sink has begun the answer
  bool tunnel_ = false;
  bool streaming_ = false;
  bool read_failed_ = false;  // the connection ended otherwise than by an orderly FIN
};

}  // namespace gatehouse::upstream
