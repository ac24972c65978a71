// The auth server as one callable: a whole request below the auth base path in, a whole response out, with Better
// Auth's (1.7.25) order of work. The pipeline calls it where a request's route is the auth base path; logging and the
// limits of routes have happened there.
//
//   disabled (404) → rate limit (429): admit(), before the body is read
//   route (404) → body (415, 400) → origin (403) → validation (400) → form check (403) → session (401, 403) →
//   abuse ladder (429) → handler
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "auth/feature.hpp"
#include "auth/rate_limit.hpp"

namespace gatehouse::auth {

// One for each thread, as the Services that it is made with. Must outlive the calls under way.
class Dispatcher {
 public:
  // Without `rate_limit` nothing is limited. It outlives the dispatcher.
  Dispatcher(Services services, std::vector<Feature> features, RateLimit* rate_limit = nullptr);

  // What comes before anything is known of the request but its path and its address, which is filled in where
  // `auth.ip_address` says how. A response: the request goes no further. The request outlives the call.
  Awaitable<std::optional<AuthResponse>> admit(AuthRequest& request);

  // Of an admitted request. Its path is matched as it is, without any normalisation. Throws Failure where a dependency
  // is down; whatever else goes wrong is logged and answered with 500.
  Awaitable<AuthResponse> dispatch(AuthRequest request);

 private:
  using Table = std::map<std::pair<std::string_view, std::string_view>, const Endpoint*>;  // by path and method

  // The endpoint, and where its path has a parameter, its value.
  std::pair<const Endpoint*, std::string_view> find(std::string_view method, std::string_view path) const;
  // Of the endpoint that a path belongs to; empty where there is none.
  std::string_view find_pattern(std::string_view path) const;
  Awaitable<Result<Reply>> perform(const Endpoint& endpoint, EndpointCall& call);
  Awaitable<Result<Reply>> perform_to_end(const Endpoint& endpoint, EndpointCall& call);

  const Services services_;
  const std::vector<Feature> features_;
  RateLimit* const rate_limit_;
  Table endpoints_;
  Table with_parameter_;  // by what stands before the parameter
};

}  // namespace gatehouse::auth
