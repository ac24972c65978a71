// Random schedules of revoking, changing, loading, lost and late channels, played against the session cache at a time
// of the model's own. What is looked for: a schedule in which a session or a user is believed as it was longer ago than
// staleness_max.
#include <doctest/doctest.h>

#include <cstdlib>
#include <map>
#include <optional>
#include <random>

#include "tests/auth/cache_world.hpp"

using namespace gatehouse;
using namespace gatehouse::auth;
using namespace gatehouse::tests;
using namespace std::chrono_literals;

namespace {

constexpr auto kStaleness = 1000ms;
constexpr int kSessions = 4;
constexpr int kUsers = 2;

// A user's name is the number of the commit that wrote it; a session is there or not.
struct Commit {
  SteadyTime at;
  enum class Kind { ended, renamed, created } kind;
  int subject;
};

class Model : public CacheWorld {
 public:
  explicit Model(std::uint64_t seed) : CacheWorld({.staleness_max = kStaleness}), random_(seed) {
    for (int i = 0; i < kSessions; ++i) commit(Commit::Kind::created, i);
  }

  // The first wrong answer, if there is one.
  std::optional<std::string> play(int steps) {
    for (int i = 0; i < steps && !wrong_; ++i) step();
    return wrong_;
  }
  int believed = 0;

 private:
  static std::string token(int session) { return "token-" + std::to_string(session); }
  static int user_of(int session) { return session % kUsers; }
  std::uint64_t pick(std::uint64_t below) { return random_() % below; }

  void commit(Commit::Kind kind, int subject) { commits_.push_back({clock.steady(), kind, subject}); }

  // The state after the first `count` commits.
  bool alive(int session, std::size_t count) const {
    for (std::size_t i = count; i-- > 0;) {
      if (commits_[i].kind != Commit::Kind::renamed && commits_[i].subject == session)
        return commits_[i].kind == Commit::Kind::created;
    }
    return false;
  }
  std::size_t name_of(int user, std::size_t count) const {
    for (std::size_t i = count; i-- > 0;) {
      if (commits_[i].kind == Commit::Kind::renamed && commits_[i].subject == user) return i + 1;
    }
    return 0;
  }

  void judge(int session, const IdentityPtr& identity) {
    if (!identity) return;
    ++believed;
    const auto name = static_cast<std::size_t>(std::stoull(identity->user.name));
    // As it was at any moment since staleness_max ago.
    for (std::size_t count = commits_.size();; --count) {
      if (alive(session, count) && name_of(user_of(session), count) == name) return;
      if (count == 0 || commits_[count - 1].at < clock.steady() - kStaleness) break;
    }
    wrong_ = "session " + std::to_string(session) + " believed too long";
  }

  Awaitable<> use(int session) {
    SessionCache::Loader loader = [this](std::string of) { return store.read(std::move(of)); };
    try {
      const auto found = co_await cache.load(token(session), loader);
      judge(session, found);
    } catch (const Failure&) {
    }
  }

  // A read sees the store at some moment between its beginning and its end.
  struct Read {
    std::string token;
    Resumption<IdentityPtr> waiter;
    std::optional<IdentityPtr> result;
  };
  IdentityPtr row(const std::string& of) {
    const int session = of.back() - '0';
    if (!alive(session, commits_.size())) return nullptr;
    auto made = std::make_shared<Identity>();
    made->session.token = of;
    made->session.expires_at = clock.now() + 1h;
    made->user.id = "user-" + std::to_string(user_of(session));
    made->user.name = std::to_string(name_of(user_of(session), commits_.size()));
    return made;
  }
  void take_reads() {
    while (!store.asked.empty()) {
      reads_.push_back({store.asked.front().first, std::move(store.asked.front().second), std::nullopt});
      store.asked.pop_front();
    }
  }

  void tell(const Commit& commit) {
    if (commit.kind == Commit::Kind::ended) cache.end(token(commit.subject));
    if (commit.kind == Commit::Kind::renamed) cache.invalidate_user("user-" + std::to_string(commit.subject));
  }
  // The channel delivers in order: commits and heartbeats.
  void deliver() {
    if (!connected_ || queue_.empty()) return;
    const auto [commit, beat] = queue_.front();
    queue_.erase(queue_.begin());
    if (commit) tell(*commit);
    if (!beat) return;
    if (!complete_) cache.drop_all();
    complete_ = true;
    cache.seen_until(*beat);
  }
  void write(Commit::Kind kind, int subject) {
    commit(kind, subject);
    if (connected_) queue_.emplace_back(commits_.back(), std::nullopt);
    if (pick(4) == 0) tell(commits_.back());  // by this gateway itself: told before the answer
  }

  void step() {
    const int session = static_cast<int>(pick(kSessions));
    switch (pick(14)) {
      case 0:
        write(alive(session, commits_.size()) ? Commit::Kind::ended : Commit::Kind::created, session);
        break;
      case 1:
        write(Commit::Kind::renamed, user_of(session));
        break;
      case 2:
        if (pick(8) == 0) {
          connected_ = !connected_;
          complete_ = false;
          queue_.clear();
        }
        break;
      case 3:
      case 4:
        if (connected_) queue_.emplace_back(std::nullopt, clock.steady());
        break;
      case 5:
      case 6:
      case 7:
        deliver();
        break;
      case 8:
        clock.advance(std::chrono::milliseconds(pick(400)));
        break;
      case 9:
        if (!reads_.empty()) {
          auto& read = reads_[pick(reads_.size())];
          if (!read.result) read.result = row(read.token);
        }
        break;
      case 10:
      case 11:
        if (!reads_.empty()) {
          const auto which = pick(reads_.size());
          auto read = std::move(reads_[which]);
          reads_.erase(reads_.begin() + static_cast<std::ptrdiff_t>(which));
          if (pick(10) == 0) {
            read.waiter.fail(std::make_exception_ptr(Failure(503, "database_unavailable", "down")));
          } else {
            read.waiter.resume(read.result ? *read.result : row(read.token));
          }
        }
        break;
      case 12:
        judge(session, cache.find(token(session)));
        break;
      default:
        asio::co_spawn(context, use(session), asio::detached);
    }
    poll();
    take_reads();
  }

  std::mt19937_64 random_;
  std::vector<Commit> commits_;
  std::vector<std::pair<std::optional<Commit>, std::optional<SteadyTime>>> queue_;
  std::vector<Read> reads_;
  bool connected_ = true;
  bool complete_ = false;
  std::optional<std::string> wrong_;
};

}  // namespace

TEST_CASE("in no schedule is a session or a user believed as it was longer ago than staleness_max") {
  const char* given = std::getenv("GATEHOUSE_SEED");
  const std::uint64_t first = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  long believed = 0;
  for (std::uint64_t seed = first; seed < first + 3'000; ++seed) {
    Model model(seed);
    const auto wrong = model.play(400);
    believed += model.believed;
    if (wrong) {
      FAIL("GATEHOUSE_SEED=" << seed << ": " << *wrong);
    }
  }
  MESSAGE("first seed " << first);
  CHECK(believed > 50'000);
}
