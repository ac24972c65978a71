// What a feature is: one value that says which endpoints it adds below the auth base path. A feature is a folder of
// gateway/features/; switching it off leaves its value out of the list that app/ hands to the dispatcher.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/value.hpp>

#include "auth/identity.hpp"
#include "base/awaitable.hpp"
#include "base/ip_address.hpp"
#include "base/result.hpp"

namespace gatehouse::auth {

// One request to an auth endpoint, whole: these are small and rare, so everything is a value.
struct AuthRequest {
  std::string method;
  std::string path;                                          // raw, below the base path, starting with '/'
  std::string query;                                         // raw, without the '?'
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case, in order
  std::optional<std::string> body;                           // absent: none was sent
  std::string client_address;  // canonical text (IPv6 masked as configured); "" when unknown

  // The first value of a header, by its lower-case name.
  std::optional<std::string_view> header(std::string_view name) const;
};

struct AuthResponse {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;  // Content-Type, Location, Set-Cookie (repeated) …
  std::string body;
};

// What an endpoint needs before its handler runs (reference of Better Auth: session, authoritative session, fresh
// session).
enum class SessionNeed { none, session, authoritative, fresh };

}  // namespace gatehouse::auth
