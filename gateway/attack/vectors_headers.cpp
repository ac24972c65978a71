// Threats 1–4, 6, 13–15: names that only the gateway may say, in every spelling, place and number.
#include <fmt/format.h>

#include <algorithm>

#include "attack/vector.hpp"
#include "base/ascii.hpp"

namespace gatehouse::attack {

namespace {

constexpr std::string_view kIdentity[] = {"X-User-ID",    "X-User-Email",      "X-User-Name",        "X-User-Role",
                                          "X-Session-ID", "X-Organization-ID", "X-Organization-Role"};

constexpr std::string_view kForwarding[] = {"X-Forwarded-For",    "X-Forwarded-Proto", "X-Forwarded-Host",
                                            "X-Forwarded-Port",   "X-Forwarded-User",  "X-Forwarded-Email",
                                            "X-Forwarded-Server", "X-Real-IP",         "Forwarded"};

constexpr std::string_view kInternal[] = {"Authorization", "X-Gatehouse-Assertion", "X-Request-ID"};

std::vector<std::string_view> all_names() {
  std::vector<std::string_view> names(std::begin(kIdentity), std::end(kIdentity));
  names.insert(names.end(), std::begin(kForwarding), std::end(kForwarding));
  names.insert(names.end(), std::begin(kInternal), std::end(kInternal));
  return names;
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  return out;
}

std::string swap_case(std::string_view text) {
  std::string out = to_lower(text);
  for (std::size_t i = 1; i < out.size(); i += 2) {
    if (out[i] >= 'a' && out[i] <= 'z') out[i] = static_cast<char>(out[i] - 32);
  }
  return out;
}

std::string replace_hyphens(std::string_view text, std::string_view with) {
  std::string out;
  for (const char c : text) {
    if (c == '-') {
      out.append(with);
    } else {
      out.push_back(c);
    }
  }
  return out;
}

// What the name could stand for.
std::string value_of(std::string_view name) {
  if (iequals(name, "Authorization")) return "Bearer spoofed";
  if (iequals(name, "Forwarded")) return "for=spoofed;host=spoofed.test;proto=gopher";
  return "spoofed";
}

// 1: in any case, before and after the cookie, on public and protected routes.
void add_spellings(Vectors& out) {
  const struct {
    std::string_view title;
    std::string (*spell)(std::string_view);
  } spellings[] = {{"as written", [](std::string_view name) { return std::string(name); }},
                   {"lower case", [](std::string_view name) { return to_lower(name); }},
                   {"upper case", [](std::string_view name) { return upper(name); }},
                   {"swapped case", [](std::string_view name) { return swap_case(name); }}};
  for (const auto name : all_names()) {
    const int threat = std::ranges::find(kForwarding, name) != std::end(kForwarding)
                           ? (name.starts_with("X-Forwarded-F") ? 13 : 14)
                           : 1;
    for (const auto& [title, spell] : spellings) {
      const std::string line = fmt::format("{}: {}", spell(name), value_of(name));
      out.add(
          {.name = fmt::format("{} {}, public", name, title), .threat = threat, .bytes = out.get(Route::open, {line})});
      out.add({.name = fmt::format("{} {}, after the cookie", name, title),
               .threat = threat,
               .route = Route::required,
               .caller = Caller::ada,
               .bytes = out.get(Route::required, {out.cookie_line(Caller::ada), line})});
    }
    const std::string line = fmt::format("{}: {}", name, value_of(name));
    out.add({.name = fmt::format("{} before the cookie", name),
             .threat = threat,
             .route = Route::required,
             .caller = Caller::ada,
             .bytes = out.get(Route::required, {line, out.cookie_line(Caller::ada)})});
    out.add({.name = fmt::format("{} without a session, optional", name),
             .threat = threat,
             .route = Route::optional,
             .bytes = out.get(Route::optional, {line})});
    out.add({.name = fmt::format("{} without a session, protected", name),
             .threat = threat,
             .expect = Expect::denied,
             .route = Route::required,
             .bytes = out.get(Route::required, {line})});
  }
}

// 2: names that a server may read as the reserved one.
void add_look_alikes(Vectors& out) {
  constexpr std::string_view kSeparators[] = {"_", ".", "--", "__", "-_", "~", "!", "|"};
  for (const auto name : all_names()) {
    if (!name.contains('-')) continue;
    bool is_open = true;
    for (const auto separator : kSeparators) {
      const std::string line = fmt::format("{}: {}", replace_hyphens(name, separator), value_of(name));
      // In turns: the rule does not depend on the route, and each name is tried on both. Without a session on one.
      const bool is_public = is_open || out.target().ada_cookie.empty();
      const Route route = is_public ? Route::open : Route::required;
      const Caller caller = is_public ? Caller::nobody : Caller::ada;
      std::vector<std::string> lines{line};
      if (!is_public) lines.push_back(out.cookie_line(caller));
      out.add({.name = fmt::format("'{}' for '-' in {}", separator, name),
               .threat = 2,
               .route = route,
               .caller = caller,
               .bytes = out.get(route, lines)});
      is_open = !is_open;
    }
  }
  constexpr std::string_view kMixed[] = {"X-User_ID",      "x_user-id",  "X_USER_ID",
                                         "x.user_ID",      "X-User-ID_", "-X-User-ID",
                                         "X-User-ID-",     "_X_User_ID", "X_Gatehouse-Assertion",
                                         "X_Forwarded-For"};
  for (const auto name : kMixed) {
    out.add({.name = fmt::format("{}, public", name),
             .threat = 2,
             .bytes = out.get(Route::open, {fmt::format("{}: spoofed", name)})});
    out.add({.name = fmt::format("{}, signed in", name),
             .threat = 2,
             .route = Route::required,
             .caller = Caller::ada,
             .bytes = out.get(Route::required, {out.cookie_line(Caller::ada), fmt::format("{}: spoofed", name)})});
  }
}

// 3: repeated, so that one of them might be left.
void add_duplicates(Vectors& out) {
  for (const auto name : all_names()) {
    const std::string value = value_of(name);
    const std::vector<std::string> lines{fmt::format("{}: {}-1", name, value), "Between: kept",
                                         fmt::format("{}: {}-2", to_lower(name), value),
                                         fmt::format("{}: {}-3", upper(name), value), fmt::format("{}:", name)};
    out.add({.name = fmt::format("{} four times, public", name), .threat = 3, .bytes = out.get(Route::open, lines)});
    std::vector<std::string> around = lines;
    around.insert(around.begin() + 2, out.cookie_line(Caller::ada));
    out.add({.name = fmt::format("{} four times around the cookie", name),
             .threat = 3,
             .route = Route::required,
             .caller = Caller::ada,
             .bytes = out.get(Route::required, around)});
  }
  for (const std::string_view value :
       {"spoofed", "", "00-spoofed", "00-00000000000000000000000000000000-0000000000000000-00"}) {
    out.add({.name = fmt::format("traceparent '{}'", value),
             .threat = 3,
             .bytes = out.get(Route::open, {fmt::format("traceparent: {}", value), "traceparent: spoofed"})});
  }
}

// 4: behind a chunked body.
void add_trailers(Vectors& out) {
  for (const auto name : all_names()) {
    const std::string body = fmt::format("5\r\nhello\r\n0\r\n{}: {}\r\n\r\n", name, value_of(name));
    out.add({.name = fmt::format("trailer {}, public", name),
             .threat = 4,
             .bytes = out.request("POST", out.target().open_path, {"Transfer-Encoding: chunked"}, body),
             .body = "hello"});
    out.add({.name = fmt::format("announced trailer {}, signed in", name),
             .threat = 4,
             .route = Route::required,
             .caller = Caller::ada,
             .bytes = out.request("POST", out.target().required_path,
                                  {out.cookie_line(Caller::ada), "Transfer-Encoding: chunked", "TE: trailers",
                                   fmt::format("Trailer: {}", name)},
                                  body),
             .body = "hello"});
  }
}

// 13–15: addresses, other URLs and other methods.
void add_forwarding_values(Vectors& out) {
  for (const std::string_view value : {"203.0.113.7", "127.0.0.1", "127.0.0.1, spoofed", "spoofed, 127.0.0.1", "::1",
                                       "203.0.113.7:80", "203.0.113.7,,", "unknown"}) {
    out.add({.name = fmt::format("X-Forwarded-For '{}'", value),
             .threat = 13,
             .bytes = out.get(Route::open,
                              {fmt::format("X-Forwarded-For: {}", value), fmt::format("X-Real-IP: {}", value)})});
  }
  for (const std::string_view name :
       {"True-Client-IP", "CF-Connecting-IP", "X-Client-IP", "X-Cluster-Client-IP", "Client-IP", "Fastly-Client-IP",
        "X-Originating-IP", "X-Remote-Addr", "X-Original-Forwarded-For"}) {
    out.add({.name = fmt::format("{}", name),
             .threat = 13,
             .bytes = out.get(Route::open, {fmt::format("{}: spoofed", name)})});
  }
  for (const std::string_view value : {"gopher", "http", "https", "http,https"}) {
    out.add({.name = fmt::format("X-Forwarded-Proto '{}'", value),
             .threat = 14,
             .bytes = out.get(Route::open, {fmt::format("X-Forwarded-Proto: {}", value),
                                            fmt::format("X-Forwarded-Scheme: {}", value)})});
  }
  for (const std::string_view name : {"X-Original-URL", "X-Original-URI", "X-Rewrite-URL", "X-Forwarded-Uri",
                                      "X-Forwarded-Path", "X-Forwarded-Prefix", "x_original_url", "X.Rewrite.URL"}) {
    out.add({.name = fmt::format("{} names the protected path", name),
             .threat = 15,
             .bytes = out.get(Route::open, {fmt::format("{}: {}?spoofed", name, out.target().required_path)})});
    out.add({.name = fmt::format("{} names the public path", name),
             .threat = 15,
             .expect = Expect::denied,
             .route = Route::required,
             .bytes = out.get(Route::required, {fmt::format("{}: {}", name, out.target().open_path)})});
  }
  for (const std::string_view name : {"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override",
                                      "X_HTTP_Method_Override", "X-Original-Method"}) {
    for (const std::string_view method : {"OPTIONS", "HEAD", "DELETE"}) {
      out.add({.name = fmt::format("{} {} on the protected path", name, method),
               .threat = 15,
               .expect = Expect::denied,
               .route = Route::required,
               .bytes = out.get(Route::required, {fmt::format("{}: {}", name, method)})});
    }
  }
  for (const std::string_view name : {"X-API-User", "X-Auth-Request-User", "X-Auth-Request-Email", "Proxy", "X-Host"}) {
    out.add({.name = fmt::format("{}", name),
             .threat = 15,
             .bytes = out.get(Route::open, {fmt::format("{}: spoofed", name)})});
  }
  for (const std::string_view agent : {"kube-probe/1.30", "GoogleHC/1.0", "ELB-HealthChecker/2.0"}) {
    out.add({.name = fmt::format("User-Agent {}", agent),
             .threat = 15,
             .expect = Expect::denied,
             .route = Route::required,
             .bytes = out.get(Route::required, {fmt::format("User-Agent: {}", agent)})});
  }
}

}  // namespace

void add_header_vectors(Vectors& out) {
  add_spellings(out);
  add_look_alikes(out);
  add_duplicates(out);
  add_trailers(out);
  add_forwarding_values(out);
}

}  // namespace gatehouse::attack
