// Limits that several gateways count together: no more than the limit passes all of them, what refuses costs nothing
// further, and what happens while their store does not answer.
#include <doctest/doctest.h>

#include "tests/auth/secondary_world.hpp"
#include "tests/pipeline/pipeline_world.hpp"

using namespace gatehouse;
using namespace std::chrono_literals;
using tests::PipelineWorld;

namespace {

const std::string kRoutes = R"(
  - {path: /free, upstream: demo, auth: public}
  - {path: /by-ip, upstream: demo, auth: public, rate_limit: {limit: 4, window: 1m, by: ip}}
  - {path: /by-session, upstream: demo, rate_limit: {limit: 2, window: 1m, by: session}}
  - {path: /by-user, upstream: demo, rate_limit: {limit: 2, window: 1m, by: user}}
  - {path: /by-all, upstream: demo, rate_limit: {limit: 3, window: 1m, by: [user, session, ip, route]}}
  - {path: /denied, upstream: demo, auth: public, rate_limit: {limit: 2, window: 1m, by: ip, on_store_error: deny}}
  - {path: /allowed, upstream: demo, auth: public, rate_limit: {limit: 2, window: 1m, by: ip, on_store_error: allow}}
)";

using Fields = std::vector<std::pair<std::string, std::string>>;

// What other gateways count in is the same store; each has a limiter of its own.
struct SharedWorld : PipelineWorld {
  SharedWorld() : PipelineWorld(kRoutes) {}

  struct OtherGateway {
    explicit OtherGateway(SharedWorld& world)
        : limiter(world.random, 4096),
          limits(world.shared_store, world.state, "one secret for all of them"),
          pipeline({.io = world.io,
                    .deadlines = world.deadlines,
                    .clock = world.clock,
                    .random = world.random,
                    .sessions = world.sessions,
                    .cookies = world.cookies,
                    .dispatcher = world.dispatcher,
                    .origins = world.origins,
                    .signer = world.signer,
                    .limiter = limiter,
                    .live = world.live,
                    .access_log = world.access_log,
                    .audit = world.audit,
                    .metrics = world.metrics,
                    .serves_same = [](std::string_view, std::string_view) { return true; },
                    .shared_limits = &limits},
                   std::make_shared<const pipeline::Site>(world.configuration)) {}
    pipeline::RateLimiter limiter;
    pipeline::SharedLimits limits;
    pipeline::Pipeline pipeline;
  };

  Client ask(OtherGateway& gateway, std::string target, Fields fields = {}, std::uint32_t peer = 0xC0000201) {
    auto client = make_client({.target = std::move(target), .fields = std::move(fields), .peer = IpAddress::v4(peer)});
    tests::run_coroutine(io, gateway.pipeline.handle(client->exchange()));
    return client;
  }
  int status(OtherGateway& gateway, std::string target, Fields fields = {}) {
    return ask(gateway, std::move(target), std::move(fields))->status();
  }
  std::uint64_t calls() const { return shared->health().calls; }

  std::unique_ptr<cache::SharedCache> shared = cache::open_memory(clock);
  tests::FailingCache shared_store{shared->connect(io.get_executor())};
  pipeline::LimitStoreState state{clock};
  OtherGateway a{*this};
  OtherGateway b{*this};
};

}  // namespace

TEST_CASE_FIXTURE(SharedWorld, "no more than the limit passes all gateways together") {
  CHECK(status(a, "/by-ip") == 200);
  CHECK(status(b, "/by-ip") == 200);
  CHECK(status(b, "/by-ip") == 200);
  const auto last = ask(a, "/by-ip");
  CHECK(last->status() == 200);
  CHECK(last->field("RateLimit") == "\"ip\";r=0;t=60");
  const auto refused = ask(b, "/by-ip");
  CHECK(refused->status() == 429);
  CHECK(refused->field("Retry-After") == "15");
  CHECK(refused->field("RateLimit-Policy") == "\"ip\";q=4;w=60");
  // The draft wants both to tell the same point in time.
  CHECK(refused->field("RateLimit") == "\"ip\";r=0;t=15");
  clock.advance(15s);
  CHECK(status(a, "/by-ip") == 200);
  CHECK(status(b, "/by-ip") == 429);
  CHECK(ask(b, "/by-ip", {}, 0xC0000202)->status() == 200);
}

TEST_CASE_FIXTURE(SharedWorld,
                  "whoever is over the limit is refused without asking the store, wherever he used it up") {
  for (int i = 0; i < 4; ++i) CHECK(status(a, "/by-ip") == 200);
  CHECK(calls() == 4);
  for (int i = 0; i < 50; ++i) CHECK(status(a, "/by-ip") == 429);
  CHECK(calls() == 4);
  for (int i = 0; i < 50; ++i) CHECK(status(b, "/by-ip") == 429);
  CHECK(calls() == 5);
}

TEST_CASE_FIXTURE(SharedWorld, "a route without a limit asks nobody, and one with many keys asks once") {
  const auto cookie = cookie_of(sign_in());
  CHECK(status(a, "/free", {{"Cookie", cookie}}) == 200);
  CHECK(calls() == 0);
  CHECK(status(a, "/by-user", {{"Cookie", cookie}}) == 200);  // the session is in memory from here on
  CHECK(calls() == 1);
  CHECK(status(a, "/by-all", {{"Cookie", cookie}}) == 200);
  CHECK(calls() == 2);
}

TEST_CASE_FIXTURE(SharedWorld, "of the keys of a request either all are counted or none") {
  const auto ann = cookie_of(sign_in("u1"));
  const auto bob = cookie_of(sign_in("u2"));
  for (const char* user : {"u1", "u2"})
    CHECK(status(a, "/by-user", {{"Cookie", user == std::string("u1") ? ann : bob}}) == 200);
  for (int i = 0; i < 3; ++i) CHECK(ask(a, "/by-all", {{"Cookie", ann}}, 0xC0000202)->status() == 200);
  // Ann is over her limit; the address that she comes from now is not, and stays as it is.
  for (int i = 0; i < 5; ++i) CHECK(ask(b, "/by-ip", {}, 0xC0000203)->status() == (i < 4 ? 200 : 429));
  for (int i = 0; i < 5; ++i) CHECK(ask(b, "/by-all", {{"Cookie", ann}}, 0xC0000203)->status() == 429);
  clock.advance(60s);
  for (int i = 0; i < 3; ++i) CHECK(ask(b, "/by-all", {{"Cookie", bob}}, 0xC0000203)->status() == 200);
  CHECK(ask(b, "/by-all", {{"Cookie", bob}}, 0xC0000203)->status() == 429);
}

TEST_CASE_FIXTURE(SharedWorld, "a served answer tells what is left of the tightest limit, as all gateways count it") {
  const auto cookie = cookie_of(sign_in());
  const auto first = ask(a, "/by-user", {{"Cookie", cookie}});
  CHECK(first->field("RateLimit-Policy") == "\"user\";q=2;w=60");
  CHECK(first->field("RateLimit") == "\"user\";r=1;t=30");
  CHECK(ask(b, "/by-user", {{"Cookie", cookie}})->field("RateLimit") == "\"user\";r=0;t=60");
  CHECK_FALSE(ask(a, "/free")->field("RateLimit"));
}

TEST_CASE_FIXTURE(SharedWorld,
                  "a request that the store refuses costs no query, and is 429 also when the database is down") {
  const auto session = sign_in();
  const auto cookie = cookie_of(session);
  CHECK(status(a, "/by-session", {{"Cookie", cookie}}) == 200);
  CHECK(status(a, "/by-session", {{"Cookie", cookie}}) == 200);
  cache.invalidate(session.token);
  database.queries = 0;
  database.is_down = true;
  CHECK(status(b, "/by-session", {{"Cookie", cookie}}) == 429);
  CHECK(database.queries == 0);
  clock.advance(60s);
  CHECK(status(b, "/by-session", {{"Cookie", cookie}}) == 503);
  database.is_down = false;
  CHECK(status(b, "/by-session", {{"Cookie", cookie}}) == 200);
}

TEST_CASE_FIXTURE(SharedWorld, "while the store does not answer, each gateway goes by what it has counted") {
  CHECK(status(a, "/by-ip") == 200);
  CHECK(status(b, "/by-ip") == 200);
  shared_store.down = true;
  // What both have counted is known to the one that was told last.
  CHECK(status(b, "/by-ip") == 200);
  CHECK(status(b, "/by-ip") == 200);
  CHECK(status(b, "/by-ip") == 429);
  CHECK_FALSE(state.works());
  for (int i = 0; i < 3; ++i) CHECK(status(a, "/by-ip") == 200);
  CHECK(status(a, "/by-ip") == 429);
  shared_store.down = false;
  clock.advance(2s);
  CHECK(ask(a, "/by-ip", {}, 0xC0000202)->status() == 200);
  CHECK(state.works());
}

TEST_CASE_FIXTURE(SharedWorld, "with on_store_error deny nobody passes without being counted") {
  CHECK(status(a, "/denied") == 200);
  shared_store.down = true;
  const auto refused = ask(a, "/denied");
  CHECK(refused->status() == 503);
  CHECK(refused->field("Retry-After") == "2");
  CHECK(refused->body().contains("SERVICE_UNAVAILABLE"));
  shared_store.down = false;
  CHECK(ask(b, "/denied")->status() == 200);
  CHECK(ask(b, "/denied")->status() == 429);
}

TEST_CASE_FIXTURE(SharedWorld, "with on_store_error allow everybody passes, until the store answers again") {
  CHECK(status(a, "/allowed") == 200);
  shared_store.down = true;
  for (int i = 0; i < 10; ++i) CHECK(status(b, "/allowed") == 200);
  shared_store.down = false;
  clock.advance(2s);
  CHECK(status(b, "/allowed") == 200);
  CHECK(state.works());
  CHECK(status(b, "/allowed") == 429);
}

TEST_CASE_FIXTURE(SharedWorld, "a bucket's key tells neither token nor address nor route, and is the same everywhere") {
  const pipeline::RouteLimit limit(configuration.routes[1]);
  const auto of = [&](OtherGateway& gateway, config::LimitKey key, std::string_view value) {
    return gateway.limits.bucket(limit, key, value);
  };
  const auto name = of(a, config::LimitPart::session, "the-token-of-a-session");
  CHECK(name.starts_with("gatehouse:limit:"));
  CHECK(name.size() == 38);
  CHECK(name == of(b, config::LimitPart::session, "the-token-of-a-session"));
  CHECK(name != of(a, config::LimitPart::user, "the-token-of-a-session"));
  CHECK(name != of(a, config::LimitPart::session, "the-token-of-another"));
  const pipeline::RouteLimit other(configuration.routes[2]);
  CHECK(name != a.limits.bucket(other, config::LimitPart::session, "the-token-of-a-session"));
  pipeline::LimitStoreState own_state{clock};
  pipeline::SharedLimits stranger(shared_store, own_state, "another secret, of another house");
  CHECK(name != stranger.bucket(limit, config::LimitPart::session, "the-token-of-a-session"));
}

TEST_CASE("a store that fails now and then is told of once a second at most") {
  ManualClock clock;
  pipeline::LimitStoreState state(clock);
  CHECK_FALSE(state.note_answer());
  CHECK(state.note_failure());
  CHECK_FALSE(state.note_failure());
  CHECK_FALSE(state.note_answer());
  clock.advance(999ms);
  CHECK_FALSE(state.note_answer());
  clock.advance(1ms);
  CHECK(state.note_answer());
  CHECK_FALSE(state.note_answer());
  CHECK(state.note_failure());
}
