// The auth server as one callable: a whole request below the auth base path in, a whole response out, with Better
// Auth's (1.7.25) order of work. The pipeline calls it where a request's route is the auth base path; limits and
// logging have happened there.
//
//   route (404) → body (415, 400) → origin (403) → validation (400) → form check (403) → session (401, 403) → handler
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "auth/feature.hpp"

namespace gatehouse::auth {

// One for each thread, as the Services that it is made with. Must outlive the calls under way.
class Dispatcher {
 public:
  Dispatcher(Services services, std::vector<Feature> features);

  // The request's path is matched as it is, without any normalisation. Throws Failure where a dependency is down;
  // whatever else goes wrong is logged and answered with 500.
  Awaitable<AuthResponse> dispatch(AuthRequest request);

 private:
  using Table = std::map<std::pair<std::string_view, std::string_view>, const Endpoint*>;  // by path and method

  // The endpoint, and where its path has a parameter, its value.
  std::pair<const Endpoint*, std::string_view> find(std::string_view method, std::string_view path) const;
  Awaitable<Result<Reply>> perform(const Endpoint& endpoint, EndpointCall& call);

  const Services services_;
  const std::vector<Feature> features_;
  Table endpoints_;
  Table with_parameter_;  // by what stands before the parameter
};

}  // namespace gatehouse::auth
