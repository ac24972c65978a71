// Which server a request goes to, without servers.
#include "upstream/balance.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

using namespace gatehouse;
using namespace gatehouse::upstream;

namespace {

Balancer balancer_of(config::Balance balance, std::size_t servers) {
  config::Upstream settings;
  settings.balance = balance;
  for (std::size_t i = 0; i < servers; ++i) {
    settings.servers.push_back({"server-" + std::to_string(i), 8080});
  }
  return Balancer(settings);
}

std::string turns(Balancer& balancer, const std::vector<ServerLoad>& servers, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    const auto server = balancer.choose(servers, 0, 0);
    text += server ? std::to_string(*server) : "-";
  }
  return text;
}

}  // namespace

TEST_CASE("round robin takes the servers in turn, without those that are left out") {
  Balancer balancer = balancer_of(config::Balance::round_robin, 3);
  CHECK(turns(balancer, {{}, {}, {}}, 7) == "0120120");
  CHECK(turns(balancer, {{}, {.share = 0}, {}}, 4) == "2020");
  CHECK(turns(balancer, {{.share = 0}, {.share = 0}, {}}, 3) == "222");
  CHECK(turns(balancer, {{.share = 0}, {.share = 0}, {.share = 0}}, 2) == "--");
}

TEST_CASE("round robin gives a server that returns its share of its turns, and all if there is nobody else") {
  Balancer balancer = balancer_of(config::Balance::round_robin, 2);
  CHECK(turns(balancer, {{}, {.share = kFullShare / 4}}, 10) == "0000100001");
  Balancer alone = balancer_of(config::Balance::round_robin, 1);
  CHECK(turns(alone, {{.share = 1}}, 3) == "000");
}

TEST_CASE("servers that were tried already are not chosen again") {
  for (const auto balance :
       {config::Balance::round_robin, config::Balance::least_requests, config::Balance::session_hash}) {
    Balancer balancer = balancer_of(balance, 3);
    const std::vector<ServerLoad> servers(3);
    CHECK(balancer.choose(servers, 7, 0b101) == 1);
    CHECK(balancer.choose(servers, 7, 0b110) == 0);
    CHECK_FALSE(balancer.choose(servers, 7, 0b111));
  }
}

TEST_CASE("least requests takes the server with the fewest, in turn where they have as many") {
  Balancer balancer = balancer_of(config::Balance::least_requests, 3);
  CHECK(turns(balancer, {{.requests = 5}, {.requests = 2}, {.requests = 9}}, 2) == "11");
  CHECK(turns(balancer, {{}, {}, {}}, 4) == "2012");
  CHECK(turns(balancer, {{.requests = 5}, {.share = 0}, {.requests = 9}}, 2) == "00");
  // A tenth of its share: as busy as with ten times the requests.
  CHECK(turns(balancer, {{.requests = 5}, {.share = kFullShare / 10}, {.requests = 9}}, 1) == "0");
  CHECK(turns(balancer, {{.requests = 15}, {.share = kFullShare / 10}, {.requests = 19}}, 1) == "1");
}

TEST_CASE("hash(session) stays with its server, and only the keys of a server that goes move") {
  Balancer balancer = balancer_of(config::Balance::session_hash, 4);
  const std::vector<ServerLoad> all(4);
  const std::vector<ServerLoad> without_two{{}, {}, {.share = 0}, {}};
  std::array<int, 4> counts{};
  for (int i = 0; i < 4000; ++i) {
    const auto key = balance_key("session-" + std::to_string(i), "");
    const auto server = balancer.choose(all, key, 0);
    REQUIRE(server);
    ++counts[*server];
    CHECK(balancer.choose(all, key, 0) == server);
    const auto moved = balancer.choose(without_two, key, 0);
    REQUIRE(moved);
    if (*server == 2) {
      CHECK(*moved != 2);
    } else {
      CHECK(moved == server);
    }
  }
  for (const int count : counts) {
    CHECK(count > 850);
    CHECK(count < 1150);
  }
}

TEST_CASE("a server that returns gets a part of its keys back, always the same ones") {
  Balancer balancer = balancer_of(config::Balance::session_hash, 2);
  const std::vector<ServerLoad> all(2);
  const std::vector<ServerLoad> half{{}, {.share = kFullShare / 2}};
  int own = 0, back = 0;
  for (int i = 0; i < 2000; ++i) {
    const auto key = balance_key("session-" + std::to_string(i), "");
    const bool is_own = balancer.choose(all, key, 0) == 1;
    const bool is_back = balancer.choose(half, key, 0) == 1;
    own += is_own ? 1 : 0;
    back += is_back ? 1 : 0;
    CHECK((is_own || !is_back));
    CHECK((balancer.choose(half, key, 0) == 1) == is_back);
  }
  CHECK(own > 850);
  CHECK(back > own * 4 / 10);
  CHECK(back < own * 6 / 10);
}

TEST_CASE("the key is the session, and the address where there is none") {
  CHECK(balance_key("token", "192.0.2.1") == balance_key("token", "192.0.2.2"));
  CHECK(balance_key("", "192.0.2.1") != balance_key("", "192.0.2.2"));
  CHECK(balance_key("token", "") == 0x26c4b17d50b3c152);
}
