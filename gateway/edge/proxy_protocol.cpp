#include "edge/proxy_protocol.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace gatehouse::edge {

namespace {

constexpr std::chrono::minutes kToldAgainAfter{1};
constexpr std::array<std::string_view, ProxyProtocol::kRefusals> kReasons{
    "is none of trusted_proxies", "sent no PROXY header", "sent no PROXY header in time"};

}  // namespace

bool ProxyProtocol::trusts(const IpAddress& peer) const {
  return std::ranges::any_of(trusted_, [&](const Cidr& network) { return network.contains(peer); });
}

void ProxyProtocol::refuse(Refusal refusal, const IpAddress& peer) {
  const auto kind = static_cast<std::size_t>(refusal);
  Count& count = counts_[kind];
  const auto total = count.total.fetch_add(1, std::memory_order_relaxed) + 1;
  const SteadyTime now = clock_.steady();
  auto until = count.quiet_until.load(std::memory_order_relaxed);
  if (now.time_since_epoch().count() < until) return;
  const auto next = (now + kToldAgainAfter).time_since_epoch().count();
  if (!count.quiet_until.compare_exchange_strong(until, next, std::memory_order_relaxed)) return;
  log::warn("a connection was closed, its peer {} {}; {} so far", peer.to_string(), kReasons[kind], total);
}

}  // namespace gatehouse::edge
