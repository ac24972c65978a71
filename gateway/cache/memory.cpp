#include "cache/memory.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <charconv>
#include <limits>

#include "base/failure.hpp"

namespace gatehouse::cache {

namespace {

std::optional<std::int64_t> to_number(const std::string& text) {
  std::int64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = failed == std::errc{} && end == text.data() + text.size();
  return whole ? std::optional(number) : std::nullopt;
}

std::optional<std::int64_t> successor(const std::string& text) {
  const auto number = to_number(text);
  if (!number || *number == std::numeric_limits<std::int64_t>::max()) return std::nullopt;
  return *number + 1;
}

// Tells the listener on its own thread, if it still listens by then.
template <class Tell>
void post_to(const std::shared_ptr<MemorySubscription>& subscription, Tell tell) {
  asio::post(subscription->executor, [subscription, tell = std::move(tell)] {
    if (subscription->listener != nullptr) tell(*subscription->listener);
  });
}

class MemoryHandle final : public Subscription {
 public:
  MemoryHandle(MemoryTable& table, std::shared_ptr<MemorySubscription> subscription)
      : table_(table), subscription_(std::move(subscription)) {
    table_.add(subscription_);
  }
  ~MemoryHandle() override {
    subscription_->listener = nullptr;
    table_.remove(subscription_);
  }

 private:
  MemoryTable& table_;
  const std::shared_ptr<MemorySubscription> subscription_;
};

}  // namespace

MemoryTable::Entries::iterator MemoryTable::find(const std::string& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return entries_.end();
  const auto entry = found->second;
  if (entry->ends <= clock_.steady()) {
    erase(entry);
    return entries_.end();
  }
  entries_.splice(entries_.begin(), entries_, entry);
  return entry;
}

void MemoryTable::put(const std::string& key, std::string value, SteadyTime ends) {
  if (const auto entry = find(key); entry != entries_.end()) erase(entry);
  if (ends <= clock_.steady()) return;
  tell_changed(key);
  entries_.push_front({key, std::move(value), ends});
  by_key_[key] = entries_.begin();
  if (entries_.size() > entries_max_) erase(std::prev(entries_.end()));
}

void MemoryTable::erase(Entries::iterator entry) {
  tell_changed(entry->key);
  by_key_.erase(entry->key);
  entries_.erase(entry);
}

std::vector<std::optional<std::string>> MemoryTable::get(const std::vector<std::string>& keys) {
  const std::lock_guard lock(mutex_);
  std::vector<std::optional<std::string>> values;
  for (const auto& key : keys) {
    const auto entry = find(key);
    values.push_back(entry == entries_.end() ? std::nullopt : std::optional(entry->value));
  }
  return values;
}

void MemoryTable::set(const std::string& key, std::string value, milliseconds ttl) {
  const std::lock_guard lock(mutex_);
  put(key, std::move(value), clock_.steady() + ttl);
}

void MemoryTable::remove(const std::vector<std::string>& keys) {
  const std::lock_guard lock(mutex_);
  for (const auto& key : keys) {
    if (const auto entry = find(key); entry != entries_.end()) erase(entry);
  }
}

std::optional<std::string> MemoryTable::take(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto entry = find(key);
  if (entry == entries_.end()) return std::nullopt;
  auto value = std::move(entry->value);
  erase(entry);
  return value;
}

std::optional<std::int64_t> MemoryTable::add_one(const std::string& key, milliseconds ttl, bool anew) {
  const auto entry = find(key);
  if (entry == entries_.end()) {
    put(key, "1", clock_.steady() + ttl);
    return 1;
  }
  const auto number = successor(entry->value);
  if (!number) return std::nullopt;
  entry->value = std::to_string(*number);
  tell_changed(key);
  if (anew) entry->ends = clock_.steady() + ttl;
  return number;
}

std::optional<std::int64_t> MemoryTable::increment(const std::string& key, milliseconds ttl) {
  const std::lock_guard lock(mutex_);
  return add_one(key, ttl, false);
}

std::optional<Metered> MemoryTable::meter(const std::vector<std::string>& keys, Rate rate) {
  using std::chrono::microseconds;
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::duration_cast<microseconds>(clock_.steady().time_since_epoch());
  Metered metered{.passed = true, .held = {}};
  for (const auto& key : keys) {
    const auto entry = find(key);
    const auto empty_at = entry == entries_.end() ? std::optional(std::int64_t{now.count()}) : to_number(entry->value);
    if (!empty_at) return std::nullopt;
    metered.held.push_back(std::clamp(microseconds(*empty_at) - now, microseconds(0), rate.most() + rate.interval()));
    if (metered.held.back() > rate.most()) metered.passed = false;
  }
  for (std::size_t i = 0; metered.passed && i < keys.size(); ++i) {
    const auto ahead = metered.held[i] + rate.interval();
    put(keys[i], std::to_string((now + ahead).count()), clock_.steady() + ahead);
  }
  return metered;
}

bool MemoryTable::fill(const std::string& key, std::string value, milliseconds ttl, const std::string& generation_key,
                       const std::string& generation) {
  if (ttl <= milliseconds{0}) return false;
  const std::lock_guard lock(mutex_);
  const auto entry = find(generation_key);
  if ((entry == entries_.end() ? std::string() : entry->value) != generation) return false;
  put(key, std::move(value), clock_.steady() + ttl);
  return true;
}

void MemoryTable::invalidate(const std::string& key, const std::string& generation_key) {
  const std::lock_guard lock(mutex_);
  add_one(generation_key, kGenerationLife, true);
  if (const auto entry = find(key); entry != entries_.end()) erase(entry);
}

void MemoryTable::add(const std::shared_ptr<MemorySubscription>& subscription) {
  const std::lock_guard lock(mutex_);
  subscriptions_.push_back(subscription);
  post_to(subscription, [](Listener& listener) { listener.on_resumed(); });
}

void MemoryTable::remove(const std::shared_ptr<MemorySubscription>& subscription) {
  const std::lock_guard lock(mutex_);
  std::erase(subscriptions_, subscription);
}

void MemoryTable::publish(const std::string& channel, const std::string& message) {
  const std::lock_guard lock(mutex_);
  for (const auto& subscription : subscriptions_) {
    if (std::ranges::find(subscription->channels, channel) == subscription->channels.end()) continue;
    post_to(subscription, [channel, message](Listener& listener) { listener.on_message(channel, message); });
  }
}

void MemoryTable::tell_changed(const std::string& key) const {
  for (const auto& subscription : subscriptions_) {
    if (subscription->tracks) post_to(subscription, [key](Listener& listener) { listener.on_key_changed(key); });
  }
}

void MemoryTable::count_cache(int by) {
  const std::lock_guard lock(mutex_);
  health_.caches += static_cast<unsigned>(by);
}

void MemoryTable::count_call(bool failed) {
  const std::lock_guard lock(mutex_);
  ++health_.calls;
  if (failed) ++health_.failures;
}

CacheHealth MemoryTable::health() const {
  const std::lock_guard lock(mutex_);
  CacheHealth health = health_;
  health.up = true;
  return health;
}

std::unique_ptr<Cache> SharedMemory::connect(Executor executor) {
  return std::make_unique<MemoryCache>(table_, executor);
}

Awaitable<std::optional<std::string>> MemoryCache::get(std::string key) {
  table_.count_call(false);
  co_return std::move(table_.get({std::move(key)}).front());
}

Awaitable<std::vector<std::optional<std::string>>> MemoryCache::get_many(std::vector<std::string> keys) {
  table_.count_call(false);
  co_return table_.get(keys);
}

Awaitable<> MemoryCache::set(std::string key, std::string value, milliseconds ttl) {
  table_.count_call(false);
  table_.set(key, std::move(value), ttl);
  co_return;
}

Awaitable<> MemoryCache::remove(std::vector<std::string> keys) {
  table_.count_call(false);
  table_.remove(keys);
  co_return;
}

Awaitable<std::optional<std::string>> MemoryCache::take(std::string key) {
  table_.count_call(false);
  co_return table_.take(key);
}

Awaitable<std::int64_t> MemoryCache::increment(std::string key, milliseconds ttl) {
  const auto number = table_.increment(key, ttl);
  table_.count_call(!number);
  if (!number) throw Failure(503, "cache_unavailable", "a counter of the cache holds no number");
  co_return *number;
}

Awaitable<std::vector<std::int64_t>> MemoryCache::run_script(const Script&, std::vector<std::string>,
                                                             std::vector<std::string>, std::size_t) {
  table_.count_call(true);
  throw Failure(503, "cache_unavailable", "a cache in memory runs no scripts");
}

Awaitable<Metered> MemoryCache::meter(std::vector<std::string> keys, Rate rate) {
  auto metered = table_.meter(keys, rate);
  table_.count_call(!metered);
  if (!metered) throw Failure(503, "cache_unavailable", "a bucket of the cache holds something else");
  co_return *std::move(metered);
}

Awaitable<Versioned> MemoryCache::get_versioned(std::string key, std::string generation_key) {
  table_.count_call(false);
  auto values = table_.get({std::move(key), std::move(generation_key)});
  co_return Versioned{std::move(values[0]), {values[1].value_or(""), 0}};
}

Awaitable<bool> MemoryCache::fill(std::string key, std::string value, milliseconds ttl, std::string generation_key,
                                  Generation generation) {
  table_.count_call(false);
  co_return table_.fill(key, std::move(value), ttl, generation_key, generation.text);
}

Awaitable<> MemoryCache::invalidate(std::string key, std::string generation_key) {
  table_.count_call(false);
  table_.invalidate(key, generation_key);
  co_return;
}

Awaitable<> MemoryCache::publish(std::string channel, std::string message) {
  table_.count_call(false);
  table_.publish(channel, message);
  co_return;
}

std::unique_ptr<Subscription> MemoryCache::subscribe(std::vector<std::string> channels, Listener& listener) {
  return std::make_unique<MemoryHandle>(
      table_, std::make_shared<MemorySubscription>(executor_, std::move(channels), false, &listener));
}

std::unique_ptr<Subscription> MemoryCache::track(Listener& listener) {
  return std::make_unique<MemoryHandle>(
      table_, std::make_shared<MemorySubscription>(executor_, std::vector<std::string>(), true, &listener));
}

}  // namespace gatehouse::cache
