// A certificate for localhost, 127.0.0.1, ::1 and what else is served, which is its own authority. For development and
// tests.
#pragma once
#include <chrono>
#include <string>
#include <vector>

#include "base/clock.hpp"

namespace gatehouse::app {

struct CertificatePair {
  std::string cert_pem;
  std::string key_pem;
};

// ECDSA P-256. `hosts` are names or addresses (IPv6 in brackets) as configured. 397 days is what browsers take.
CertificatePair make_self_signed_certificate(const std::vector<std::string>& hosts = {},
                                             std::chrono::days life = std::chrono::days(397));

// Whether the pair is one, is for localhost and all of these, and for another 30 days.
bool is_fit(const CertificatePair& pair, const std::vector<std::string>& hosts, WallTime now);

}  // namespace gatehouse::app
