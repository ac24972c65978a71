// Where and how to connect: the database URL, taken apart by libpq's own parser, so that all its options mean what they
// mean elsewhere.
#pragma once
#include <expected>
#include <map>
#include <string>
#include <vector>

namespace gatehouse::storage {

// One server that may be tried. An empty `address` leaves the name to libpq: it is a socket's folder, or nothing was
// said.
struct PostgresEndpoint {
  std::string host;
  std::string address;
  std::string port;
  bool operator==(const PostgresEndpoint&) const = default;
};

class PostgresTarget {
 public:
  // The error never quotes the URL: it holds a password, and libpq's own message would.
  static std::expected<PostgresTarget, std::string> parse(const std::string& url);

  // The servers in the order of the URL. Those with a host name still need an address (`needs_address`): libpq would
  // look the name up itself, but blocks the thread while it does.
  const std::vector<PostgresEndpoint>& endpoints() const { return endpoints_; }
  static bool needs_address(const PostgresEndpoint& endpoint);

  // All keywords of a connection to one of `endpoints`, tried in that order. Holds the password.
  std::map<std::string, std::string> keywords(const std::vector<PostgresEndpoint>& endpoints) const;

 private:
  std::map<std::string, std::string> keywords_;
  std::vector<PostgresEndpoint> endpoints_;
};

}  // namespace gatehouse::storage
