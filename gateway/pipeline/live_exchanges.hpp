// The tunnels, streams and long answers that are open, by the session that opened them: when a session ends, on
// whatever thread, each of them is ended by a message to its own thread. An exchange that is over leaves nothing
// behind.
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/awaitable.hpp"
#include "base/clock.hpp"
#include "http/exchange.hpp"

namespace gatehouse::pipeline {

// Lives on the exchange's thread, in its frame; what other threads hold of it is weak and only used by messages to that
// thread.
struct LiveHandle {
  http::ResponseSink* sink;
  WallTime expires_at;  // the session's end as it is known
  bool ended = false;   // its session has: not the client's doing

  void end() {
    ended = true;
    sink->abort();
  }
};

class LiveExchanges {
 public:
  // Asks whether the session `token` goes on beyond the time that its handle knows; called on the exchange's own
  // thread.
  using Recheck = std::function<void(std::string token, std::weak_ptr<LiveHandle> handle)>;

  // Leaves the registry when it is destroyed, on the exchange's thread.
  class Registration {
   public:
    Registration() = default;
    Registration(LiveExchanges& registry, std::string token, std::shared_ptr<LiveHandle> handle)
        : registry_(&registry), token_(std::move(token)), handle_(std::move(handle)) {}
    Registration(Registration&& other) noexcept
        : registry_(std::exchange(other.registry_, nullptr)),
          token_(std::move(other.token_)),
          handle_(std::move(other.handle_)) {}
    Registration& operator=(Registration&& other) noexcept;
    ~Registration() { leave(); }
    std::weak_ptr<LiveHandle> handle() const { return handle_; }
    bool was_ended() const { return handle_ && handle_->ended; }

   private:
    void leave();
    LiveExchanges* registry_ = nullptr;
    std::string token_;
    std::shared_ptr<LiveHandle> handle_;
  };

  Registration enter(std::string token, WallTime expires_at, http::Exchange& exchange);

  // Ends all exchanges of the session. Any thread.
  void end_session(const std::string& token);

  // The session's end is known anew: sweep() goes by it. Any thread.
  void set_expiry(const std::string& token, WallTime expires_at);

  // Hands every exchange whose session should have ended by `now` to `recheck`. About once a second, from one thread.
  void sweep(WallTime now, const Recheck& recheck);

  // The sessions that have some, each once.
  std::vector<std::string> tokens() const;

  std::size_t size() const;

 private:
  struct Entry {
    Executor executor;
    std::weak_ptr<LiveHandle> handle;
    const LiveHandle* key;
    WallTime expires_at;  // as last told to the registry; the handle's own may have moved on
  };

  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::vector<Entry>> entries_;
};

}  // namespace gatehouse::pipeline
