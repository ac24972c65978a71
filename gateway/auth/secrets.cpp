#include "auth/secrets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/check.hpp"
#include "base/encoding.hpp"
#include "crypto/digest.hpp"
#include "crypto/symmetric.hpp"

namespace gatehouse::auth {

namespace {

constexpr std::string_view kEnvelope = "$ba$";
constexpr std::string_view kPurposeSalt = "better-auth:oauth-encryption:v1";

struct Envelope {
  std::uint32_t version = 0;
  std::string_view hex;
};

std::optional<Envelope> parse_envelope(std::string_view text) {
  text.remove_prefix(kEnvelope.size());
  const auto end = text.find('$');
  if (end == std::string_view::npos) return std::nullopt;
  Envelope envelope;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + end, envelope.version);
  if (error != std::errc() || stop != text.data() + end) return std::nullopt;
  envelope.hex = text.substr(end + 1);
  return envelope;
}

Secret derive(const Secret& secret, std::string_view purpose) {
  const auto info = fmt::format("better-auth:{}:v1", purpose);
  return Secret(hex_encode(crypto::hkdf_sha256(secret.reveal(), kPurposeSalt, info, 32)));
}

}  // namespace

Secrets::Secrets(std::vector<config::SecretVersion> versions, Secret plain)
    : versions_(std::move(versions)), plain_(std::move(plain)) {
  GATEHOUSE_CHECK(!current().empty());
}

std::vector<std::string_view> Secrets::all() const {
  std::vector<std::string_view> all;
  for (const auto& one : versions_) all.push_back(one.value.reveal());
  if (!plain_.empty() && std::ranges::find(all, plain_.reveal()) == all.end()) all.push_back(plain_.reveal());
  return all;
}

std::string Secrets::encrypt(std::string_view text) const {
  if (versions_.empty()) return crypto::encrypt(plain_.reveal(), text);
  const auto& [version, value] = versions_.front();
  return fmt::format("{}{}${}", kEnvelope, version, crypto::encrypt(value.reveal(), text));
}

std::optional<std::string> Secrets::decrypt(std::string_view text) const {
  if (!text.starts_with(kEnvelope)) {
    return plain_.empty() ? std::nullopt : crypto::decrypt(plain_.reveal(), text);
  }
  const auto envelope = parse_envelope(text);
  if (!envelope) return std::nullopt;
  const auto found = std::ranges::find(versions_, envelope->version, &config::SecretVersion::version);
  return found == versions_.end() ? std::nullopt : crypto::decrypt(found->value.reveal(), envelope->hex);
}

Secrets Secrets::for_purpose(std::string_view purpose) const {
  std::vector<config::SecretVersion> versions;
  for (const auto& one : versions_) versions.push_back({one.version, derive(one.value, purpose)});
  return {std::move(versions), plain_.empty() ? Secret() : derive(plain_, purpose)};
}

}  // namespace gatehouse::auth
