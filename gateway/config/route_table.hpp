// Which route serves a request: the first question of the pipeline, asked once for each request on its canonical path.
//
// Order of preference: a route with `host` > the pattern that is more literal, compared segment by segment from the
// left (literal > `*` > `**`; so exact > longest literal prefix > `*` > `**`) > a route that lists the method. A route
// that lists other methods does not match, and the next one in this order is asked. `**` stands for any rest, also
// none: /a/** matches /a. A slash at the end of a path or pattern makes no difference. `methods: [GET]` also serves
// HEAD.
//
// The patterns are a tree of segments. A look-up visits each node of the tree at most once, so it costs at most the sum
// of all patterns' segments, whatever the path; it allocates nothing, locks nothing and may run on many threads.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/configuration.hpp"

namespace gatehouse::config {

inline constexpr std::string_view kJwksPath = "/.well-known/jwks.json";
inline constexpr std::size_t kPatternSegmentsMax = 64;

struct Match {
  enum class Kind : std::uint8_t {
    no_match,            // 404
    method_not_allowed,  // 405: routes match the path, none of them the method
    route,               // `route` is set
    auth,                // the auth base path or below; the dispatcher still compares the raw path
    jwks,                // kJwksPath
  };
  Kind kind = Kind::no_match;
  const Route* route = nullptr;
};

class RouteTable {
 public:
  // Keeps pointers to configuration.routes: the configuration must outlive the table and not be moved.
  explicit RouteTable(const Configuration& configuration);

  // `host` in lower case without port; `path` canonical, without query.
  Match match(std::string_view method, std::string_view host, std::string_view path) const;

  // Whether requests for this host are answered at all (421 otherwise): base_url's, `hosts` and every route's `host`.
  bool serves(std::string_view host) const;

 private:
  using NodeIndex = std::uint32_t;
  static constexpr NodeIndex kNone = 0xffffffff;
  struct Child {
    std::string segment;
    NodeIndex node;
  };
  struct Node {
    std::vector<Child> literals;      // sorted by segment
    NodeIndex wildcard = kNone;       // `*`
    std::vector<const Route*> here;   // patterns that end here; those that list methods first
    std::vector<const Route*> below;  // patterns that end in `**` here
  };
  struct HostRoot {
    std::string host;
    NodeIndex root;
  };

  void add(NodeIndex root, const Route& route);
  const Route* find(NodeIndex node, std::string_view rest, std::string_view method, bool& other_method) const;

  std::vector<Node> nodes_;
  std::vector<HostRoot> hosts_;            // sorted by host; the routes without host are at nodes_[0]
  std::vector<std::string> served_hosts_;  // sorted
  std::string auth_base_path_;
};

// The path that the upstream is asked for: without the route's strip_prefix, "/" when nothing is left.
std::string_view forwarded_path(const Route& route, std::string_view path);

}  // namespace gatehouse::config
