#include "attack/judge.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace gatehouse::attack;

namespace {

Target make_target() {
  return {.host = "gateway.test",
          .origin = "https://gateway.test",
          .required_path = "/api/hello",
          .open_path = "/api/public/attack",
          .optional_path = "/api/maybe/attack",
          .ada_cookie = "session=tokentoken.c2lnbmF0dXJl",
          .bob_cookie = "session=nekotnekot.c2lnbmF0dXJl",
          .tls = true,
          .run = "run"};
}

Arrival make_arrival(std::string path, std::string probe, bool is_ada) {
  Arrival arrival;
  arrival.probe = probe;
  arrival.method = "GET";
  arrival.path = path;
  arrival.fields = {{"Host", "gateway.test"}, {"Probe", probe}, {"Authorization", "(the key)"}, {"X-Request-ID", "1"}};
  if (is_ada) arrival.fields.emplace_back("X-User-ID", "ada");
  return arrival;
}

using Fields = std::vector<std::pair<std::string, std::string>>;

struct World {
  Target target = make_target();
  Baselines baselines{{{Route::open, Caller::nobody}, make_arrival("/api/public/attack", "run-0000v", false)},
                      {{Route::required, Caller::ada}, make_arrival("/api/hello", "run-0000v", true)}};
  Vector vector{.name = "a vector", .threat = 1, .number = 1};
  Outcome outcome{.answers = {}, .ended = true, .arrivals = {}, .has_witness = true};

  Verdict judge_it() const { return judge(vector, outcome, baselines, target); }
  void answer(int status) {
    Answer one;
    one.status = status;
    outcome.answers.list.push_back(one);
  }
  Arrival& arrive(std::string path = "/api/public/attack", char role = 'v', bool is_ada = false) {
    return outcome.arrivals.emplace_back(make_arrival(std::move(path), make_probe(target, 1, role), is_ada));
  }
};

}  // namespace

TEST_CASE("a request that arrives as an ordinary one holds") {
  World world;
  world.answer(200);
  world.arrive();
  CHECK(world.judge_it().kind == Verdict::Kind::forwarded);
}

TEST_CASE("a client's value got through under a reserved name, in any spelling, and once more") {
  for (const auto& [name, value] : Fields{{"X-User-ID", "7"},
                                          {"x_user_id", "7"},
                                          {"X.Forwarded.For", "7"},
                                          {"X-Request-ID", "2"},
                                          {"Any", "spoofed"}}) {
    World world;
    world.answer(200);
    world.arrive().fields.emplace_back(name, value);
    CHECK(world.judge_it().kind == Verdict::Kind::got_through);
  }
}

TEST_CASE("a field of the gateway's that is missing or another's got through") {
  World world;
  world.vector.route = Route::required;
  world.vector.caller = Caller::ada;
  world.answer(200);
  auto& arrival = world.arrive("/api/hello", 'v', true);
  CHECK(world.judge_it().kind == Verdict::Kind::forwarded);
  arrival.fields.back().second = "bob";
  CHECK(world.judge_it().problem == "X-User-ID arrived with another value than the gateway's");
  arrival.fields.pop_back();
  CHECK(world.judge_it().problem == "X-User-ID did not arrive");
}

TEST_CASE("the session's cookie and fields of one connection got through") {
  for (const auto& [name, value] : Fields{{"Cookie", "a=tokentoken.x"}, {"Upgrade", "h2c"}, {"TE", "trailers"}}) {
    World world;
    world.answer(200);
    world.arrive().fields.emplace_back(name, value);
    CHECK(world.judge_it().kind == Verdict::Kind::got_through);
  }
}

TEST_CASE("what must be refused holds only if nothing arrives, the connection ends and nothing behind it is read") {
  World world;
  world.vector.expect = Expect::refused;
  world.answer(400);
  CHECK(world.judge_it().kind == Verdict::Kind::refused);
  world.outcome.ended = false;
  CHECK(world.judge_it().kind == Verdict::Kind::got_through);
  world.outcome.ended = true;
  world.arrive("/api/public/attack", 't');
  CHECK(world.judge_it().kind == Verdict::Kind::got_through);
  world.outcome.arrivals.clear();
  world.outcome.answers.list[0].status = 200;
  CHECK(world.judge_it().kind == Verdict::Kind::got_through);
}

TEST_CASE("a hidden request, a second one and one that the upstream cannot read got through") {
  World world;
  world.answer(400);
  world.arrive("/api/public/attack", 's');
  CHECK(world.judge_it().kind == Verdict::Kind::got_through);
  world.outcome.arrivals.clear();
  world.arrive();
  world.arrive();
  CHECK(world.judge_it().problem == "it arrived twice");
  world.outcome.arrivals.clear();
  world.arrive().malformed = "The request is malformed";
  CHECK(world.judge_it().kind == Verdict::Kind::got_through);
}

TEST_CASE("the protected path in a disguise got through, another path did not") {
  for (const auto* path : {"/api/hello", "/API/hello", "/api/hello;x", "/api/public/..;/hello",
                           "/api/public/attack/..;/..;/..;/api/hello", "/api/hello.", "/api//hello"}) {
    World world;
    world.vector.expect = Expect::disguise;
    world.answer(200);
    world.arrive(path);
    CHECK_MESSAGE(world.judge_it().kind == Verdict::Kind::got_through, path);
  }
  World world;
  world.vector.expect = Expect::disguise;
  world.answer(200);
  world.arrive("/api/public/attack/hello");
  CHECK(world.judge_it().kind == Verdict::Kind::forwarded);
}

TEST_CASE("the answer to another request, and a tunnel, got through") {
  World world;
  world.answer(200);
  world.arrive();
  world.outcome.answers.list[0].body = R"({"path": "/", "headers": {"Probe": "run-0099v"}})";
  CHECK(world.judge_it().kind == Verdict::Kind::got_through);
  world.outcome.answers.list[0] = {.status = 101, .fields = {}, .body = {}};
  CHECK(world.judge_it().kind == Verdict::Kind::got_through);
}

TEST_CASE("a limit of the installation is no verdict") {
  World world;
  world.answer(429);
  CHECK(world.judge_it().kind == Verdict::Kind::unclear);
}

TEST_CASE(
    "there are more than 900 vectors, each with a name of its own, in every group, and without sessions some less") {
  Target target = make_target();
  const auto all = make_vectors(target);
  CHECK(all.size() > 900);
  std::set<char> groups;
  std::set<std::string> names;
  for (const auto& vector : all) {
    groups.insert(group_of(vector.threat));
    CHECK_MESSAGE(names.insert(vector.name).second, vector.name);
  }
  CHECK(groups == std::set<char>{'A', 'B', 'C', 'D', 'F'});
  target.ada_cookie.clear();
  target.bob_cookie.clear();
  CHECK(make_vectors(target).size() > 500);
}

TEST_CASE("answers are read one after the other, interim ones and bodies apart") {
  const auto answers = parse_answers(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
      "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nnoHTTP/1.1 200");
  REQUIRE(answers.list.size() == 2);
  CHECK(answers.interim == std::vector<int>{100});
  CHECK(answers.list[0].body == "hello");
  CHECK(answers.list[1].status == 404);
  CHECK(answers.rest == "HTTP/1.1 200");
  CHECK(parse_answers("nonsense\r\n\r\n").malformed);
}
