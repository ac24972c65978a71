#include "app/audit_writer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "storage/migrator.hpp"
#include "tests/support/run_coroutine.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace gatehouse;
using namespace gatehouse::app;
using auth::AuditEvent;

namespace {

constexpr std::chrono::seconds kPatience{30};

auth::AuditEntry entry_of(AuditEvent event, std::string target = "u1", std::string address = "192.0.2.1") {
  return auth::make_audit_entry({.event = event, .target = std::move(target)}, SystemClock().now(), address, "Test/1.0",
                                "r");
}

class World {
 public:
  void migrate() {
    auto migrator = storage::make_migrator(*database_, clock, {"audit"});
    tests::run_coroutine(context_, migrator.apply());
  }
  std::int64_t rows() {
    const auto found =
        tests::run_coroutine(context_, database_->query({R"(SELECT count(*) FROM "gatehouse_audit")"}, {}));
    return found.rows.at(0).integer(0);
  }
  AuditWriter::WriteLines lines_to_text() {
    return [this](std::string lines, std::uint64_t) {
      const std::lock_guard lock(mutex_);
      text_ += lines;
    };
  }
  std::int64_t lines() {
    const std::lock_guard lock(mutex_);
    return std::ranges::count(text_, '\n');
  }

  SystemClock clock;
  SystemRandom random;
  tests::TemporaryFolder folder;
  std::unique_ptr<storage::Store> store =
      storage::open_store(Secret("sqlite:" + (folder.path() / "a.db").string())).value();

 private:
  asio::io_context context_;
  std::unique_ptr<storage::Database> database_ = store->connect(context_.get_executor());
  std::mutex mutex_;
  std::string text_;
};

template <class Predicate>
bool comes_true(Predicate is_true) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!is_true()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace

TEST_CASE("what was noted before the end is a row and a line each") {
  World world;
  world.migrate();
  AuditWriter writer({}, *world.store, world.clock, world.random, world.lines_to_text());
  for (int i = 0; i < 1'000; ++i) writer.note(entry_of(AuditEvent::sign_in));
  writer.stop();
  CHECK(writer.counts().stored == 1'000);
  CHECK(writer.counts().waiting == 0);
  CHECK(world.rows() == 1'000);
  CHECK(world.lines() == 1'000);
  writer.note(entry_of(AuditEvent::sign_in));
  CHECK(writer.counts().dropped == 1);
}

TEST_CASE("while the database takes nothing entries are lines at once, and rows when it does again") {
  World world;
  AuditWriter writer({.retry = std::chrono::milliseconds{10}}, *world.store, world.clock, world.random,
                     world.lines_to_text());
  for (int i = 0; i < 3; ++i) writer.note(entry_of(AuditEvent::sign_in));
  CHECK(comes_true([&] { return !writer.counts().store_works; }));
  CHECK(comes_true([&] { return world.lines() == 3; }));
  CHECK(writer.counts().waiting == 3);
  world.migrate();
  CHECK(comes_true([&] { return writer.counts().stored == 3; }));
  CHECK(writer.counts().store_works);
  writer.stop();
  CHECK(world.rows() == 3);
}

TEST_CASE("a database that stays away costs the rows beyond a limit, and the end does not wait for it") {
  World world;
  AuditWriter writer({.rows_max = 5, .retry = std::chrono::milliseconds{10}}, *world.store, world.clock, world.random,
                     world.lines_to_text());
  for (int i = 0; i < 12; ++i) writer.note(entry_of(AuditEvent::sign_in));
  CHECK(comes_true([&] { return world.lines() == 12; }));
  writer.stop();
  CHECK(writer.counts().unstored == 12);
  CHECK(writer.counts().dropped == 0);
  CHECK(writer.counts().stored == 0);
}

TEST_CASE("where neither rows nor lines are wanted nothing is kept") {
  World world;
  AuditWriter writer({.rows = false, .lines = false}, *world.store, world.clock, world.random, world.lines_to_text());
  writer.note(entry_of(AuditEvent::sign_in));
  writer.stop();
  CHECK(world.lines() == 0);
  CHECK(writer.counts().stored + writer.counts().dropped + writer.counts().unstored == 0);
}

TEST_CASE("of what comes with each request the first in a minute is kept, for each client and user") {
  AuditRepeats repeats;
  const SteadyTime now{std::chrono::hours{1}};
  const auto is_first = [&](const auth::AuditEntry& entry, std::chrono::seconds later) {
    return repeats.is_first(entry, now + later);
  };
  using std::chrono::seconds;
  const auto limited = [](std::string address) { return entry_of(AuditEvent::auth_limited, "", std::move(address)); };
  CHECK(is_first(limited("192.0.2.1"), seconds{0}));
  CHECK_FALSE(is_first(limited("192.0.2.1"), seconds{59}));
  CHECK(is_first(limited("192.0.2.2"), seconds{59}));
  CHECK(is_first(limited("192.0.2.1"), seconds{60}));
  CHECK(is_first(entry_of(AuditEvent::session_bound_elsewhere, "u1"), seconds{60}));
  CHECK(is_first(entry_of(AuditEvent::session_bound_elsewhere, "u2"), seconds{60}));
  CHECK_FALSE(is_first(entry_of(AuditEvent::session_bound_elsewhere, "u1"), seconds{61}));
}

TEST_CASE("a flood of what repeats leaves room for what happens once") {
  World world;
  // Held up by the lines, the thread takes nothing from the queue.
  std::mutex gate;
  std::unique_lock closed(gate);
  std::atomic<bool> held{false};
  AuditWriter writer({.rows = false, .queue_max = 10}, *world.store, world.clock, world.random,
                     [&](std::string, std::uint64_t) {
                       held = true;
                       const std::lock_guard lock(gate);
                     });
  writer.note(entry_of(AuditEvent::sign_out));
  CHECK(comes_true([&] { return held.load(); }));
  for (int i = 0; i < 50; ++i) writer.note(entry_of(AuditEvent::auth_limited, "", "192.0.2." + std::to_string(i)));
  CHECK(writer.counts().waiting == 5);
  for (int i = 0; i < 5; ++i) writer.note(entry_of(AuditEvent::sign_in));
  CHECK(writer.counts().waiting == 10);
  writer.note(entry_of(AuditEvent::sign_in));
  CHECK(writer.counts().waiting == 10);
  CHECK(writer.counts().dropped >= 1);
  closed.unlock();
  writer.stop();
}
