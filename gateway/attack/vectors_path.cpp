// Threats 32–38, 42, 43, 45: the protected path in disguise, and targets that hosts could read differently.
#include <fmt/format.h>

#include <set>

#include "attack/vector.hpp"

namespace gatehouse::attack {

namespace {

using namespace std::string_view_literals;

std::string percent(char c) {
  return fmt::format("%{:02x}", static_cast<unsigned char>(c));
}

std::string with_case(std::string_view path, bool is_upper) {
  std::string out(path);
  for (char& c : out) {
    if (is_upper && c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    if (!is_upper && c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

// "/api/public/x" → "/../../.."
std::string climb(std::string_view path, std::string_view step) {
  std::string out;
  for (const char c : path) {
    if (c == '/') out.append(step);
  }
  return out;
}

// Spellings that stand for exactly the path, by RFC 3986.
std::vector<std::string> equivalents(const std::string& path) {
  const auto last = path.rfind('/');
  const std::string start = path.substr(0, last), end = path.substr(last + 1);
  std::string all;
  for (const char c : path) all.append(c == '/' ? "/" : percent(c));
  std::vector<std::string> list{start + "/./" + end,
                                start + "//" + end,
                                "/" + path,
                                "//" + path,
                                "/." + path,
                                "/x/.." + path,
                                start + "/x/../" + end,
                                start + "/x/y/../../" + end,
                                start + "/%2e/" + end,
                                start + "/%2E/" + end,
                                start + "/x/%2e%2e/" + end,
                                start + "/x/.%2e/" + end,
                                start + "/x/%2E./" + end};
  if (end.empty()) return list;
  list.push_back(start + "/" + percent(end[0]) + end.substr(1));
  list.push_back(start + "/" + end.substr(0, end.size() - 1) + percent(end.back()));
  list.push_back(std::move(all));
  return list;
}

// Spellings that some server somewhere takes for it.
std::vector<std::string> disguises(const Target& target) {
  const std::string& path = target.required_path;
  const std::string& open = target.open_path;
  const auto last = path.rfind('/');
  const std::string start = path.substr(0, last), end = path.substr(last + 1);
  std::vector<std::string> list{path + "/",
                                path + "//",
                                path + "/.",
                                path + "/x/..",
                                path + "/%2e",
                                path + ".",
                                path + "..",
                                path + "%20",
                                path + "%09",
                                path + "%00",
                                path + "%0a",
                                path + "%0d%0aX-User-ID:%20spoofed",
                                path + "%23",
                                path + "%3f",
                                path + "%",
                                path + "%2",
                                path + "%zz",
                                path + "%2f",
                                path + "%2F",
                                path + "%5c",
                                path + "%5C",
                                path + "\\",
                                path + ";",
                                path + ";x=1",
                                path + ";/",
                                path + "/;",
                                path + "/..;/" + end,
                                path + "%3b",
                                path + "%3Bx=1",
                                path + "\x01",
                                path + "\x7f",
                                path + "\x80",
                                path + "\xc3\xa9",
                                path + "%c0%80",
                                path + "%ff",
                                path + "%c3",
                                path + "%e2%80%8b",
                                path + "%252f",
                                path + "~",
                                path + ",",
                                path + ".json",
                                path + "%2ejson",
                                path + "$",
                                with_case(path, true),
                                start + "/" + with_case(end, true),
                                with_case(start, true) + "/" + end,
                                start + "\\" + end,
                                start + "%5c" + end,
                                start + "%2f" + end,
                                start + "%2F" + end,
                                start + "%252f" + end,
                                start + "/%20" + end,
                                start + "/ " + end,
                                start + "/%09" + end,
                                start + ";x=1/" + end,
                                start + ";/" + end,
                                start + "%3b/" + end,
                                start + "/%00" + end,
                                start + "/x/..;/" + end,
                                start + "/..;/x/" + end,
                                start + "/%c0%ae/" + end,
                                start + "/x/%c0%ae%c0%ae/" + end,
                                start + "%c0%af" + end,
                                start + "%ef%bc%8f" + end,
                                start + "/%u002e/" + end,
                                start + "/x/%252e%252e/" + end,
                                start + "/x/%2e%2e%2f" + end,
                                start + "/x/..%2f" + end,
                                start + "/x/..\\" + end,
                                start + "/x/..%5c" + end,
                                "\\" + path.substr(1),
                                "/\\" + path.substr(1),
                                "/." + path + "/",
                                "/%2e%2e" + path,
                                "/.." + path,
                                "/../.." + path,
                                "/;" + path,
                                "/;/.." + path};
  for (const std::string_view step :
       {"/..", "/%2e%2e", "/.%2e", "/%2E%2E", "/..;", "/..;x=1", "/..%3b", "/..%00", "/%252e%252e", "/..%2f", "/..%5c",
        "\\..", "%2f..", "%5c..", "/.%00.", "/..%20", "/...", "/%c0%ae%c0%ae"}) {
    list.push_back(open + climb(open, step) + path);
  }
  list.push_back(open + climb(open, "/..") + "/.." + path);
  return list;
}

void add_paths(Vectors& out) {
  const Target& target = out.target();
  for (const auto& spelling : equivalents(target.required_path)) {
    out.add({.name = fmt::format("{} without a session", spelling),
             .threat = 32,
             .expect = Expect::denied,
             .route = Route::required,
             .bytes = out.request("GET", spelling, {})});
    out.add({.name = fmt::format("{} signed in", spelling),
             .threat = 42,
             .route = Route::required,
             .caller = Caller::ada,
             .bytes = out.request("GET", spelling, {out.cookie_line(Caller::ada)})});
  }
  for (const auto& spelling : equivalents(target.open_path)) {
    out.add({.name = fmt::format("{}", spelling), .threat = 42, .bytes = out.request("GET", spelling, {})});
  }
  std::set<std::string> seen;
  for (const auto& spelling : disguises(target)) {
    if (!seen.insert(spelling).second) continue;
    const int threat = spelling.contains(';') || spelling.contains("%3b") || spelling.contains("%3B") ? 34
                       : spelling.contains("..") || spelling.contains("//")                           ? 35
                       : spelling.contains('%') || spelling.contains('\\')                            ? 33
                                                                                                      : 36;
    out.add({.name = fmt::format("{} without a session", spelling),
             .threat = threat,
             .expect = Expect::disguise,
             .bytes = out.request("GET", spelling, {})});
  }
}

void add_queries(Vectors& out) {
  const Target& target = out.target();
  const auto denied = [&](int threat, std::string name, std::string_view method, const std::string& path) {
    out.add({.name = std::move(name),
             .threat = threat,
             .expect = Expect::denied,
             .route = Route::required,
             .bytes = out.request(method, path, {})});
  };
  for (const std::string& query :
       {"?" + target.open_path, "?path=" + target.open_path, "?/.." + target.open_path, "?x=1&" + target.open_path,
        std::string("??"), "?%23" + target.open_path, "#" + target.open_path, std::string("#"),
        "?x#" + target.open_path, "%23" + target.open_path})
    denied(38, fmt::format("protected path with '{}'", query), "GET", target.required_path + query);
  for (const std::string& query : {"#" + target.required_path, std::string("#"), "?a#" + target.required_path})
    out.add({.name = fmt::format("public path with '{}'", query),
             .threat = 38,
             .expect = Expect::refused,
             .bytes = out.request("GET", target.open_path + query, {})});
  for (const std::string& query :
       {"?" + target.required_path, "?/../.." + target.required_path, std::string("?a=%0d%0aX-User-ID:%20spoofed"),
        std::string("?a=%00"), std::string("?")})
    out.add({.name = fmt::format("public path with '{}'", query),
             .threat = query.contains("%0d") ? 45 : 38,
             .bytes = out.request("GET", target.open_path + query, {})});
  for (const std::string_view query : {"?a=\x01"sv, "?a=\tb"sv, "?a=\x7f"sv, "?a=b c"sv})
    out.add({.name = fmt::format("public path with '{}'", query),
             .threat = 45,
             .expect = Expect::refused,
             .bytes = out.request("GET", fmt::format("{}{}", target.open_path, query), {})});
  for (const std::string_view inject : {"%0d%0aX-User-ID:%20spoofed", "%0aX-User-ID:%20spoofed", "%0d%0a%0d%0aGET%20/",
                                        "%E5%98%8A%E5%98%8DX-User-ID:%20spoofed"})
    out.add({.name = fmt::format("path with '{}'", inject),
             .threat = 45,
             .expect = Expect::disguise,
             .bytes = out.request("GET", fmt::format("{}/{}", target.open_path, inject), {})});
  out.add({.name = "cookie value with an encoded line end",
           .threat = 45,
           .bytes = out.get(Route::open, {"Cookie: a=%0d%0aX-User-ID:%20x"})});
  denied(37, "a path that nobody declared", "GET", "/gatehouse-attack/nothing-is-here");
  denied(37, "the root of all paths", "OPTIONS", "*");
  for (const std::string_view method : {"TRACE", "CONNECT", "TRACK", "get", "Get", "GETX/", "PRI"})
    denied(43, fmt::format("{} on the protected path", method), method, target.required_path);
  for (const std::string_view method : {"TRACE", "CONNECT"}) {
    out.add({.name = fmt::format("{} on the public path", method),
             .threat = 43,
             .expect = Expect::denied,
             .bytes = out.request(method, target.open_path, {})});
    out.add({.name = fmt::format("{} to another host", method),
             .threat = 43,
             .expect = Expect::denied,
             .bytes = out.request(method, "spoofed.test:443", {})});
  }
  for (const std::string_view method : {"HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "QUERY"}) {
    out.add({.name = fmt::format("{} on the protected path without a session", method),
             .threat = 43,
             .expect = Expect::denied,
             .route = Route::required,
             .bytes = out.request(method, target.required_path, {}),
             .is_head = method == "HEAD"});
  }
}

}  // namespace

void add_path_vectors(Vectors& out) {
  add_paths(out);
  add_queries(out);
}

}  // namespace gatehouse::attack
