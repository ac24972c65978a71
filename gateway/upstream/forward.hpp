// Passes one exchange on to an upstream: sends the head that the pipeline has written, streams the body up and the
// answer down with bounded memory, and becomes a tunnel after a 101 that was asked for. What the upstream answers is
// parsed and written anew; an answer that ends too early ends as an aborted one.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/exchange.hpp"
#include "upstream/upstream_group.hpp"

namespace gatehouse::upstream {

class ForwardObserver {
 public:
  // Whether a field of the upstream's answer is passed on. Hop-by-hop and framing fields are taken away before.
  virtual bool passes(const http::HeaderField& field) = 0;
  // Further complete lines for the head of the answer, asked once, when the upstream's head is there.
  virtual std::string_view extra_lines(int status) = 0;
  // The answer goes on for longer: it is a tunnel, or a body whose length nobody knows and whose end has not come yet,
  // or any other body after a second or two. Called once at most.
  virtual void on_stream() = 0;

 protected:
  ~ForwardObserver() = default;
};

struct ForwardRequest {
  // Complete lines without the empty one; without Content-Length and Transfer-Encoding, which are written here: the
  // buffer is extended by them, and by what there is of the body already.
  std::string& head;
  bool to_head = false;     // HEAD
  bool idempotent = false;  // may be sent again, once, if the connection ends without an answer
  // The Sec-WebSocket-Accept that answers this request; empty: no upgrade was asked for, and a 101 is nonsense.
  std::string_view websocket_accept;
  config::Timeout timeout;
  std::uint64_t body_limit = 0;
  std::uint64_t balance_key = 0;  // balance_key(), where the upstream's servers are chosen by it
};

struct ForwardOutcome {
  enum class Kind {
    done,            // answered, or aborted because the client or the upstream ended
    body_too_large,  // nothing was answered yet: the caller does it
    body_broken,     // the client's body was malformed or did not come: likewise
  };
  Kind kind = Kind::done;
  int status = 0;           // the upstream's; 0: none came
  bool aborted = false;     // the client did not get a whole answer
  const char* reason = "";  // of an abort: "upstream_aborted", "client_gone" …
  SteadyTime answered;      // when the upstream's head was there
};

// Throws Failure as long as nothing was given to the sink: 502 upstream_refused, upstream_tls, upstream_closed,
// upstream_nonsense; 503 upstream_unavailable, upstream_busy; 504 upstream_timeout, upstream_connect_timeout. `request`
// and `observer` outlive the call.
Awaitable<ForwardOutcome> forward(UpstreamGroup& group, http::Exchange& exchange, const ForwardRequest& request,
                                  ForwardObserver& observer, const Clock& clock);

}  // namespace gatehouse::upstream
