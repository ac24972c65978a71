// Threats 5–9: what Connection lists can take away, what belongs to one connection, and requests that share one.
#include <fmt/format.h>

#include "attack/vector.hpp"
#include "base/ascii.hpp"

namespace gatehouse::attack {

namespace {

// 5: lists that name what the gateway is about to add.
void add_lists_of_injected_names(Vectors& out) {
  constexpr std::string_view kNames[] = {"X-User-ID",       "X-User-Email",      "X-User-Name",
                                         "X-User-Role",     "X-Session-ID",      "X-Gatehouse-Assertion",
                                         "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host",
                                         "X-Real-IP",       "X-Request-ID",      "Authorization",
                                         "traceparent"};
  std::string all;
  for (const auto name : kNames) {
    all.append(all.empty() ? "" : ", ").append(name);
    for (const std::string_view list : {"{}", "close, {}", "keep-alive,{}"}) {
      const std::string value = fmt::format(fmt::runtime(list), name);
      out.add({.name = fmt::format("Connection: {}", value),
               .threat = 5,
               .route = Route::required,
               .caller = Caller::ada,
               .bytes = out.get(Route::required, {out.cookie_line(Caller::ada), "Connection: " + value})});
    }
  }
  for (const std::string& value :
       {all, to_lower(all), std::string("X-User-ID,,X-User-ID"), ",," + all + ",", "\t" + all}) {
    out.add({.name = fmt::format("Connection: all of them ({} bytes, {})", value.size(),
                                 value.front() == 'x' ? "lower" : "as is"),
             .threat = 5,
             .route = Route::required,
             .caller = Caller::ada,
             .bytes = out.get(Route::required, {"Connection: " + value, out.cookie_line(Caller::ada)})});
  }
  std::vector<std::string> lines{out.cookie_line(Caller::ada)};
  for (const auto name : kNames) lines.push_back(fmt::format("Connection: {}", name));
  out.add({.name = "Connection: a line for each of them",
           .threat = 5,
           .route = Route::required,
           .caller = Caller::ada,
           .bytes = out.get(Route::required, lines)});
  out.add({.name = "Connection: with the names it lists sent along",
           .threat = 5,
           .route = Route::required,
           .caller = Caller::ada,
           .bytes = out.get(Route::required, {"X-User-ID: spoofed", "X-User-Email: spoofed", "Connection: " + all,
                                              out.cookie_line(Caller::ada)})});
}

// 6: lists that name what the request stands on.
void add_lists_of_needed_names(Vectors& out) {
  for (const std::string_view name : {"Host", "Content-Length", "Cookie", "Origin", "Transfer-Encoding",
                                      "host, content-length, cookie", "X-Foo, Cookie"}) {
    out.add({.name = fmt::format("Connection: {} with a body", name),
             .threat = 6,
             .route = Route::required,
             .caller = Caller::ada,
             .bytes = out.post(Route::required, {out.cookie_line(Caller::ada), fmt::format("Connection: {}", name)},
                               "hello"),
             .body = "hello"});
  }
  out.add({.name = "Connection: Origin, Sec-Fetch-Site from another site",
           .threat = 6,
           .expect = Expect::denied,
           .route = Route::required,
           .caller = Caller::ada,
           .bytes = out.post(Route::required,
                             {out.cookie_line(Caller::ada), "Connection: Origin, Sec-Fetch-Site",
                              "Origin: https://spoofed.test", "Sec-Fetch-Site: cross-site"},
                             "hello")});
}

// 7: what is of one connection alone.
void add_hop_by_hop(Vectors& out) {
  const std::vector<std::vector<std::string>> tables{{"Connection: X-Foo", "X-Foo: spoofed"},
                                                     {"X-Foo: spoofed", "Connection: x-foo"},
                                                     {"Connection: x-foo , X-BAR", "X-Foo: spoofed", "x-bar: spoofed"},
                                                     {"Connection: ,, close ,\tX-Foo,", "X-Foo: spoofed"},
                                                     {"Connection: close", "Connection: X-Foo", "X-Foo: spoofed"},
                                                     {"Keep-Alive: timeout=5, spoofed"},
                                                     {"Proxy-Connection: spoofed"},
                                                     {"Proxy-Authorization: Basic spoofed"},
                                                     {"Proxy-Authenticate: spoofed"},
                                                     {"TE: spoofed"},
                                                     {"TE: trailers", "Connection: TE"},
                                                     {"Trailer: spoofed"},
                                                     {"Upgrade: spoofed"},
                                                     {"Upgrade: spoofed", "Connection: Upgrade"},
                                                     {"Transfer_Encoding: spoofed"},
                                                     {"Content_Length: spoofed"},
                                                     {"Connection_: spoofed"}};
  for (const auto& lines : tables) {
    std::string name;
    for (const auto& line : lines) name.append(name.empty() ? "" : "; ").append(line);
    out.add({.name = name, .threat = 7, .bytes = out.get(Route::open, lines)});
  }
}

// 8, 9: several callers on one connection.
void add_shared_connections(Vectors& out) {
  const auto first = [&](Route route, Caller caller) {
    return Before{out.request("GET", out.target().path(route), {out.cookie_line(caller)}, {}, 'b'), route, caller};
  };
  const auto anonymous = [&](Route route) {
    return Before{out.request("GET", out.target().path(route), {}, {}, 'b'), route, Caller::nobody};
  };
  for (const Caller caller : {Caller::ada, Caller::bob}) {
    const std::string_view name = caller == Caller::ada ? "one user" : "another user";
    const auto signed_in = [&] { return first(Route::required, caller); };
    out.add({.name = fmt::format("without a cookie after {}, protected", name),
             .threat = 8,
             .expect = Expect::denied,
             .route = Route::required,
             .bytes = out.get(Route::required, {}),
             .before = {signed_in()}});
    out.add({.name = fmt::format("without a cookie after {}, optional", name),
             .threat = 8,
             .route = Route::optional,
             .bytes = out.get(Route::optional, {}),
             .before = {signed_in()}});
    out.add({.name = fmt::format("without a cookie after {}, public", name),
             .threat = 8,
             .bytes = out.get(Route::open, {}),
             .before = {signed_in(), signed_in()}});
    out.add({.name = fmt::format("wrong cookie after {}, protected", name),
             .threat = 8,
             .expect = Expect::denied,
             .route = Route::required,
             .bytes = out.get(Route::required, {out.cookie_line(caller) + "x"}),
             .before = {signed_in()}});
    out.add({.name = fmt::format("nobody, protected, behind {} and nobody", name),
             .threat = 8,
             .expect = Expect::denied,
             .route = Route::required,
             .bytes = out.request("GET", out.target().required_path, {}, {}),
             .before = {signed_in(), anonymous(Route::open)}});
    const Caller other = caller == Caller::ada ? Caller::bob : Caller::ada;
    out.add({.name = fmt::format("the other one after {}", name),
             .threat = 9,
             .route = Route::required,
             .caller = other,
             .bytes = out.get(Route::required, {out.cookie_line(other)}),
             .before = {signed_in(), anonymous(Route::open), signed_in()}});
  }
}

}  // namespace

void add_connection_vectors(Vectors& out) {
  add_lists_of_injected_names(out);
  add_lists_of_needed_names(out);
  add_hop_by_hop(out);
  add_shared_connections(out);
}

}  // namespace gatehouse::attack
