// The fields that tell an upstream who the user is, ready to be copied into a request head. Made once per session and
// upstream and kept: a signature costs more than everything else in the pipeline together.
#pragma once
#include <string>
#include <string_view>
#include <unordered_map>

#include "auth/assertion.hpp"
#include "auth/identity.hpp"
#include "base/clock.hpp"
#include "config/configuration.hpp"

namespace gatehouse::pipeline {

// A value as it stands in a header: everything outside of visible ASCII, and '%', is percent-encoded UTF-8; blanks
// inside stay.
std::string encode_header_value(std::string_view text);

// One for each thread and upstream.
class IdentityHeaders {
 public:
  IdentityHeaders(const config::Upstream& upstream, const auth::AssertionSigner& signer)
      : upstream_(upstream), signer_(signer) {}

  // Complete lines: X-User-ID, X-User-Email, X-User-Name, X-User-Role where there is one, X-Session-ID,
  // X-Gatehouse-Assertion. Valid until the next call.
  const std::string& lines(const auth::IdentityPtr& identity, WallTime now);

 private:
  static constexpr std::size_t kEntriesMax = 16'384;

  struct Entry {
    auth::IdentityPtr identity;  // what the lines were made of
    std::string lines;
    std::string claims;
    std::string assertion;
    WallTime renew_at;
  };

  void make(Entry& entry, const auth::IdentityPtr& identity, WallTime now) const;

  const config::Upstream upstream_;
  const auth::AssertionSigner& signer_;
  std::unordered_map<std::string, Entry> entries_;  // by session id
};

}  // namespace gatehouse::pipeline
