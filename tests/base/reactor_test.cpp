#include "base/reactor.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace gatehouse;
using Direction = Reactor::Direction;

namespace {

// Two connected sockets: a watched one and its peer.
struct Pair {
  explicit Pair(asio::io_context& io) {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
    watch = std::make_unique<Reactor::Watch>(io.get_executor(), ends[0]);
    peer = ends[1];
  }
  ~Pair() { end_peer(); }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  void end_peer() {
    if (peer >= 0) ::close(peer);
    peer = -1;
  }
  void send(const std::string& bytes) const { REQUIRE(::send(peer, bytes.data(), bytes.size(), 0) > 0); }
  // What is there, at most so much, with the reports that a reader owes.
  std::string read(std::size_t size = 100) const {
    std::string bytes(size, '\0');
    const ssize_t count = ::recv(watch->descriptor(), bytes.data(), size, 0);
    if (count < static_cast<ssize_t>(size)) watch->drained();
    bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return bytes;
  }

  std::unique_ptr<Reactor::Watch> watch;
  int peer = -1;
};

// What a wait came to; empty while it lasts.
using Outcome = std::shared_ptr<std::optional<bool>>;

Awaitable<> wait_once(Reactor::Watch& watch, Direction direction, Outcome outcome) {
  const bool ready = co_await watch.wait(direction);
  *outcome = ready;
}

Outcome start_wait(asio::io_context& io, Pair& pair, Direction direction = Direction::read) {
  auto outcome = std::make_shared<std::optional<bool>>();
  asio::co_spawn(io, wait_once(*pair.watch, direction, outcome), asio::detached);
  return outcome;
}

// Until nothing more happens by itself.
void settle(asio::io_context& io) {
  io.restart();
  while (io.poll() > 0) {
  }
}

}  // namespace

TEST_CASE("a wait ends when bytes come") {
  asio::io_context io(1);
  Pair pair(io);
  const auto outcome = start_wait(io, pair);
  settle(io);
  CHECK_FALSE(outcome->has_value());
  pair.send("a");
  settle(io);
  CHECK(*outcome == true);
  CHECK(pair.read() == "a");
}

TEST_CASE("bytes that came before the wait end it at once") {
  asio::io_context io(1);
  Pair pair(io);
  pair.send("a");
  const auto outcome = start_wait(io, pair);
  settle(io);
  CHECK(*outcome == true);
}

TEST_CASE("what was told while nobody waited is not forgotten") {
  asio::io_context io(1);
  Pair pair(io);
  Pair other(io);
  const auto keeps_the_set_watched = start_wait(io, other);
  settle(io);
  pair.send("a");
  settle(io);
  const auto outcome = start_wait(io, pair);
  settle(io);
  CHECK(*outcome == true);
}

TEST_CASE("after all was read a wait lasts until more comes") {
  asio::io_context io(1);
  Pair pair(io);
  pair.send("ab");
  auto outcome = start_wait(io, pair);
  settle(io);
  SUBCASE("a read with room to spare has taken all") {
    CHECK(pair.read() == "ab");
  }
  SUBCASE("a read that filled its buffer has not, the next one finds nothing") {
    CHECK(pair.read(2) == "ab");
    CHECK(pair.read(2).empty());
  }
  outcome = start_wait(io, pair);
  settle(io);
  CHECK_FALSE(outcome->has_value());
  pair.send("c");
  settle(io);
  CHECK(*outcome == true);
}

TEST_CASE("bytes that were left in the kernel end the next wait at once") {
  asio::io_context io(1);
  Pair pair(io);
  pair.send("ab");
  auto outcome = start_wait(io, pair);
  settle(io);
  CHECK(pair.read(1) == "a");
  outcome = start_wait(io, pair);
  settle(io);
  CHECK(*outcome == true);
}

TEST_CASE("after the peer's end no wait for bytes lasts") {
  asio::io_context io(1);
  Pair pair(io);
  const auto first = start_wait(io, pair);
  settle(io);
  pair.send("a");
  pair.end_peer();
  settle(io);
  CHECK(*first == true);
  CHECK(pair.read() == "a");
  const auto second = start_wait(io, pair);
  settle(io);
  CHECK(*second == true);
  CHECK(pair.read().empty());
}

TEST_CASE("a peer that sends no more may still read: a full socket is waited for, not tried again and again") {
  asio::io_context io(1);
  Pair pair(io);
  ::shutdown(pair.peer, SHUT_WR);
  const std::string block(64 * 1024, 'x');
  while (::send(pair.watch->descriptor(), block.data(), block.size(), MSG_NOSIGNAL) > 0) {
  }
  const auto reads = start_wait(io, pair);
  settle(io);
  CHECK(*reads == true);
  pair.watch->filled();
  const auto outcome = start_wait(io, pair, Direction::write);
  settle(io);
  CHECK_FALSE(outcome->has_value());
  std::string sink(1024 * 1024, '\0');
  while (::recv(pair.peer, sink.data(), sink.size(), 0) > 0) {
  }
  settle(io);
  CHECK(*outcome == true);
}

TEST_CASE("a reader and a writer wait side by side, each for its own") {
  asio::io_context io(1);
  Pair pair(io);
  const std::string block(64 * 1024, 'x');
  while (::send(pair.watch->descriptor(), block.data(), block.size(), MSG_NOSIGNAL) > 0) {
  }
  settle(io);
  pair.watch->filled();
  const auto reads = start_wait(io, pair);
  const auto writes = start_wait(io, pair, Direction::write);
  settle(io);
  CHECK(pair.watch->is_awaited(Direction::read));
  pair.send("a");
  settle(io);
  CHECK(*reads == true);
  CHECK_FALSE(writes->has_value());
  CHECK_FALSE(pair.watch->is_awaited(Direction::read));
  CHECK(pair.watch->is_awaited(Direction::write));
  pair.watch->cancel();
  settle(io);
  CHECK(*writes == false);
}

TEST_CASE("cancelling and closing end waits without success") {
  asio::io_context io(1);
  Pair pair(io);
  auto outcome = start_wait(io, pair);
  settle(io);
  SUBCASE("cancelled") {
    pair.watch->cancel();
    settle(io);
    CHECK(*outcome == false);
    outcome = start_wait(io, pair);
    settle(io);
    CHECK_FALSE(outcome->has_value());
    pair.watch->cancel();
  }
  SUBCASE("closed, also for who comes later") {
    pair.watch->close();
    settle(io);
    CHECK(*outcome == false);
    outcome = start_wait(io, pair);
  }
  settle(io);
  CHECK(*outcome == false);
}

TEST_CASE("who is resumed may destroy others whose turn would come in the same batch") {
  asio::io_context io(1);
  std::vector<std::unique_ptr<Pair>> pairs;
  for (int i = 0; i < 8; ++i) pairs.push_back(std::make_unique<Pair>(io));
  int resumed = 0;
  const auto destroy_the_others = [](std::vector<std::unique_ptr<Pair>>& all, std::size_t mine,
                                     int& count) -> Awaitable<> {
    const bool ready = co_await all[mine]->watch->wait(Direction::read);
    if (!ready) co_return;
    ++count;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (i != mine) all[i].reset();
    }
  };
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    asio::co_spawn(io, destroy_the_others(pairs, i, resumed), asio::detached);
  }
  settle(io);
  for (const auto& pair : pairs) pair->send("a");
  settle(io);
  CHECK(resumed == 1);
}

TEST_CASE("what one coroutine throws does not cost the others of its batch their turn") {
  asio::io_context io(1);
  std::vector<std::unique_ptr<Pair>> pairs;
  for (int i = 0; i < 4; ++i) pairs.push_back(std::make_unique<Pair>(io));
  std::vector<Outcome> outcomes;
  for (const auto& pair : pairs) {
    auto outcome = std::make_shared<std::optional<bool>>();
    outcomes.push_back(outcome);
    asio::co_spawn(io, wait_once(*pair->watch, Direction::read, outcome),
                   [](const std::exception_ptr&) { throw std::runtime_error("thrown by the test"); });
  }
  settle(io);
  for (const auto& pair : pairs) pair->send("a");
  io.restart();
  CHECK_THROWS(io.poll());
  settle(io);
  for (const auto& outcome : outcomes) CHECK(*outcome == true);
}

TEST_CASE("who begins to wait just after the last wait was cancelled is told as well") {
  asio::io_context io;
  Pair first(io);
  Pair second(io);
  const auto cancelled = std::make_shared<std::optional<bool>>();
  const auto outcome = std::make_shared<std::optional<bool>>();
  const auto wait_twice = [](Pair& one, Pair& other, Outcome of_one, Outcome of_other) -> Awaitable<> {
    co_await wait_once(*one.watch, Direction::read, of_one);
    co_await wait_once(*other.watch, Direction::read, of_other);
  };
  asio::co_spawn(io, wait_twice(first, second, cancelled, outcome), asio::detached);
  settle(io);
  first.watch->cancel();
  settle(io);
  CHECK(*cancelled == false);
  CHECK_FALSE(outcome->has_value());
  second.send("x");
  settle(io);
  CHECK(*outcome == true);
}

TEST_CASE("the context runs out of work when nobody waits any more") {
  asio::io_context io(1);
  Pair pair(io);
  const auto outcome = start_wait(io, pair);
  pair.send("a");
  io.run();
  CHECK(*outcome == true);
  pair.read();
  const auto cancelled = start_wait(io, pair);
  asio::post(io, [&pair] { pair.watch->cancel(); });
  io.restart();
  io.run();
  CHECK(*cancelled == false);
}

TEST_CASE("a context that goes takes those who wait with it, in any order of ownership") {
  auto watched_by_its_waiter = [](asio::io_context& io) -> Awaitable<> {
    Pair own(io);
    const bool ready = co_await own.watch->wait(Direction::read);
    CHECK_FALSE(ready);
  };
  asio::io_context io(1);
  for (int i = 0; i < 3; ++i) asio::co_spawn(io, watched_by_its_waiter(io), asio::detached);
  settle(io);
}
