// Certificates for tests, made when they are needed: a fresh P-256 key, signed by itself.
#pragma once
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace gatehouse::tests {

struct CertificateFiles {
  std::string cert;  // PEM files
  std::string key;
};

// Writes FOLDER/NAME.cert.pem and FOLDER/NAME.key.pem, over what is there. The first DNS name is the common name too.
CertificateFiles write_certificate(const std::filesystem::path& folder, const std::string& name,
                                   const std::vector<std::string>& dns_names,
                                   std::chrono::hours life = std::chrono::hours(24));

}  // namespace gatehouse::tests
