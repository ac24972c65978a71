#include "tests/support/test_certificate.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <memory>

#include "base/check.hpp"

namespace gatehouse::tests {

namespace {

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* x509) const { X509_free(x509); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
  void operator()(std::FILE* file) const { std::fclose(file); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

void name_it(X509* x509, const std::vector<std::string>& dns_names) {
  X509_NAME* const subject = X509_get_subject_name(x509);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(dns_names.front().c_str()), -1, -1, 0);
  X509_set_issuer_name(x509, subject);
  std::string list;
  for (const auto& name : dns_names) list += (list.empty() ? "DNS:" : ",DNS:") + name;
  const Owned<X509_EXTENSION> extension(X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, list.c_str()));
  GATEHOUSE_CHECK(extension && X509_add_ext(x509, extension.get(), -1) == 1);
}

}  // namespace

CertificateFiles write_certificate(const std::filesystem::path& folder, const std::string& name,
                                   const std::vector<std::string>& dns_names, std::chrono::hours life) {
  const Owned<EVP_PKEY> key(EVP_EC_gen("P-256"));
  const Owned<X509> x509(X509_new());
  GATEHOUSE_CHECK(key && x509);
  std::uint64_t serial = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
  X509_set_version(x509.get(), X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509.get()), serial >> 1);
  X509_gmtime_adj(X509_getm_notBefore(x509.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(x509.get()), std::chrono::seconds(life).count());
  X509_set_pubkey(x509.get(), key.get());
  name_it(x509.get(), dns_names);
  GATEHOUSE_CHECK(X509_sign(x509.get(), key.get(), EVP_sha256()) > 0);

  CertificateFiles files{folder / (name + ".cert.pem"), folder / (name + ".key.pem")};
  const Owned<std::FILE> cert_file(std::fopen(files.cert.c_str(), "w"));
  const Owned<std::FILE> key_file(std::fopen(files.key.c_str(), "w"));
  GATEHOUSE_CHECK(cert_file && key_file && PEM_write_X509(cert_file.get(), x509.get()) == 1 &&
                  PEM_write_PrivateKey(key_file.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return files;
}

}  // namespace gatehouse::tests
