// Which server of an upstream gets a request: a function of what is known of the servers, without sockets, locks or a
// clock. Each thread has a balancer of its own for each upstream.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "config/configuration.hpp"

namespace gatehouse::upstream {

// A set of servers of one upstream, one bit for each.
using ServerSet = std::uint64_t;
static_assert(config::kServersMax <= 64);

inline constexpr std::uint32_t kFullShare = 256;

// What a choice needs to know of a server.
struct ServerLoad {
  std::uint32_t share = kFullShare;  // how much of what is its due it gets; 0: nothing
  std::uint32_t requests = 0;        // under way; counted for least_requests alone
};

// What hash(session) goes by. The same on all threads and gateways, and after a restart.
std::uint64_t balance_key(std::string_view session_token, std::string_view client_address);

class Balancer {
 public:
  explicit Balancer(const config::Upstream& settings);

  // One of the servers that are not in `excluded` and get anything; absent: there is none. `servers` are all of the
  // upstream, `key` is what hash(session) goes by.
  std::optional<std::size_t> choose(std::span<const ServerLoad> servers, std::uint64_t key, ServerSet excluded);

 private:
  std::optional<std::size_t> next_in_turn(std::span<const ServerLoad> servers, ServerSet excluded);
  std::optional<std::size_t> least_busy(std::span<const ServerLoad> servers, ServerSet excluded);
  std::optional<std::size_t> by_key(std::span<const ServerLoad> servers, std::uint64_t key, ServerSet excluded) const;

  const config::Balance balance_;
  std::vector<std::uint64_t> names_;    // hashes of the servers' names
  std::vector<std::uint32_t> credits_;  // of servers that get only a share of their turns
  std::size_t turn_ = 0;
};

}  // namespace gatehouse::upstream
