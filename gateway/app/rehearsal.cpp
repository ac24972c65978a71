#include "app/rehearsal.hpp"

#include <fmt/format.h>

#include "config/values.hpp"
#include "http/target.hpp"
#include "pipeline/authorize.hpp"

namespace gatehouse::app {

namespace {

Outcome refuse(Outcome outcome, int status, std::string_view reason) {
  outcome.status = status;
  outcome.reason = reason;
  return outcome;
}

ImaginedRequest request_of(const config::TestRow& row) {
  ImaginedRequest request{row.method, row.path, row.host, std::nullopt};
  if (row.anonymous) return request;
  request.caller.emplace();
  if (const auto role = row.as.find("role"); role != row.as.end()) request.caller->role = role->second;
  if (const auto age = row.as.find("session_age"); age != row.as.end())
    request.caller->session_age = config::SecondsValue::parse(age->second).value_or(std::chrono::seconds{0});
  return request;
}

std::string describe(const Outcome& outcome) {
  std::string text =
      outcome.destination.empty() ? fmt::format("{} ({})", outcome.status, outcome.reason) : outcome.destination;
  if (outcome.route) text += fmt::format(" by routes[{}] ({})", outcome.route->index, outcome.route->path);
  return text;
}

}  // namespace

Outcome rehearse(const pipeline::Site& site, const ImaginedRequest& request) {
  Outcome outcome;
  const std::string host = request.host.empty() ? site.configuration.gateway.base_url.host : request.host;
  // Without --dev there is always a base_url; with it any host may be asked for.
  if (!host.empty() && !site.table.serves(host)) return refuse(outcome, 421, "unknown_host");
  std::string path = request.target.substr(0, request.target.find('?'));
  const auto canonical = http::canonicalize_path(path.data(), path.data() + path.size());
  if (!canonical) return refuse(outcome, 400, "bad_path");
  outcome.path = std::string(canonical->path);

  const config::Match match = site.match(request.method, host, outcome.path);
  using Kind = config::Match::Kind;
  if (site.find_page(request.method, match, outcome.path)) {
    outcome.destination = "pages";
    return outcome;
  }
  if (match.kind == Kind::no_match) return refuse(outcome, 404, "no_route");
  if (match.kind == Kind::method_not_allowed) return refuse(outcome, 405, "method_not_allowed");
  if (match.kind != Kind::route) {
    outcome.destination = match.kind == Kind::auth ? "auth" : "jwks";
    return outcome;
  }
  outcome.route = match.route;
  const WallTime now{};
  pipeline::Caller caller;
  if (request.caller) caller = {request.caller->role, now - request.caller->session_age};
  const auto decision = pipeline::authorize(*match.route, request.caller ? &caller : nullptr, now);
  using Allowed = pipeline::Decision::Outcome;
  if (decision.outcome == Allowed::unauthenticated && site.find_page_for_strangers(request.method, outcome.path)) {
    outcome.destination = "pages";
    return outcome;
  }
  if (decision.outcome != Allowed::allow)
    return refuse(outcome, decision.outcome == Allowed::unauthenticated ? 401 : 403, decision.reason);
  outcome.destination = match.route->upstream;
  outcome.forwarded = std::string(config::forwarded_path(*match.route, outcome.path));
  return outcome;
}

std::vector<config::Problem> run_tests(const config::Configuration& configuration) {
  std::vector<config::Problem> problems;
  const pipeline::Site site(configuration);
  for (std::size_t i = 0; i < configuration.tests.size(); ++i) {
    const config::TestRow& row = configuration.tests[i];
    const Outcome outcome = rehearse(site, request_of(row));
    const bool as_expected = row.expect_status ? outcome.destination.empty() && outcome.status == *row.expect_status
                                               : outcome.destination == row.expect_upstream;
    if (as_expected) continue;
    const std::string expected = row.expect_status ? std::to_string(*row.expect_status) : row.expect_upstream;
    problems.push_back(
        {config::Code::test_failed,
         row.place,
         fmt::format("tests[{}]", i),
         fmt::format("{} {} comes to {}, expected {}", row.method, row.path, describe(outcome), expected),
         {}});
  }
  return problems;
}

}  // namespace gatehouse::app
