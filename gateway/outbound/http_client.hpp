// Calls to third parties over HTTP: tokens, profiles and keys of identity providers. One thread of the process does
// them all with libcurl; a coroutine of any thread waits and is resumed on its own executor. Nothing here is trusted to
// behave: every call has a deadline, a limit of its answer and a place in a bounded queue, redirects are never
// followed, certificates are always checked, and unless a request says otherwise neither http: nor an address that is
// not public is spoken to (judged after the name was resolved, on the address that is connected to).
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/awaitable.hpp"
#include "base/ip_address.hpp"

namespace gatehouse::outbound {

// Which peers a request may reach. Both are off for all that is not written in the configuration.
struct Reach {
  bool insecure_http = false;    // http: as well as https:
  bool private_network = false;  // loopback, private, link-local and other addresses that are not public
  bool operator==(const Reach&) const = default;
};

struct HttpRequest {
  std::string method = "GET";  // GET or POST
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers = {};  // one with a line end, or over 16 KiB: refused
  std::string body = {};
  Reach reach = {};
  std::chrono::milliseconds timeout{5'000};  // of the whole call, waiting in the queue included
  std::size_t answer_max = 1024 * 1024;      // bytes of the body; the head has a limit of its own
};

struct HttpResponse {
  int status = 0;
  std::string content_type;
  std::string body;
  // A Location was given: whoever wanted an answer has none.
  bool is_redirect() const { return status >= 300 && status < 400; }
};

class HttpClient {
 public:
  // Called once: with an error (a Failure), or without one and with the answer, whatever its status.
  using Completion = std::move_only_function<void(std::exception_ptr, HttpResponse)>;

  virtual ~HttpClient() = default;
  // From any thread; never waits. The completion runs on the client's thread and must be short. Reasons of Failure:
  // outbound_busy, outbound_timeout, outbound_unreachable, outbound_refused (a peer that must not be reached, a
  // header field that is none),
  // outbound_too_large, shutting_down.
  virtual void start(HttpRequest request, Completion completion) = 0;

  // Suspends until the answer is there; throws Failure.
  Awaitable<HttpResponse> send(HttpRequest request);
};

// Reaches nobody: for who has no providers.
class NoHttpClient final : public HttpClient {
 public:
  void start(HttpRequest request, Completion completion) override;
};

// An address of the public internet: neither loopback, private, link-local, shared, documentation, multicast nor
// reserved (IANA's special-purpose registries), nor an IPv6 form that carries such an IPv4 address.
bool is_public(const IpAddress& address);

struct HttpClientSettings {
  std::size_t parallel_max = 64;            // calls under way
  std::size_t parallel_of_origin_max = 16;  // to one scheme, host and port: a slow provider holds up only itself
  std::size_t waiting_of_origin_max = 64;   // beyond those; more are refused at once
  std::string ca_file = {};                 // PEM; empty: the system's
};

class CurlHttpClient final : public HttpClient {
 public:
  explicit CurlHttpClient(HttpClientSettings settings = {});
  ~CurlHttpClient() override;
  CurlHttpClient(const CurlHttpClient&) = delete;
  CurlHttpClient& operator=(const CurlHttpClient&) = delete;

  void start(HttpRequest request, Completion completion) override;

  struct Counts {
    std::uint64_t answered = 0;  // with any status
    std::uint64_t failed = 0;    // late, unreachable, refused peers, too large
    std::uint64_t busy = 0;      // turned away: too many already
    std::size_t under_way = 0;
    std::size_t waiting = 0;
  };
  Counts counts() const;

  // Fails what is under way or waits; who comes later gets Failure(503, "shutting_down"). To be called before an
  // io_context goes whose coroutines may wait here.
  void stop();

 private:
  class Engine;
  std::unique_ptr<Engine> engine_;
};

}  // namespace gatehouse::outbound
