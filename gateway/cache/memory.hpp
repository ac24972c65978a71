// The cache of a gateway that is alone: a table in memory, the same for all threads. Also the double of Redis in tests.
#pragma once
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "cache/open.hpp"

namespace gatehouse::cache {

// A subscription of one thread. Only that thread looks at the listener.
struct MemorySubscription {
  Executor executor;
  std::vector<std::string> channels;
  bool tracks = false;
  Listener* listener = nullptr;  // null: it has ended
};

// The table. Its mutex is held for one look-up at a time; nothing in it waits.
class MemoryTable {
 public:
  MemoryTable(const Clock& clock, std::size_t entries_max) : clock_(clock), entries_max_(entries_max) {}

  std::vector<std::optional<std::string>> get(const std::vector<std::string>& keys);
  void set(const std::string& key, std::string value, milliseconds ttl);
  void remove(const std::vector<std::string>& keys);
  std::optional<std::string> take(const std::string& key);
  // Absent: the key holds no number, or one that has no successor.
  std::optional<std::int64_t> increment(const std::string& key, milliseconds ttl);
  // Absent: a key holds no bucket.
  std::optional<Metered> meter(const std::vector<std::string>& keys, Rate rate);
  bool fill(const std::string& key, std::string value, milliseconds ttl, const std::string& generation_key,
            const std::string& generation);
  void invalidate(const std::string& key, const std::string& generation_key);

  void add(const std::shared_ptr<MemorySubscription>& subscription);
  void remove(const std::shared_ptr<MemorySubscription>& subscription);
  void publish(const std::string& channel, const std::string& message);

  void count_cache(int by);
  void count_call(bool failed);
  CacheHealth health() const;

 private:
  struct Entry {
    std::string key;
    std::string value;
    SteadyTime ends;
  };
  using Entries = std::list<Entry>;  // the one that was used last is first

  Entries::iterator find(const std::string& key);
  void put(const std::string& key, std::string value, SteadyTime ends);
  void erase(Entries::iterator entry);
  std::optional<std::int64_t> add_one(const std::string& key, milliseconds ttl, bool anew);
  void tell_changed(const std::string& key) const;

  const Clock& clock_;
  const std::size_t entries_max_;
  mutable std::mutex mutex_;
  Entries entries_;
  std::unordered_map<std::string, Entries::iterator> by_key_;
  std::vector<std::shared_ptr<MemorySubscription>> subscriptions_;
  CacheHealth health_;
};

class SharedMemory final : public SharedCache {
 public:
  SharedMemory(const Clock& clock, std::size_t entries_max) : table_(clock, entries_max) {}
  std::unique_ptr<Cache> connect(Executor executor) override;
  CacheHealth health() const override { return table_.health(); }

 private:
  MemoryTable table_;
};

class MemoryCache final : public Cache {
 public:
  MemoryCache(MemoryTable& table, const Executor& executor) : table_(table), executor_(executor) {
    table_.count_cache(1);
  }
  ~MemoryCache() override { table_.count_cache(-1); }

  Awaitable<std::optional<std::string>> get(std::string key) override;
  Awaitable<std::vector<std::optional<std::string>>> get_many(std::vector<std::string> keys) override;
  Awaitable<> set(std::string key, std::string value, milliseconds ttl) override;
  Awaitable<> remove(std::vector<std::string> keys) override;
  Awaitable<std::optional<std::string>> take(std::string key) override;
  Awaitable<std::int64_t> increment(std::string key, milliseconds ttl) override;
  Awaitable<std::vector<std::int64_t>> run_script(const Script& script, std::vector<std::string> keys,
                                                  std::vector<std::string> arguments, std::size_t size) override;
  Awaitable<Metered> meter(std::vector<std::string> keys, Rate rate) override;
  Awaitable<Versioned> get_versioned(std::string key, std::string generation_key) override;
  Awaitable<bool> fill(std::string key, std::string value, milliseconds ttl, std::string generation_key,
                       Generation generation) override;
  Awaitable<> invalidate(std::string key, std::string generation_key) override;
  Awaitable<> publish(std::string channel, std::string message) override;
  std::unique_ptr<Subscription> subscribe(std::vector<std::string> channels, Listener& listener) override;
  std::unique_ptr<Subscription> track(Listener& listener) override;

 private:
  MemoryTable& table_;
  const Executor executor_;
};

}  // namespace gatehouse::cache
