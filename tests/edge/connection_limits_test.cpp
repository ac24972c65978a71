#include "edge/connection_limits.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

using namespace gatehouse;
using edge::ConnectionLimits;

TEST_CASE("places are given up to the limit of an address and come back") {
  ConnectionLimits limits(100, 2);
  const auto peer = *parse_ip("203.0.113.9");
  auto first = limits.enter(peer);
  CHECK(first);
  {
    const auto second = limits.enter(peer);
    CHECK(second);
    CHECK_FALSE(limits.enter(peer));
    CHECK(limits.enter(*parse_ip("203.0.113.10")));
    CHECK(limits.open() == 2);
  }
  CHECK(limits.enter(peer));
  CHECK(limits.open() == 1);
  CHECK(limits.refused() == 1);
  const auto moved = std::move(first);
  CHECK(limits.open() == 1);
}

TEST_CASE("an IPv6 network of 64 bits is one address") {
  ConnectionLimits limits(100, 1);
  const auto first = limits.enter(*parse_ip("2001:db8:1:2::1"));
  CHECK(first);
  CHECK_FALSE(limits.enter(*parse_ip("2001:db8:1:2:ffff::1")));
  CHECK(limits.enter(*parse_ip("2001:db8:1:3::1")));
  CHECK(limits.enter(*parse_ip("203.0.113.9")));
}

TEST_CASE("the total is a limit of its own") {
  ConnectionLimits limits(2, 10);
  const auto first = limits.enter(*parse_ip("203.0.113.1"));
  const auto second = limits.enter(*parse_ip("203.0.113.2"));
  CHECK_FALSE(limits.enter(*parse_ip("203.0.113.3")));
  CHECK(limits.refused() == 1);
}

TEST_CASE("a place without an address counts in total, and for its address once that is told") {
  ConnectionLimits limits(3, 1);
  auto proxied = limits.enter_unassigned();
  auto another = limits.enter_unassigned();
  CHECK(proxied);
  CHECK(proxied.assign(*parse_ip("203.0.113.9")));
  CHECK_FALSE(another.assign(*parse_ip("203.0.113.9")));
  CHECK_FALSE(limits.enter(*parse_ip("203.0.113.9")));
  CHECK(limits.refused() == 2);
  CHECK(limits.open() == 2);
  {
    const auto moved = std::move(proxied);
  }
  CHECK(another.assign(*parse_ip("203.0.113.9")));
  const auto last = limits.enter_unassigned();
  CHECK(last);
  CHECK(limits.open() == 2);
  const auto third = limits.enter_unassigned();
  CHECK(third);
  CHECK_FALSE(limits.enter_unassigned());
}

TEST_CASE("threads never get more places than there are") {
  ConnectionLimits limits(1000, 8);
  std::atomic<int> held{0}, most{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) {
        std::vector<ConnectionLimits::Place> places;
        for (int n = 0; n < 4; ++n) {
          auto place = limits.enter(*parse_ip("203.0.113.9"));
          if (!place) continue;
          const int now = ++held;
          for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
          }
          places.push_back(std::move(place));
        }
        held -= static_cast<int>(places.size());
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(most <= 8);
  CHECK(limits.open() == 0);
}
