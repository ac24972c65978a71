// Whose connections are taken where listeners expect the PROXY protocol, and what became of those that were not.
// Shared by all threads.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "base/clock.hpp"
#include "base/ip_address.hpp"

namespace gatehouse::edge {

class ProxyProtocol {
 public:
  enum class Refusal {
    stranger,   // the peer is none of the trusted proxies
    malformed,  // it sent something else than a header
    late,       // the header was not there in time
  };
  static constexpr std::size_t kRefusals = 3;

  ProxyProtocol(std::vector<Cidr> trusted, const Clock& clock) : trusted_(std::move(trusted)), clock_(clock) {}

  bool trusts(const IpAddress& peer) const;
  // Counts it, and tells it in the log: each kind at most once a minute, whatever comes.
  void refuse(Refusal refusal, const IpAddress& peer);
  std::uint64_t refused(Refusal refusal) const {
    return counts_[static_cast<std::size_t>(refusal)].total.load(std::memory_order_relaxed);
  }

 private:
  struct Count {
    std::atomic<std::uint64_t> total{0};
    std::atomic<SteadyTime::rep> quiet_until{SteadyTime::min().time_since_epoch().count()};
  };

  const std::vector<Cidr> trusted_;
  const Clock& clock_;
  std::array<Count, kRefusals> counts_;
};

}  // namespace gatehouse::edge
