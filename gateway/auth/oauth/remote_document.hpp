// A document that a provider publishes and that changes seldom: a discovery document, a key set. Fetched when it is
// first asked for and again when it is old; however many wait, one request is under way, and after a failed one none is
// made for a while (threats 93: no retry storm). What was once read is used while it is fetched anew and while the
// provider is down, for a day at most: only who has nothing waits.
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/resumption.hpp"
#include "outbound/http_client.hpp"

namespace gatehouse::auth::oauth {

// Any thread may ask. Must live until its HttpClient has stopped.
template <class T>
class RemoteDocument {
 public:
  using Value = std::shared_ptr<const T>;
  // From the body of a 200; nullptr: it is no such document.
  using Parse = std::function<Value(const std::string&)>;

  static constexpr std::chrono::hours kFresh{1};
  static constexpr std::chrono::hours kUsable{24};
  static constexpr std::chrono::seconds kAfterFailure{10};
  static constexpr std::chrono::minutes kBetweenDemands{1};

  RemoteDocument(outbound::HttpClient& http, const Clock& clock, std::string url, outbound::Reach reach, Parse parse)
      : http_(http), clock_(clock), url_(std::move(url)), reach_(reach), parse_(std::move(parse)) {}

  // nullptr: it cannot be had.
  Awaitable<Value> get() { return ask(false); }
  // For who misses something in the document: a newer one, unless one was asked for less than a minute ago.
  Awaitable<Value> get_newer() { return ask(true); }

 private:
  Awaitable<Value> ask(bool newer) {
    auto begin = [this, newer](Resumption<Value> waiter) { enter(newer, std::move(waiter)); };
    auto value = co_await suspend_until_resumed<Value>(std::move(begin));
    co_return value;
  }

  void enter(bool newer, Resumption<Value> waiter) {
    bool waits = false, fetches = false;
    Value known;
    {
      const std::lock_guard lock(mutex_);
      const SteadyTime now = clock_.steady();
      if (value_ && now - read_at_ >= kUsable) value_ = nullptr;
      const bool misses = !value_ || (newer && now - read_at_ >= kBetweenDemands);
      const bool is_due = misses || now - read_at_ >= kFresh;
      const bool may_try = failed_at_ == SteadyTime{} || now - failed_at_ >= kAfterFailure;
      fetches = is_due && !fetching_ && may_try;
      waits = misses && (fetching_ || may_try);
      fetching_ = fetching_ || fetches;
      if (waits) {
        waiters_.push_back(std::move(waiter));
      } else {
        known = value_;
      }
    }
    if (fetches) {
      outbound::HttpRequest request{.url = url_, .headers = {{"Accept", "application/json"}}, .reach = reach_};
      http_.start(std::move(request), [this](std::exception_ptr error, outbound::HttpResponse response) {
        finish(std::move(error), response);
      });
    }
    if (!waits) waiter.resume(std::move(known));
  }

  void finish(std::exception_ptr error, const outbound::HttpResponse& response) {
    Value read;
    if (!error && response.status == 200) read = parse_(response.body);
    std::vector<Resumption<Value>> waiters;
    Value result;
    {
      const std::lock_guard lock(mutex_);
      const SteadyTime now = clock_.steady();
      fetching_ = false;
      if (read) {
        value_ = read;
        read_at_ = now;
        failed_at_ = {};
      } else {
        failed_at_ = now;
      }
      result = value_;
      waiters.swap(waiters_);
    }
    if (!read) log::warn("a provider's document could not be read: {}", url_);
    for (auto& waiter : waiters) waiter.resume(result);
  }

  outbound::HttpClient& http_;
  const Clock& clock_;
  const std::string url_;
  const outbound::Reach reach_;
  const Parse parse_;
  std::mutex mutex_;
  Value value_;
  SteadyTime read_at_{};
  SteadyTime failed_at_{};
  bool fetching_ = false;
  std::vector<Resumption<Value>> waiters_;
};

}  // namespace gatehouse::auth::oauth
