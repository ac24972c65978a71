#include "pipeline/live_exchanges.hpp"

#include <boost/asio/post.hpp>

namespace gatehouse::pipeline {

LiveExchanges::Registration& LiveExchanges::Registration::operator=(Registration&& other) noexcept {
  leave();
  registry_ = std::exchange(other.registry_, nullptr);
  token_ = std::move(other.token_);
  handle_ = std::move(other.handle_);
  return *this;
}

void LiveExchanges::Registration::leave() {
  if (!registry_) return;
  const std::lock_guard lock(registry_->mutex_);
  const auto found = registry_->entries_.find(token_);
  if (found != registry_->entries_.end()) {
    std::erase_if(found->second, [&](const Entry& entry) { return entry.key == handle_.get(); });
    if (found->second.empty()) registry_->entries_.erase(found);
  }
  registry_ = nullptr;
}

LiveExchanges::Registration LiveExchanges::enter(std::string token, WallTime expires_at, http::Exchange& exchange) {
  auto handle = std::make_shared<LiveHandle>(LiveHandle{&exchange.sink, expires_at});
  {
    const std::lock_guard lock(mutex_);
    entries_[token].push_back({exchange.executor, handle, handle.get(), expires_at});
  }
  return {*this, std::move(token), std::move(handle)};
}

void LiveExchanges::end_session(const std::string& token) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(token);
  if (found == entries_.end()) return;
  for (const Entry& entry : found->second) {
    asio::post(entry.executor, [handle = entry.handle] {
      if (const auto live = handle.lock()) live->end();
    });
  }
}

void LiveExchanges::set_expiry(const std::string& token, WallTime expires_at) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(token);
  if (found == entries_.end()) return;
  for (Entry& entry : found->second) {
    entry.expires_at = expires_at;
    asio::post(entry.executor, [handle = entry.handle, expires_at] {
      if (const auto live = handle.lock()) live->expires_at = expires_at;
    });
  }
}

void LiveExchanges::sweep(WallTime now, const Recheck& recheck) {
  // Asked again no sooner than this, while the answer is on its way or the store is down.
  constexpr std::chrono::seconds kAgain{5};
  const std::lock_guard lock(mutex_);
  for (auto& [token, of_session] : entries_) {
    for (Entry& entry : of_session) {
      if (entry.expires_at > now) continue;
      entry.expires_at = now + kAgain;
      asio::post(entry.executor, [recheck, session = token, handle = entry.handle, now] {
        const auto live = handle.lock();
        if (live && live->expires_at <= now) recheck(session, handle);
      });
    }
  }
}

std::vector<std::string> LiveExchanges::tokens() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> tokens;
  tokens.reserve(entries_.size());
  for (const auto& [token, entries] : entries_) tokens.push_back(token);
  return tokens;
}

std::size_t LiveExchanges::size() const {
  const std::lock_guard lock(mutex_);
  std::size_t count = 0;
  for (const auto& [token, entries] : entries_) count += entries.size();
  return count;
}

}  // namespace gatehouse::pipeline
