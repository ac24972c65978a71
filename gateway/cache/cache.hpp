// What several gateways share and may lose: values under keys, each with a life, and messages. Redis (or Valkey) stands
// behind it, and one in memory for a gateway that is alone; what this header promises is tested once for both in
// tests/contracts. Better Auth's secondary storage, session look-ups and counters of limits stand on it.
//
// A Cache belongs to one thread: its coroutines are started and resumed, and its listeners are called, on that thread's
// io_context. It is made by cache/open.hpp and must be destroyed before that io_context, with or without calls under
// way (these then fail). Each call ends within CacheOptions::command_timeout; when the server is down, too slow, full
// or does not understand, it throws Failure(503, "cache_unavailable"), and a change may then have happened or not: none
// is sent again. After several failures in a row calls fail at once, until the server answers a probe in time. None of
// this breaks the Cache: it connects again by itself, and later calls work. A caller that is cancelled harms no other;
// its command may still be executed.
//
// Keys and values are bytes, taken as they are: nothing is put in front of a key. Keys may hold secrets (session
// tokens), so no message of a Failure and no line of the log quotes one.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/awaitable.hpp"

namespace gatehouse::cache {

using std::chrono::milliseconds;

// What stood at a generation key when it was read by get_versioned().
struct Generation {
  std::string text;              // empty: the key was absent
  std::uint64_t connection = 0;  // on which it was read: a server that was lost in between may have lost the key, too
};

struct Versioned {
  std::optional<std::string> value;
  Generation generation;
};

// How long an invalidation keeps back-fills out that began before it. No load takes nearly as long.
inline constexpr milliseconds kGenerationLife{60'000};

// A program in Lua that Redis runs in one step; it reads and writes those keys alone that it is given (KEYS), and
// answers a list of whole numbers. Lives as long as the process.
struct Script {
  explicit Script(std::string_view lua);
  const std::string text;
  const std::string sha1;
};

// `limit` requests in a window, by the generic cell rate algorithm (GCRA): a bucket that holds `limit` and leaks
// evenly, so that it is empty a window after it was full.
struct Rate {
  std::uint32_t limit = 1;  // at least 1
  milliseconds window{1'000};

  // In how much time one leaks. No clock behind a Cache is finer than that.
  std::chrono::microseconds interval() const {
    return std::max(std::chrono::microseconds(1), std::chrono::microseconds(window) / limit);
  }
  // How much may be in the bucket when one more comes.
  std::chrono::microseconds most() const { return interval() * (limit - 1); }
};

struct Metered {
  bool passed = false;
  // For each bucket: how long it would have taken to be empty, before this one. A bucket is full that holds more than
  // Rate::most().
  std::vector<std::chrono::microseconds> held;
};

// Told what others publish and change. Called on the Cache's thread, from its loop and never from inside a call; it may
// begin calls, and end its Subscription or the Cache.
class Listener {
 public:
  // From now on all is told: what was published or changed before is not known. Values that were read before may have
  // changed since.
  virtual void on_resumed() = 0;
  // From now on, and for the last moments before, nothing is told. on_resumed() follows when it is again; the server
  // may also lose all its values at once, then the one follows the other directly.
  virtual void on_lost() = 0;
  virtual void on_message(std::string_view channel, std::string_view message) {
    static_cast<void>(channel);
    static_cast<void>(message);
  }
  // A key that was read by get() or get_many() since on_resumed() was changed or removed, by whomever, or its life has
  // ended. Told at least once for each read; may come before the read's own answer. Further keys may be told, too.
  virtual void on_key_changed(std::string_view key) { static_cast<void>(key); }

 protected:
  ~Listener() = default;
};

// Ends when it is destroyed: its listener is told nothing any more.
class Subscription {
 public:
  virtual ~Subscription() = default;
};

class Cache {
 public:
  virtual ~Cache() = default;

  // Absent: there is no such key, or its life is over.
  virtual Awaitable<std::optional<std::string>> get(std::string key) = 0;
  // In the order of the keys, in one step.
  virtual Awaitable<std::vector<std::optional<std::string>>> get_many(std::vector<std::string> keys) = 0;
  // A ttl of 0 or less means that the value's life is over: the key is removed. No value lives for ever.
  virtual Awaitable<> set(std::string key, std::string value, milliseconds ttl) = 0;
  virtual Awaitable<> remove(std::vector<std::string> keys) = 0;
  // Gives the value and removes the key, in one step: of several that try, one gets it.
  virtual Awaitable<std::optional<std::string>> take(std::string key) = 0;
  // Adds one to the number at the key, in one step, and gives the sum. The first one counts from 0 and sets the life,
  // the others leave it as it is. `ttl` is positive. A key that holds something else than a number fails.
  virtual Awaitable<std::int64_t> increment(std::string key, milliseconds ttl) = 0;
  // Adds one to each of the buckets at the keys, or to none where one of them is full, in one step and by the store's
  // own clock: of any number of callers at once, no more than the limit pass. A bucket's key lives until it is empty. A
  // key that holds something else than a bucket fails.
  virtual Awaitable<Metered> meter(std::vector<std::string> keys, Rate rate) = 0;

  // Runs a script whose answer has `size` numbers. In memory there is nobody who understands one: it throws.
  virtual Awaitable<std::vector<std::int64_t>> run_script(const Script& script, std::vector<std::string> keys,
                                                          std::vector<std::string> arguments, std::size_t size) = 0;

  // Back-fills that revive nothing. Who finds no value reads the key together with its generation, loads the value from
  // where it is kept, and fills: this stores it only if nobody has called invalidate() since. False: nothing was
  // stored, and the loaded value must not be believed for longer than the answer at hand. A server that was lost in
  // between may have forgotten the generation: then it throws. Both calls are made on the same Cache.
  virtual Awaitable<Versioned> get_versioned(std::string key, std::string generation_key) = 0;
  virtual Awaitable<bool> fill(std::string key, std::string value, milliseconds ttl, std::string generation_key,
                               Generation generation) = 0;
  // Removes the key and moves its generation on (for kGenerationLife), in one step.
  virtual Awaitable<> invalidate(std::string key, std::string generation_key) = 0;

  // Told to who listens on the channel now, on every gateway; nobody who comes later learns of it.
  virtual Awaitable<> publish(std::string channel, std::string message) = 0;

  // Both begin as lost, and are lost and resumed with the server, by themselves. An idle connection is asked each
  // CacheOptions::keep_alive whether it is still there, so that a loss is told at most that and connect_timeout late.
  // The listener outlives the subscription. Few channels are meant: they are listened to until the Cache goes.
  virtual std::unique_ptr<Subscription> subscribe(std::vector<std::string> channels, Listener& listener) = 0;
  // Tells of changed keys.
  virtual std::unique_ptr<Subscription> track(Listener& listener) = 0;
};

}  // namespace gatehouse::cache
