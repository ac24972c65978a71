// What goes into the dispatcher of the auth endpoints and what comes out: the whole request and the whole answer, as
// values.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::auth {

using Headers = std::vector<std::pair<std::string, std::string>>;

// One request to an auth endpoint, whole: these are small and rare, so everything is a value.
struct AuthRequest {
  std::string method;
  std::string path;                 // raw, below the base path, starting with '/'
  std::string query;                // raw, without the '?'
  Headers headers;                  // names in lower case, in order
  std::optional<std::string> body;  // absent: none was sent
  std::string client_address;       // canonical text (IPv6 masked as configured); "" when unknown
  std::string request_id = {};      // as the access log has it
  std::string network = {};         // of the client, as network_of(); "" where it is not to be looked at
  std::string remote_address = {};  // of the client, whole, for who verifies a challenge; "" when unknown

  // The first value of a header, by its lower-case name.
  std::optional<std::string_view> header(std::string_view name) const;
  // All Cookie fields as one.
  std::string cookies() const;
};

struct AuthResponse {
  int status = 200;
  Headers headers;  // Content-Type, Location, Set-Cookie (repeated) …; names as they are to be sent
  std::string body;
  std::string_view reason = {};  // a code for log and metrics, where something was refused that deserves one; static
};

}  // namespace gatehouse::auth
