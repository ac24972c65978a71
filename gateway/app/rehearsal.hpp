// What a request would come to, decided from the configuration alone: for the rows of `tests`, and for `gatehouse
// explain`. It is the pipeline's own order (host, route, authorize) without limits, CSRF and anything that looks at a
// store.
#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/configuration.hpp"
#include "config/problem.hpp"
#include "pipeline/site.hpp"

namespace gatehouse::app {

struct ImaginedCaller {
  std::string role;  // comma-separated
  std::chrono::seconds session_age{0};
};

struct ImaginedRequest {
  std::string method;
  std::string target;  // path, may carry a query
  std::string host;    // empty: base_url's
  std::optional<ImaginedCaller> caller;
};

struct Outcome {
  // "" for the gateway's refusals, else the name of the upstream, or "auth", "jwks" or "pages".
  std::string destination;
  int status = 0;                        // of a refusal
  std::string reason;                    // of a refusal
  std::string path;                      // canonical
  std::string forwarded;                 // path at the upstream; empty: it goes to none
  const config::Route* route = nullptr;  // of the site; also where it refuses, or leaves a stranger to the pages
};

Outcome rehearse(const pipeline::Site& site, const ImaginedRequest& request);

// A problem for each row of `tests` that does not come out as it says.
std::vector<config::Problem> run_tests(const config::Configuration& configuration);

}  // namespace gatehouse::app
