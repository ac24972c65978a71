#include "attack/judge.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.hpp"
#include "base/encoding.hpp"

namespace gatehouse::attack {

namespace {

// Made anew for each request.
bool is_volatile(std::string_view folded) {
  return folded == "x-request-id" || folded == "traceparent" || folded == "x-gatehouse-assertion";
}

bool is_hop_by_hop(std::string_view folded) {
  constexpr std::string_view kNames[] = {
      "connection",          "keep-alive",         "proxy-connection", "te",
      "proxy-authorization", "proxy-authenticate", "trailer",          "upgrade",
      "http2-settings",      "proxy-features",     "content-length",   "transfer-encoding"};
  return std::ranges::find(kNames, folded) != std::end(kNames);
}

bool contains_canary(std::string_view text) {
  return to_lower(text).contains(kCanary);
}

// "name=token.signature" → the token
std::string_view token_of(std::string_view cookie) {
  const auto value = cookie.substr(std::min(cookie.size(), cookie.find('=') + 1));
  return value.substr(0, std::min(value.find('.'), value.find('%')));
}

// How the most lenient server reads a path: decoded, in lower case, without parameters, dots, blanks and empty
// segments.
std::string read_leniently(std::string_view path) {
  std::string decoded = percent_decode(path).value_or(std::string(path));
  std::vector<std::string> segments;
  std::string segment;
  decoded.push_back('/');
  for (const char c : decoded) {
    if (c != '/' && c != '\\') {
      segment.push_back(ascii_lower(c));
      continue;
    }
    segment.resize(std::min(segment.size(), segment.find(';')));
    if (const auto last = segment.find_last_not_of(". "); last != std::string::npos) segment.resize(last + 1);
    if (segment == "..") {
      if (!segments.empty()) segments.pop_back();
    } else if (!segment.empty() && segment != ".") {
      segments.push_back(segment);
    }
    segment.clear();
  }
  std::string out;
  for (const auto& one : segments) out.append("/").append(one);
  return out;
}

struct Names {
  const Target& target;
  const Vector& vector;

  std::string of(char role) const { return make_probe(target, vector.number, role); }
};

std::string tell(const Answer& answer) {
  return fmt::format("answered {}", answer.status);
}

bool is_success(int status) {
  return status == 101 || (status >= 200 && status < 300);
}

// Answers of the gateway itself, and the echo's in the order of what was asked.
std::optional<std::string> find_fault_of_answers(const Vector& vector, const Outcome& outcome, const Target& target) {
  const auto& list = outcome.answers.list;
  std::vector<std::string> probes(vector.before.size(), make_probe(target, vector.number, 'b'));
  probes.push_back(make_probe(target, vector.number, 'v'));
  if (vector.tail) probes.push_back(make_probe(target, vector.number, 't'));
  if (list.size() > probes.size()) return fmt::format("{} answers came to {} requests", list.size(), probes.size());
  if (outcome.answers.malformed) return "what came back is no HTTP";
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i].status == 101) return "a tunnel was opened that the upstream did not agree to";
    if (list[i].status == 500 || list[i].status == 502) return tell(list[i]);
    for (const auto& [name, value] : list[i].fields) {
      if (contains_canary(name) || fold(name) == "x-user-id") return "a header was smuggled into the answer";
    }
    const auto arrival = parse_arrival(list[i].body);
    if (arrival && !arrival->probe.empty() && arrival->probe != probes[i])
      return fmt::format("the answer to another request ({}) came back", arrival->probe);
  }
  return std::nullopt;
}

Verdict got_through(std::string problem) {
  return {Verdict::Kind::got_through, std::move(problem)};
}

// A request that could not be finished is no request to an upstream.
std::vector<const Arrival*> find_whole(const Outcome& outcome, const std::string& probe) {
  std::vector<const Arrival*> found;
  for (const auto& arrival : outcome.arrivals) {
    if (arrival.probe == probe && !arrival.broken) found.push_back(&arrival);
  }
  return found;
}

std::optional<std::string> judge_disguise(const Arrival& arrival, const Target& target) {
  if (read_leniently(arrival.path) == read_leniently(target.required_path))
    return fmt::format("the protected path arrived without a session, as {}", arrival.path);
  return std::nullopt;
}

Verdict judge_forwarded(const Vector& vector, const Arrival& arrival, const Baselines& baselines,
                        const Target& target) {
  const auto found = baselines.find({vector.route, vector.caller});
  if (found == baselines.end()) return {Verdict::Kind::unclear, "there is nothing to compare it with"};
  if (vector.expect == Expect::disguise) {
    if (auto fault = judge_disguise(arrival, target)) return got_through(*std::move(fault));
  } else if (arrival.path != found->second.path) {
    return got_through(fmt::format("it arrived at {} instead of {}", arrival.path, found->second.path));
  }
  if (auto fault = find_fault(arrival, found->second, target, group_of(vector.threat) == 'D'))
    return got_through(*std::move(fault));
  if (vector.body && arrival.body != *vector.body)
    return got_through(fmt::format("another body arrived, of {} bytes", arrival.body_bytes));
  return {Verdict::Kind::forwarded};
}

// What goes before and behind is in order by itself, and must stay so.
std::optional<std::string> find_fault_of_company(const Vector& vector, const Outcome& outcome,
                                                 const Baselines& baselines, const Target& target) {
  const Names names{target, vector};
  const auto before = find_whole(outcome, names.of('b'));
  if (before.size() > vector.before.size()) return "a request that went before arrived twice";
  for (std::size_t i = 0; i < before.size(); ++i) {
    const auto found = baselines.find({vector.before[i].route, vector.before[i].caller});
    if (found == baselines.end()) continue;
    if (auto fault = find_fault(*before[i], found->second, target, false)) return "before it: " + *fault;
  }
  const auto tail = find_whole(outcome, names.of('t'));
  if (tail.size() > 1) return "the request behind it arrived twice";
  if (!tail.empty()) {
    const auto found = baselines.find({Route::open, Caller::nobody});
    if (found != baselines.end()) {
      if (auto fault = find_fault(*tail[0], found->second, target, false)) return "behind it: " + *fault;
    }
  }
  return std::nullopt;
}

Verdict judge_refused(const Vector& vector, const Outcome& outcome, const Target& target) {
  const auto& list = outcome.answers.list;
  const std::size_t own = vector.before.size();
  if (list.size() > own + 1 || !find_whole(outcome, make_probe(target, vector.number, 't')).empty())
    return got_through("what followed it on the connection was read as a request");
  if (list.size() == own + 1) {
    const int status = list[own].status;
    if ((status < 400 || status > 499) && status != 501 && status != 505) return got_through(tell(list[own]));
  }
  if (!outcome.ended) return got_through("the connection was not ended");
  return {Verdict::Kind::refused};
}

}  // namespace

std::string fold(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (is_alphanumeric(c)) {
      out.push_back(ascii_lower(c));
    } else if (!out.empty() && out.back() != '-') {
      out.push_back('-');
    }
  }
  if (out.ends_with('-')) out.pop_back();
  return out;
}

bool is_reserved(std::string_view folded) {
  constexpr std::string_view kNames[] = {"authorization", "forwarded", "traceparent", "x-request-id", "x-real-ip"};
  if (std::ranges::find(kNames, folded) != std::end(kNames)) return true;
  for (const std::string_view family : {"x-user", "x-session", "x-organization", "x-forwarded", "x-gatehouse"}) {
    if (folded.starts_with(family) && (folded.size() == family.size() || folded[family.size()] == '-')) return true;
  }
  return false;
}

std::optional<std::string> find_fault(const Arrival& arrival, const Arrival& baseline, const Target& target,
                                      bool is_upgrade) {
  if (!arrival.canonical) return fmt::format("the path arrived in a form that is not canonical ({})", arrival.path);
  std::vector<std::string> seen;
  for (const auto& [name, value] : arrival.fields) {
    const std::string folded = fold(name);
    if (contains_canary(name) || contains_canary(value)) return fmt::format("the client's {} arrived", name);
    for (const auto& cookie : {target.ada_cookie, target.bob_cookie}) {
      const auto token = token_of(cookie);
      if (token.size() >= 8 && value.contains(token)) return fmt::format("the session's cookie arrived in {}", name);
    }
    if (is_hop_by_hop(folded) && folded != "content-length" && folded != "transfer-encoding") {
      const bool asked_for = is_upgrade && (folded == "upgrade" ? iequals(value, "websocket")
                                                                : folded == "connection" && iequals(value, "upgrade"));
      if (!asked_for && baseline.find_all(name).empty()) return fmt::format("{}: {} arrived", name, value);
    }
    if (is_hop_by_hop(folded) && to_lower(name) != folded) return fmt::format("{}, a look-alike, arrived", name);
    if (!is_reserved(folded)) continue;
    const auto known = std::ranges::find_if(baseline.fields, [&](const auto& field) { return field.first == name; });
    if (known == baseline.fields.end()) return fmt::format("{} arrived, which the gateway does not send there", name);
    if (std::ranges::find(seen, folded) != seen.end()) return fmt::format("{} arrived twice", name);
    if (!is_volatile(folded) && value != known->second)
      return fmt::format("{} arrived with another value than the gateway's", name);
    seen.push_back(folded);
  }
  for (const auto& [name, value] : baseline.fields) {
    const std::string folded = fold(name);
    if (is_reserved(folded) && std::ranges::find(seen, folded) == seen.end())
      return fmt::format("{} did not arrive", name);
  }
  return std::nullopt;
}

Verdict judge(const Vector& vector, const Outcome& outcome, const Baselines& baselines, const Target& target) {
  const Names names{target, vector};
  for (const auto& arrival : outcome.arrivals) {
    if (!arrival.malformed.empty())
      return got_through(fmt::format("the upstream received what it cannot read ({})", arrival.malformed));
  }
  if (!find_whole(outcome, names.of('s')).empty())
    return got_through("a request that was hidden inside arrived as one of its own");
  const auto own = find_whole(outcome, names.of('v'));
  if (own.size() > 1) return got_through("it arrived twice");
  if (auto fault = find_fault_of_company(vector, outcome, baselines, target)) return got_through(*std::move(fault));
  const auto& list = outcome.answers.list;
  const std::size_t index = vector.before.size();
  if (vector.expect == Expect::refused && !own.empty()) return got_through("it arrived, and must be refused");
  if (vector.expect == Expect::denied && !own.empty()) return got_through("it arrived, and must be denied");
  for (const auto& answer : list) {
    if (answer.status == 429 || answer.status == 503 || answer.status == 504)
      return {Verdict::Kind::unclear, tell(answer)};
  }
  if (auto fault = find_fault_of_answers(vector, outcome, target)) return got_through(*std::move(fault));
  if (!own.empty()) return judge_forwarded(vector, *own[0], baselines, target);
  if (vector.expect == Expect::refused) return judge_refused(vector, outcome, target);
  if (list.size() > index && is_success(list[index].status)) {
    if (vector.expect == Expect::denied) return got_through(tell(list[index]));
    // Without a witness nothing is known of what has no body that tells it, as an answer to HEAD.
    if (outcome.has_witness) return got_through(tell(list[index]) + ", and nothing arrived");
  }
  return {Verdict::Kind::refused};
}

}  // namespace gatehouse::attack
