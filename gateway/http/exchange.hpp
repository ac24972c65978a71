// The seam between an edge (bytes of one protocol) and the pipeline: one request with its response, protocol-neutral.
// An edge makes the exchange, lends it the storage of its head, and waits for the handler to end; the pipeline sees no
// connection.
//
// Everything here lives on the connection's own thread and ends before the handler's coroutine does.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/awaitable.hpp"
#include "base/clock.hpp"
#include "base/ip_address.hpp"
#include "http/header_field.hpp"
#include "http/refusal.hpp"

namespace gatehouse::http {

// The judged form of a request's head. All views are into the edge's storage and valid until the exchange ends.
struct RequestHead {
  std::string_view method;  // as sent; methods are case-sensitive (RFC 9110 9.1)
  std::string_view scheme;  // "https" or "http"
  std::string_view host;    // lower case, without port and trailing dot: one of the served hosts
  std::string_view path;    // canonical (http/target.hpp); starts with '/'
  std::string_view query;   // as sent, without the '?'
  bool has_query = false;
  bool path_was_canonical = true;  // false: the client spelled the path differently
  HeaderFields fields;             // as sent, in order; framing fields included, the pipeline must not forward them
  int version = 11;                // 10, 11 or 20

  std::optional<std::string_view> find(Name name) const { return find_field(fields, name); }
  std::optional<std::string_view> find(std::string_view name) const { return find_field(fields, name); }
};

// A piece of a body that can be had without waiting.
struct BodyPiece {
  enum class Kind : std::uint8_t {
    data,    // `bytes` is not empty and valid until the next call
    end,     // the body is complete
    wait,    // nothing yet: co_await readable()
    broken,  // the client's framing is wrong, it went away, or it was too slow: no answer can be trusted to arrive
  };
  Kind kind = Kind::end;
  std::string_view bytes;
};

// The request's body, decoded. After an accepted upgrade: the bytes of the tunnel, without end until the client closes.
class BodySource {
 public:
  // Content-Length; 0 without body; absent where it is not known in advance (chunked) or for a tunnel.
  virtual std::optional<std::uint64_t> size() const = 0;
  // Never waits. The first call answers `Expect: 100-continue`.
  virtual BodyPiece read() = 0;
  // Waits until read() has something else than `wait` to say. Bounded by limits.body_idle (tunnels: by the route's
  // idle).
  virtual Awaitable<> readable() = 0;
  // Ends a readable() that goes on; to the handler the body is broken from then on.
  virtual void cancel() = 0;
  // Bytes that are bound to come although read() has not given them yet: the rest of a chunk whose size has come.
  virtual std::uint64_t announced() const { return 0; }
  // Of a broken body: it did not come in time.
  virtual bool timed_out() const { return false; }

 protected:
  ~BodySource() = default;
};

// The head of an answer. Views need to live until start() returns.
struct ResponseHead {
  int status = 200;
  HeaderFields fields;     // in order; framing and hop-by-hop fields must not be among them: the edge writes its own
  std::string_view extra;  // further complete lines, each "name: value\r\n"; for what the pipeline adds
  std::optional<std::uint64_t> size;  // length of the body; absent: not known (chunked, or until close on HTTP/1.0)
  bool without_body = false;          // answers to HEAD, 204, 304: `size` is only told, no body follows
};

struct AbortHook {
  void (*call)(void* owner) = nullptr;
  void* owner = nullptr;
  void (*look)(void* owner) = nullptr;  // called about once a second while the exchange lasts, from its second on
};

// Where the answer goes. The order is: interim heads, start, write…, finish. What cannot be sent at once is kept in a
// buffer of bounded size; `credit()` says whether more may be given.
class ResponseSink {
 public:
  virtual bool started() const = 0;
  // Nothing is sent yet: the head waits for the first bytes of the body, or for flush().
  virtual void start(const ResponseHead& head) = 0;
  // Takes all of it; sends when a good deal has come together. The view needs to live only during the call. Give at
  // most 64 KiB, and only while there is credit: that is what bounds the memory of an exchange.
  virtual void write(std::string_view bytes) = 0;
  // Sends what is held back, without waiting.
  virtual void flush() = 0;
  // The answer is complete; sends what is held back. An answer shorter than its `size` counts as aborted.
  virtual void finish() = 0;
  // False while something that flush() could not send is left: co_await drained() before the next write.
  virtual bool credit() const = 0;
  // Waits until all is sent. Ends also when the client is gone or too slow (then gone() is true).
  virtual Awaitable<> drained() = 0;
  // The client went away, was too slow, or abort() was called: what is written goes nowhere.
  virtual bool gone() const = 0;
  // Ends the connection (HTTP/1.1) or stream so that the client sees that the answer is incomplete, ends the waits of
  // this exchange, and calls the hook. Must be called on the exchange's own thread.
  virtual void abort() = 0;
  // Called once if the exchange is aborted, or when the client is found gone while the handler waits for somebody else:
  // the place to end that wait. An empty hook takes the former one away.
  virtual void on_abort(AbortHook hook) = 0;
  // Switches protocols: sends 101 with these fields; from then on write() takes and BodySource gives the raw bytes of
  // the tunnel. `idle` bounds the silence in both directions together.
  virtual void accept_upgrade(const ResponseHead& head, std::chrono::milliseconds idle) = 0;
  // Bytes of the answer that were given to the client so far, heads included.
  virtual std::uint64_t bytes_sent() const = 0;

 protected:
  ~ResponseSink() = default;
};

struct Exchange {
  const RequestHead& head;
  BodySource& body;
  ResponseSink& sink;
  Executor executor;  // the connection's thread
  IpAddress peer;     // the socket's address, or what a trusted proxy has told of it; never from a header field
  std::uint16_t peer_port = 0;
  bool peer_is_known = true;     // false: `peer` is a proxy that does not know for whom it speaks
  std::string_view server_name;  // SNI of the connection; empty without
  SteadyTime started;            // when the head was complete
};

// A request that an edge refused before there was an exchange.
struct RefusedRequest {
  const Refusal& refusal;
  std::string_view method = {};  // both as they were sent, for the log alone; empty where there is no request line
  std::string_view target = {};
  IpAddress peer;
  std::uint16_t peer_port = 0;
  bool is_tls = false;
};

// What an edge calls for each exchange. It must have finished or aborted the answer when it returns; what it throws,
// the edge answers with 500 if nothing was sent, and aborts otherwise.
class ExchangeHandler {
 public:
  virtual Awaitable<> handle(Exchange& exchange) = 0;

  // Logs the refusal. Returns further complete lines for the head of the answer ("X-Request-ID: …\r\n"), or nothing.
  virtual std::string on_refusal(const RefusedRequest& refused) = 0;

 protected:
  ~ExchangeHandler() = default;
};

}  // namespace gatehouse::http
