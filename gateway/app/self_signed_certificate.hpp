// A certificate for localhost, 127.0.0.1 and ::1 that is its own authority. For development and tests.
#pragma once
#include <string>

namespace gatehouse::app {

struct CertificatePair {
  std::string cert_pem;
  std::string key_pem;
};

// ECDSA P-256, valid for 397 days (what browsers take).
CertificatePair make_self_signed_certificate();

}  // namespace gatehouse::app
