// What a server does that no real one would do in a test: answers in pieces, too late, nonsense, or without being
// asked.
#include <doctest/doctest.h>

#include <thread>

#include "tests/cache/redis_world.hpp"
#include "tests/cache/scripted_redis.hpp"

using namespace gatehouse;
using namespace gatehouse::cache;
using namespace gatehouse::tests;
using std::chrono::minutes;

namespace {

struct ScriptedWorld : RedisWorld {
  // The answer to every command but those of the handshake.
  void serve(std::function<std::optional<std::string>(const ScriptedRedis::Command&)> answer,
             CacheOptions options = patient()) {
    server = std::make_unique<ScriptedRedis>(
        io, [answer = std::move(answer)](const ScriptedRedis::Command& command) -> std::optional<std::string> {
          auto handshake = ScriptedRedis::well(command);
          if (!handshake.empty()) return handshake;
          return answer(command);
        });
    open(server->url(), options);
    REQUIRE(run_until(io, [&] { return shared->health().up; }));
  }
  void serve(const std::string& bytes, CacheOptions options = patient()) {
    serve([bytes](const ScriptedRedis::Command&) { return bytes; }, options);
  }

  std::unique_ptr<ScriptedRedis> server;
};

}  // namespace

TEST_CASE_FIXTURE(ScriptedWorld, "the commands of one turn are sent at once, and answered in their order") {
  serve([](const ScriptedRedis::Command& command) {
    return "$" + std::to_string(command[1].size()) + "\r\n" + command[1] + "\r\n";
  });
  std::vector<std::string> keys;
  for (int i = 0; i < 200; ++i) {
    keys.push_back("key" + std::to_string(i));
    begin_get(keys.back());
  }
  CHECK(run_until(io, [&] { return ended == 200; }));
  CHECK(got == keys);
  // Two for the handshake, one for all.
  CHECK(server->commands_read.back() == 200);
}

TEST_CASE_FIXTURE(ScriptedWorld, "an answer may come byte by byte") {
  serve("");
  begin_get("key");
  CHECK(run_until(io, [&] { return !server->commands.empty(); }));
  for (const char byte : std::string("$6\r\na\r\nb\r\n\r\n")) {
    server->send(std::string(1, byte));
    run_ready(io);
  }
  CHECK(run_until(io, [&] { return ended == 1; }));
  CHECK(got == std::vector<std::string>{"a\r\nb\r\n"});
}

TEST_CASE_FIXTURE(ScriptedWorld, "the rest of a late answer is nobody's") {
  serve(
      [](const ScriptedRedis::Command& command) {
        return command[1] == "late" ? "$6\r\nlat" : command[1] == "behind it" ? "" : "$5\r\nright\r\n";
      },
      {.command_timeout = milliseconds{100}, .connect_timeout = milliseconds{2'000}});
  begin_get("late");
  begin_get("behind it");
  CHECK(run_until(io, [&] { return ended == 2; }));
  CHECK(failed == 2);
  server->send("e\r\n$5\r\nwrong\r\n");
  CHECK(run_until(io, [&] { return failure(cache->get("other")).empty(); }));
  CHECK(run(cache->get("other")) == "right");
  CHECK(server->accepted == 2);
}

TEST_CASE_FIXTURE(ScriptedWorld, "an answer that came in time counts, also where the thread looks at it late") {
  serve(
      [](const ScriptedRedis::Command&) {
        std::this_thread::sleep_for(milliseconds{250});  // the gateway's thread, too
        return "$1\r\na\r\n";
      },
      {.command_timeout = milliseconds{100}, .connect_timeout = milliseconds{2'000}});
  for (int i = 0; i < 5; ++i) CHECK(failure(cache->get("key")).empty());
  CHECK(server->accepted == 1);
}

TEST_CASE_FIXTURE(ScriptedWorld, "a server that answers nonsense is left, and nothing of it is believed") {
  for (const std::string bytes :
       {"HTTP/1.1 400 Bad Request\r\n\r\n", "$-7\r\n", "$99999999999999999999\r\n", "*2147483647\r\n", "*-5\r\n",
        ":12x\r\n", "%1\r\n+a\r\n+b\r\n", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n+x\r\n"}) {
    CAPTURE(bytes);
    serve(bytes, {.command_timeout = milliseconds{1'000}});
    const auto told = failure(cache->get("key"));
    CHECK((told.starts_with("redis: the server's answer is not Redis' protocol") || told.ends_with("in time")));
  }
}

TEST_CASE_FIXTURE(ScriptedWorld, "an answer of another kind than the command's fails") {
  for (const std::string bytes : {":5\r\n", "+OK\r\n", "*0\r\n", "*1\r\n$1\r\na\r\n"}) {
    CAPTURE(bytes);
    serve(bytes);
    CHECK(failure(cache->get("key")) == "redis: an answer of an unexpected kind");
  }
  serve("$1\r\na\r\n");
  CHECK(failure(cache->get_many({"a", "b"})) == "redis: an answer of an unexpected kind");
  CHECK(failure(cache->increment("a", minutes{1})) == "redis: an answer of an unexpected kind");
  serve("*1\r\n$1\r\na\r\n");
  CHECK(failure(cache->get_many({"a", "b"})) == "redis: an answer of an unexpected kind");
}

TEST_CASE_FIXTURE(ScriptedWorld, "an answer that is too large ends the connection before it is all read") {
  std::size_t sent = 0;
  serve("$50000000\r\n", {.command_timeout = std::chrono::seconds{5}, .reply_bytes_max = 100'000});
  begin_get("key");
  CHECK(run_until(io, [&] {
    if (!server->commands.empty()) server->send(std::string(10'000, 'x'));
    sent += 10'000;
    return ended == 1;
  }));
  CHECK(failed == 1);
  CHECK(sent < 5'000'000);
}

TEST_CASE_FIXTURE(ScriptedWorld, "a server that speaks without being asked is left") {
  serve("$1\r\na\r\n");
  CHECK(run(cache->get("key")) == "a");
  server->send("$5\r\nwrong\r\n");
  CHECK(run_until(io, [&] { return server->accepted == 2; }));
  CHECK(run_until(io, [&] { return failure(cache->get("key")).empty(); }));
  CHECK(run(cache->get("key")) == "a");
}

TEST_CASE_FIXTURE(ScriptedWorld, "errors are told by their first word, because Redis quotes arguments in them") {
  serve("-ERR unknown command 'get', with args beginning with: 'secret'\r\n");
  CHECK(failure(cache->get("secret")) == "redis: GET is refused (ERR)");
  serve("-secret token\r\n");
  CHECK(failure(cache->get("secret")) == "redis: GET is refused (an error)");
}

TEST_CASE_FIXTURE(ScriptedWorld, "a script that the server does not know is sent whole, once") {
  serve([](const ScriptedRedis::Command& command) {
    return command[0] == "EVALSHA" ? "-NOSCRIPT No matching script\r\n" : ":1\r\n";
  });
  CHECK(run(cache->increment("key", minutes{1})) == 1);
  REQUIRE(server->commands.size() == 2);
  CHECK(server->commands[0][0] == "EVALSHA");
  CHECK(server->commands[0][1].size() == 40);
  CHECK(server->commands[1][0] == "EVAL");
  CHECK(server->commands[1][2] == "1");
  CHECK(server->commands[1][3] == "key");
  CHECK(server->commands[1][4] == "60000");
}

TEST_CASE_FIXTURE(ScriptedWorld, "a server that is loading its data opens the circuit") {
  serve("-LOADING Redis is loading the dataset in memory\r\n");
  for (int i = 0; i < 5; ++i) CHECK(failure(cache->get("key")) == "redis: GET is refused (LOADING)");
  CHECK(failure(cache->get("key")) == "redis: not available: GET is refused (LOADING)");
}

TEST_CASE_FIXTURE(ScriptedWorld, "more calls than the queue holds fail at once, the others are answered") {
  serve("", {.command_timeout = std::chrono::seconds{5}, .queue = 10});
  for (int i = 0; i < 12; ++i) begin_get("key");
  CHECK(run_until(io, [&] { return ended == 2; }));
  CHECK(failed == 2);
  for (int i = 0; i < 10; ++i) server->send("$1\r\na\r\n");
  CHECK(run_until(io, [&] { return ended == 12; }));
  CHECK(failed == 2);
  CHECK(failure(cache->set("key", std::string(17 * 1024 * 1024, 'x'), minutes{1})) ==
        "redis: too many calls are under way");
  CHECK(shared->health().up);
}

TEST_CASE_FIXTURE(RedisWorld, "a server that takes connections and closes them is not stormed") {
  ScriptedRedis server(io, [](const ScriptedRedis::Command&) { return std::nullopt; });
  open(server.url(), {.first_pause = milliseconds{50}});
  const auto end = std::chrono::steady_clock::now() + milliseconds{400};
  CHECK(run_until(io, [&] { return std::chrono::steady_clock::now() > end; }));
  // Pauses of 25, 50, 100, 200 ms on average.
  CHECK(server.accepted >= 2);
  CHECK(server.accepted <= 12);
}

TEST_CASE_FIXTURE(RedisWorld, "a server that is slow to answer is not taken for one that is well") {
  ScriptedRedis server(io, [](const ScriptedRedis::Command& command) -> std::optional<std::string> {
    return command[0] == "PING" ? "" : ScriptedRedis::well(command);
  });
  open(server.url(), {});
  CHECK(run_until(io, [&] { return server.accepted == 2; }));
  CHECK(shared->health().connects == 0);
  CHECK(shared->health().circuits_open == 1);
}

TEST_CASE_FIXTURE(RedisWorld, "a cache may go in every phase of connecting") {
  for (int turns = 0; turns < 30; ++turns) {
    CAPTURE(turns);
    ScriptedRedis server(io, ScriptedRedis::well);
    open(server.url());
    if (turns % 3 == 0) begin_get("key");
    for (int i = 0; i < turns; ++i) io.poll_one();
    if (turns % 2 == 0) cache.reset();
    cache.reset();
    run_ready(io);
  }
  CHECK(failed == 10);
}
