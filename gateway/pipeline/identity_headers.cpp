#include "pipeline/identity_headers.hpp"

namespace gatehouse::pipeline {

std::string encode_header_value(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool inner_blank = byte == ' ' && i > 0 && i + 1 < text.size();
    if ((byte > 0x20 && byte < 0x7F && byte != '%') || inner_blank) {
      out.push_back(text[i]);
    } else {
      out.push_back('%');
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    }
  }
  return out;
}

const std::string& IdentityHeaders::lines(const auth::IdentityPtr& identity, WallTime now) {
  const auto found = entries_.find(identity->session.id);
  if (found != entries_.end() && found->second.identity == identity && now < found->second.renew_at)
    return found->second.lines;
  // All at once: simpler than an order of age, and rare.
  if (found == entries_.end() && entries_.size() >= kEntriesMax) entries_.clear();
  Entry& entry = entries_[identity->session.id];
  make(entry, identity, now);
  return entry.lines;
}

void IdentityHeaders::make(Entry& entry, const auth::IdentityPtr& identity, WallTime now) const {
  const auto& user = identity->user;
  if (upstream_.assertion.enabled) {
    std::string claims = auth::AssertionSigner::make_claims(*identity);
    if (claims != entry.claims || now >= entry.renew_at) {
      entry.claims = std::move(claims);
      entry.assertion = signer_.sign(upstream_, entry.claims, now);
      entry.renew_at =
          now + std::max(upstream_.assertion.ttl - auth::kAssertionRenewBefore, upstream_.assertion.ttl / 2);
    }
  } else {
    entry.renew_at = WallTime::max();
  }
  entry.identity = identity;
  entry.lines.clear();
  const auto add = [&](std::string_view name, std::string_view value) {
    entry.lines.append(name).append(": ").append(value).append("\r\n");
  };
  add("X-User-ID", encode_header_value(user.id));
  add("X-User-Email", encode_header_value(user.email));
  add("X-User-Name", encode_header_value(user.name));
  if (user.role) add("X-User-Role", encode_header_value(*user.role));
  add("X-Session-ID", encode_header_value(identity->session.id));
  if (upstream_.assertion.enabled) add("X-Gatehouse-Assertion", entry.assertion);
}

}  // namespace gatehouse::pipeline
