// Which origins may send requests with a session and may be redirected to: the base URL's own, and the patterns of
// `trusted_origins` (Better Auth 1.7.25, auth/trusted-origins):
//   https://app.example.com      that origin exactly
//   https://*.example.com        * = any run of characters, ? = one; matched against the origin
//   *.example.com                without ://: matched against host[:port]
//   myapp://, myapp://cb/path    a scheme of an app; with a host and path: that host, that path and what is below it
// Compared are parsed origins, never the start or end of a text.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "config/configuration.hpp"

namespace gatehouse::auth {

// Immutable: shared by threads.
class TrustedOrigins {
 public:
  TrustedOrigins(const config::Origin& base_url, const std::vector<std::string>& patterns);

  // Of an Origin header as browsers write it (RFC 6454 section 6.2): nothing that only parses to a trusted origin.
  bool trusts_serialized(std::string_view origin) const;
  // Of an Origin or Referer header, judged by the origin that it parses to, as Better Auth's endpoints do.
  bool trusts_origin(std::string_view url) const;
  // Of a URL to redirect to, which may also be a path on our own origin.
  bool trusts_redirect(std::string_view url) const;

 private:
  std::vector<std::string> patterns_;
};

// A path that every browser takes for one of our own origin.
bool is_safe_relative_url(std::string_view url);

}  // namespace gatehouse::auth
