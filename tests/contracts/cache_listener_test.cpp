// What cache/cache.hpp promises of subscriptions, for every store.
#include <doctest/doctest.h>
#include <unistd.h>

#include "tests/contracts/cache_backends.hpp"
#include "tests/contracts/heard_listener.hpp"
#include "tests/support/run_until.hpp"

using namespace gatehouse;
using namespace gatehouse::cache;
using namespace gatehouse::tests;
using std::chrono::minutes;

namespace {

// Two workers; what one does the other hears.
template <class Backend>
struct Two : OpenedCache<Backend> {
  template <class Predicate>
  bool until(Predicate is_true) {
    return run_until(this->context, is_true);
  }
  // Messages come in order: when this one has come, so have all before it.
  bool caught_up(HeardListener& heard, const std::string& channel) {
    const auto mark = new_key();
    this->run(other->publish(channel, mark));
    return until([&] { return !heard.messages.empty() && heard.messages.back() == channel + ": " + mark; });
  }

  std::unique_ptr<Cache> other = this->shared->connect(this->context.get_executor());
};

}  // namespace

TEST_CASE_TEMPLATE("what is published on a channel is told to who subscribed, in order, as bytes", Backend,
                   CACHE_BACKENDS) {
  Two<Backend> two;
  HeardListener first, second;
  const std::string a = two.key + "a", b = two.key + "b";
  const auto both = two.cache->subscribe({a, b}, first);
  CHECK(first.resumed == 0);
  CHECK(two.until([&] { return first.live; }));
  const auto one = two.cache->subscribe({b}, second);
  CHECK(two.until([&] { return second.live; }));
  const std::string bytes("\0\r\n\xff", 4);
  two.run(two.other->publish(a, "1"));
  two.run(two.other->publish(b, "2"));
  two.run(two.cache->publish(a, bytes));
  two.run(two.other->publish(two.key, "nobody's"));
  two.run(two.other->publish(b, ""));
  CHECK(two.until([&] { return first.messages.size() == 4 && second.messages.size() == 2; }));
  std::ranges::sort(first.messages);
  CHECK(std::ranges::count(first.messages, a + ": " + bytes) == 1);
  CHECK(std::ranges::count(first.messages, a + ": 1") == 1);
  CHECK(second.messages == std::vector<std::string>{b + ": 2", b + ": "});
  CHECK(first.resumed == 1);
  CHECK(first.lost == 0);
  CHECK(first.keys.empty());
}

TEST_CASE_TEMPLATE("a subscription that has ended is told nothing", Backend, CACHE_BACKENDS) {
  Two<Backend> two;
  HeardListener ended, heard;
  auto subscription = two.cache->subscribe({two.key}, ended);
  const auto stays = two.cache->subscribe({two.key}, heard);
  CHECK(two.until([&] { return ended.live && heard.live; }));
  subscription.reset();
  two.run(two.other->publish(two.key, "message"));
  CHECK(two.caught_up(heard, two.key));
  CHECK(ended.messages.empty());
  auto again = two.cache->subscribe({two.key}, ended);
  CHECK(two.until([&] { return ended.resumed == 2; }));
  CHECK(two.caught_up(ended, two.key));
}

TEST_CASE_TEMPLATE("a key that was read is told when anybody changes or removes it", Backend, CACHE_BACKENDS) {
  Two<Backend> two;
  HeardListener heard;
  const auto tracking = two.cache->track(heard);
  CHECK(two.until([&] { return heard.live; }));
  const auto changes = [&](auto change) {
    two.run(two.other->set(two.key, "1", minutes{1}));
    two.run(two.cache->get(two.key));
    run_ready(two.context);
    heard.keys.clear();
    change();
    return two.until([&] { return heard.has_key(two.key); });
  };
  CHECK(changes([&] { two.run(two.other->set(two.key, "2", minutes{1})); }));
  CHECK(changes([&] { two.run(two.cache->set(two.key, "3", minutes{1})); }));
  CHECK(changes([&] { two.run(two.other->remove({two.key})); }));
  CHECK(changes([&] { two.run(two.other->take(two.key)); }));
  CHECK(changes([&] { two.run(two.other->increment(two.key, minutes{1})); }));
  CHECK(changes([&] { two.run(two.other->invalidate(two.key, two.key + "g")); }));
  // One that was absent when it was read, and one that was read among others.
  two.run(two.cache->get_many({two.key + "x", two.key + "y"}));
  two.run(two.other->set(two.key + "y", "new", minutes{1}));
  CHECK(two.until([&] { return heard.has_key(two.key + "y"); }));
  CHECK(heard.lost == 0);
  CHECK(heard.messages.empty());
}

TEST_CASE_TEMPLATE("a listener may end its cache when it is told something", Backend, CACHE_BACKENDS) {
  Two<Backend> two;
  struct Ending final : Listener {
    void on_resumed() override {
      subscription.reset();
      cache->reset();
    }
    void on_lost() override {}
    std::unique_ptr<Subscription> subscription;
    std::unique_ptr<Cache>* cache = nullptr;
  } ending;
  HeardListener heard;
  ending.cache = &two.cache;
  ending.subscription = two.cache->subscribe({two.key}, ending);
  const auto tracking = two.cache->track(heard);
  CHECK(two.until([&] { return two.cache == nullptr; }));
  run_ready(two.context);
}
