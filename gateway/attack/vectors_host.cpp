// Threats 39, 40, 44: targets with a host, and Host fields that are no name of the gateway.
#include <fmt/format.h>

#include "attack/vector.hpp"

namespace gatehouse::attack {

namespace {

using namespace std::string_view_literals;

// A request with these lines in the place of the Host field.
std::string with_hosts(const Vectors& out, std::string_view target, const std::vector<std::string>& hosts,
                       const std::vector<std::string>& lines = {}) {
  std::string bytes = fmt::format("GET {} HTTP/1.1\r\n", target);
  for (const auto& host : hosts) bytes.append(host).append("\r\n");
  bytes.append(out.probe_line('v')).append("\r\n");
  for (const auto& line : lines) bytes.append(line).append("\r\n");
  return bytes.append("\r\n");
}

}  // namespace

void add_host_vectors(Vectors& out) {
  const Target& target = out.target();
  const std::string& host = target.host;
  const std::string name = host.substr(0, host.starts_with('[') ? host.find(']') + 1 : host.find(':'));
  const std::string scheme = target.tls ? "https" : "http";

  // 40
  for (const std::string_view wrong : {""sv,
                                       "spoofed.test"sv,
                                       "spoofed.test:443"sv,
                                       "SPOOFED.TEST"sv,
                                       "{}@spoofed.test"sv,
                                       "spoofed.test@{}"sv,
                                       "spoofed@{}"sv,
                                       "{}/"sv,
                                       "{}/x"sv,
                                       "{}?"sv,
                                       "{}#"sv,
                                       "{} spoofed.test"sv,
                                       "{},spoofed.test"sv,
                                       "{}, {}"sv,
                                       "{}:"sv,
                                       "{}:x"sv,
                                       "{}:99999"sv,
                                       "{}:-1"sv,
                                       "{}:80:80"sv,
                                       "{}.spoofed.test"sv,
                                       "spoofed.{}"sv,
                                       "spoofed-{}"sv,
                                       "{}\\"sv,
                                       "{}%00"sv,
                                       "%6c{}"sv,
                                       "[{}]"sv,
                                       "[::1"sv,
                                       "::1"sv,
                                       "[::ffff:10.0.0.1]"sv,
                                       "{}.."sv,
                                       ".{}"sv,
                                       "0"sv,
                                       "2130706433"sv,
                                       "0x7f.1"sv,
                                       "\"{}\""sv,
                                       "{}\x01"sv,
                                       "{}\xc3\xa9"sv,
                                       "*"sv,
                                       "localhost.spoofed.test"sv,
                                       "169.254.169.254"sv,
                                       "unix:/spoofed"sv}) {
    std::string value(wrong);
    for (auto at = value.find("{}"); at != std::string::npos; at = value.find("{}", at + name.size()))
      value.replace(at, 2, name);
    // A port that is left empty is in order (RFC 3986 section 3.2.3); it may be served.
    const Expect expect = wrong == "{}:" ? Expect::clean : Expect::denied;
    out.add({.name = fmt::format("Host '{}'", wrong),
             .threat = 40,
             .expect = expect,
             .bytes = with_hosts(out, target.open_path, {"Host: " + value})});
  }
  const std::string good = "Host: " + host;
  const std::vector<std::pair<std::string, std::vector<std::string>>> lists{
      {"no Host", {}},
      {"Host twice, the second another", {good, "Host: spoofed.test"}},
      {"Host twice, the first another", {"Host: spoofed.test", good}},
      {"Host twice, the same", {good, good}},
      {"Host twice, in other cases", {good, "HOST: spoofed.test"}},
      {"Host and an empty one", {good, "Host:"}},
      {"Host folded", {"Host:\r\n " + host}},
      {"X-Host alone", {"X-Host: " + host}},
      {"Host_ alone", {"Host_: " + host}}};
  for (const auto& [title, hosts] : lists)
    out.add({.name = title, .threat = 40, .expect = Expect::denied, .bytes = with_hosts(out, target.open_path, hosts)});
  for (const std::string_view same : {"upper case", "trailing dot"}) {
    std::string value = host;
    if (same == "trailing dot") {
      if (host.starts_with('[')) continue;
      value = name + "." + host.substr(name.size());
    } else {
      for (char& c : value) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    }
    out.add({.name = fmt::format("Host in {}", same),
             .threat = 40,
             .bytes = with_hosts(out, target.open_path, {"Host: " + value})});
    out.add({.name = fmt::format("Host in {}, protected", same),
             .threat = 40,
             .expect = Expect::denied,
             .route = Route::required,
             .bytes = with_hosts(out, target.required_path, {"Host: " + value})});
  }
  for (const std::string_view field :
       {"X-Forwarded-Host", "X-Forwarded-Server", "X-Host", "Forwarded", "X-Original-Host", "X_Forwarded_Host"}) {
    out.add({.name = fmt::format("{} names another host", field),
             .threat = 44,
             .bytes = out.get(Route::open,
                              {fmt::format("{}: {}spoofed.test", field, field == "Forwarded" ? "host=" : "")})});
    out.add({.name = fmt::format("{} names ours, Host another", field),
             .threat = 44,
             .expect = Expect::denied,
             .bytes = with_hosts(out, target.open_path, {"Host: spoofed.test", fmt::format("{}: {}", field, host)})});
  }

  // 39
  const auto absolute = [&](std::string title, const std::string& whole, Expect expect, const std::string& host_line) {
    out.add({.name = std::move(title), .threat = 39, .expect = expect, .bytes = with_hosts(out, whole, {host_line})});
  };
  const std::string url = scheme + "://" + host;
  absolute("absolute, the same host", url + target.open_path, Expect::clean, good);
  absolute("absolute, Host another", url + target.open_path, Expect::clean, "Host: spoofed.test");
  absolute("absolute, the other scheme", std::string(target.tls ? "http" : "https") + "://" + host + target.open_path,
           Expect::clean, good);
  absolute("absolute, another host", scheme + "://spoofed.test" + target.open_path, Expect::denied, good);
  absolute("absolute, userinfo", scheme + "://spoofed@" + host + target.open_path, Expect::denied, good);
  absolute("absolute, our name as userinfo", scheme + "://" + name + "@spoofed.test" + target.open_path, Expect::denied,
           good);
  absolute("absolute, userinfo with password", scheme + "://a:b@" + host + target.open_path, Expect::denied, good);
  absolute("absolute, no host", scheme + "://" + target.open_path, Expect::denied, good);
  absolute("absolute, backslashes", scheme + ":\\\\" + host + target.open_path, Expect::denied, good);
  absolute("absolute, one slash", scheme + ":/" + host + target.open_path, Expect::denied, good);
  absolute("absolute, no path", url, Expect::denied, good);
  absolute("absolute, a fragment in the host", scheme + "://spoofed.test#" + host + target.open_path, Expect::denied,
           good);
  absolute("absolute, a query in the host", scheme + "://spoofed.test?" + host + target.open_path, Expect::denied,
           good);
  absolute("host without a scheme", host + target.open_path, Expect::denied, good);
  absolute("path without a slash", target.open_path.substr(1), Expect::denied, good);
  for (const std::string_view other : {"ftp", "file", "gopher", "ws", "javascript", "unix", "httpx", ""})
    absolute(fmt::format("absolute, scheme '{}'", other), fmt::format("{}://{}{}", other, host, target.open_path),
             Expect::denied, good);
  out.add({.name = "absolute, protected",
           .threat = 39,
           .expect = Expect::denied,
           .route = Route::required,
           .bytes = with_hosts(out, url + target.required_path, {good})});
  out.add({.name = "absolute, protected behind the public path",
           .threat = 39,
           .expect = Expect::denied,
           .route = Route::required,
           .bytes = with_hosts(out, url + target.open_path + "/../../../../.." + target.required_path, {good})});
  out.add(
      {.name = "absolute, protected, Host another, signed in",
       .threat = 39,
       .route = Route::required,
       .caller = Caller::ada,
       .bytes = with_hosts(out, url + target.required_path, {"Host: spoofed.test"}, {out.cookie_line(Caller::ada)})});
}

}  // namespace gatehouse::attack
