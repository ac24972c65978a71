#include "app/self_signed_certificate.hpp"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "base/check.hpp"
#include "base/ip_address.hpp"
#include "crypto/openssl_object.hpp"

namespace gatehouse::app {

namespace {

using crypto::OpensslObject;
using Key = OpensslObject<EVP_PKEY, EVP_PKEY_free>;
using X509Ptr = OpensslObject<X509, X509_free>;
using Bio = OpensslObject<BIO, BIO_free>;

void add_extension(X509* certificate, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  OpensslObject<X509_EXTENSION, X509_EXTENSION_free> extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  GATEHOUSE_CHECK(extension);
  X509_add_ext(certificate, extension.get(), -1);
}

std::string text(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

Bio reading(const std::string& pem) {
  return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

std::string without_brackets(const std::string& host) {
  return host.starts_with('[') && host.ends_with(']') ? host.substr(1, host.size() - 2) : host;
}

bool covers(X509* certificate, const std::string& host) {
  const std::string name = without_brackets(host);
  if (parse_ip(name)) return X509_check_ip_asc(certificate, name.c_str(), 0) == 1;
  return X509_check_host(certificate, name.data(), name.size(), 0, nullptr) == 1;
}

std::string alternative_names(const std::vector<std::string>& hosts) {
  std::string names = "DNS:localhost,IP:127.0.0.1,IP:::1";
  for (const auto& host : hosts) {
    const std::string name = without_brackets(host);
    names.append(parse_ip(name) ? ",IP:" : ",DNS:").append(name);
  }
  return names;
}

}  // namespace

CertificatePair make_self_signed_certificate(const std::vector<std::string>& hosts, std::chrono::days life) {
  const Key key(EVP_EC_gen("P-256"));
  const X509Ptr certificate(X509_new());
  GATEHOUSE_CHECK(key && certificate);
  X509* const x509 = certificate.get();
  X509_set_version(x509, 2);
  unsigned char serial[16];
  GATEHOUSE_CHECK(RAND_bytes(serial, sizeof serial) == 1);
  serial[0] &= 0x7F;
  OpensslObject<BIGNUM, BN_free> number(BN_bin2bn(serial, sizeof serial, nullptr));
  BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(x509));
  X509_gmtime_adj(X509_getm_notBefore(x509), -300);
  X509_gmtime_adj(X509_getm_notAfter(x509), static_cast<long>(std::chrono::seconds(life).count()));
  X509_set_pubkey(x509, key.get());
  X509_NAME* const name = X509_get_subject_name(x509);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("Gatehouse development"),
                             -1, -1, 0);
  X509_set_issuer_name(x509, name);
  add_extension(x509, NID_subject_alt_name, alternative_names(hosts).c_str());
  add_extension(x509, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(x509, NID_key_usage, "critical,digitalSignature,keyCertSign");
  add_extension(x509, NID_ext_key_usage, "serverAuth");
  add_extension(x509, NID_subject_key_identifier, "hash");
  GATEHOUSE_CHECK(X509_sign(x509, key.get(), EVP_sha256()) > 0);
  const Bio cert_pem(BIO_new(BIO_s_mem())), key_pem(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(cert_pem.get(), x509);
  PEM_write_bio_PrivateKey(key_pem.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return {text(cert_pem.get()), text(key_pem.get())};
}

bool is_fit(const CertificatePair& pair, const std::vector<std::string>& hosts, WallTime now) {
  const Bio cert_pem = reading(pair.cert_pem), key_pem = reading(pair.key_pem);
  const X509Ptr certificate(PEM_read_bio_X509(cert_pem.get(), nullptr, nullptr, nullptr));
  const Key key(PEM_read_bio_PrivateKey(key_pem.get(), nullptr, nullptr, nullptr));
  const bool is_pair = certificate && key && X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  if (!is_pair || !covers(certificate.get(), "localhost")) return false;
  auto last = std::chrono::system_clock::to_time_t(now + std::chrono::days(30));
  if (X509_cmp_time(X509_get0_notAfter(certificate.get()), &last) <= 0) return false;
  return std::ranges::all_of(hosts, [&](const std::string& host) { return covers(certificate.get(), host); });
}

}  // namespace gatehouse::app
