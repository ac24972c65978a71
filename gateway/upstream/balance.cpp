#include "upstream/balance.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gatehouse::upstream {

namespace {

// FNV-1a: no speed is needed, but the same value everywhere and for ever.
std::uint64_t hash_text(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

// The finalizer of SplitMix64: each bit of the value changes about half of the bits of the result.
std::uint64_t mix(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

bool may_get(std::span<const ServerLoad> servers, std::size_t server, ServerSet excluded) {
  return servers[server].share > 0 && (excluded >> server & 1) == 0;
}

}  // namespace

std::uint64_t balance_key(std::string_view session_token, std::string_view client_address) {
  return hash_text(session_token.empty() ? client_address : session_token);
}

Balancer::Balancer(const config::Upstream& settings) : balance_(settings.balance), credits_(settings.servers.size()) {
  for (const auto& server : settings.servers) {
    names_.push_back(hash_text(fmt::format("{}:{}", server.host, server.port)));
  }
}

std::optional<std::size_t> Balancer::choose(std::span<const ServerLoad> servers, std::uint64_t key,
                                            ServerSet excluded) {
  switch (balance_) {
    case config::Balance::least_requests:
      return least_busy(servers, excluded);
    case config::Balance::session_hash:
      return by_key(servers, key, excluded);
    case config::Balance::round_robin:
      break;
  }
  return next_in_turn(servers, excluded);
}

// Who gets a share of its turns alone collects them until they make a whole one.
std::optional<std::size_t> Balancer::next_in_turn(std::span<const ServerLoad> servers, ServerSet excluded) {
  std::optional<std::size_t> chosen;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    const std::size_t server = (turn_ + i) % servers.size();
    if (!may_get(servers, server, excluded)) continue;
    credits_[server] = std::min(credits_[server] + servers[server].share, kFullShare);
    if (credits_[server] >= kFullShare) {
      credits_[server] -= kFullShare;
      chosen = server;
      break;
    }
    if (!chosen) chosen = server;  // unless somebody has a whole turn
  }
  if (chosen) turn_ = (*chosen + 1) % servers.size();
  return chosen;
}

// Of servers that are equally busy, the one whose turn it is. Who gets a share alone counts as busier than it is.
std::optional<std::size_t> Balancer::least_busy(std::span<const ServerLoad> servers, ServerSet excluded) {
  std::optional<std::size_t> chosen;
  std::uint64_t least = 0;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    const std::size_t server = (turn_ + i) % servers.size();
    if (!may_get(servers, server, excluded)) continue;
    const std::uint64_t busy = (std::uint64_t{servers[server].requests} + 1) * kFullShare / servers[server].share;
    if (chosen && busy >= least) continue;
    chosen = server;
    least = busy;
  }
  if (chosen) turn_ = (*chosen + 1) % servers.size();
  return chosen;
}

// The highest random weight (Thaler, Ravishankar 1998): when a server goes, its keys alone move, and they come back
// with it. A share of a server is a share of its keys, always the same ones.
std::optional<std::size_t> Balancer::by_key(std::span<const ServerLoad> servers, std::uint64_t key,
                                            ServerSet excluded) const {
  std::optional<std::size_t> chosen, at_least;
  std::uint64_t highest = 0;
  for (std::size_t server = 0; server < servers.size(); ++server) {
    if (!may_get(servers, server, excluded)) continue;
    at_least = server;
    const std::uint64_t weight = mix(key ^ names_[server]);
    if (weight % kFullShare >= servers[server].share || (chosen && weight <= highest)) continue;
    chosen = server;
    highest = weight;
  }
  return chosen ? chosen : at_least;
}

}  // namespace gatehouse::upstream
