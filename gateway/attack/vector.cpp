#include "attack/vector.hpp"

#include <fmt/format.h>

namespace gatehouse::attack {

const std::string& Target::path(Route route) const {
  switch (route) {
    case Route::required:
      return required_path;
    case Route::optional:
      return optional_path;
    case Route::open:
      break;
  }
  return open_path;
}

const std::string& Target::cookie(Caller caller) const {
  static const std::string kNone;
  switch (caller) {
    case Caller::ada:
      return ada_cookie;
    case Caller::bob:
      return bob_cookie;
    case Caller::nobody:
      break;
  }
  return kNone;
}

char group_of(int threat) {
  if (threat <= 15) return 'A';
  if (threat <= 31) return 'B';
  if (threat <= 45) return 'C';
  return threat <= 55 ? 'D' : 'F';
}

std::string_view title_of(char group) {
  switch (group) {
    case 'A':
      return "identity and internal headers";
    case 'B':
      return "framing";
    case 'C':
      return "path, target, host";
    case 'D':
      return "upgrades, HTTP/2";
    default:
      return "cookies";
  }
}

std::string make_probe(const Target& target, int number, char role) {
  return fmt::format("{}-{:04}{}", target.run, number, role);
}

void Vectors::add(Vector vector) {
  const auto is_missing = [&](Route route, Caller caller) {
    return target_.path(route).empty() || (caller != Caller::nobody && target_.cookie(caller).empty());
  };
  if (is_missing(vector.route, vector.caller)) return;
  for (const auto& before : vector.before) {
    if (is_missing(before.route, before.caller)) return;
  }
  vector.number = static_cast<int>(list_.size()) + 1;
  vector.name = fmt::format("{} {}", vector.threat, vector.name);
  list_.push_back(std::move(vector));
}

std::string Vectors::probe_line(char role) const {
  return "Probe: " + make_probe(target_, static_cast<int>(list_.size()) + 1, role);
}

std::string Vectors::host_line() const {
  return "Host: " + target_.host;
}

std::string Vectors::cookie_line(Caller caller) const {
  return "Cookie: " + target_.cookie(caller);
}

std::string Vectors::request(std::string_view method, std::string_view path, const std::vector<std::string>& lines,
                             std::string_view body, char role) const {
  std::string out = fmt::format("{} {} HTTP/1.1\r\n{}\r\n{}\r\n", method, path, host_line(), probe_line(role));
  for (const auto& line : lines) out.append(line).append("\r\n");
  return out.append("\r\n").append(body);
}

std::string Vectors::get(Route route, const std::vector<std::string>& lines) const {
  return request("GET", target_.path(route), lines);
}

std::string Vectors::post(Route route, std::vector<std::string> lines, std::string_view body) const {
  lines.push_back(fmt::format("Content-Length: {}", body.size()));
  return request("POST", target_.path(route), lines, body);
}

std::string Vectors::smuggled() const {
  return request("GET", target_.open_path, {"X-User-ID: spoofed-smuggled"}, {}, 's');
}

std::vector<Vector> make_vectors(const Target& target) {
  Vectors vectors(target);
  add_header_vectors(vectors);
  add_connection_vectors(vectors);
  add_head_vectors(vectors);
  add_framing_vectors(vectors);
  add_chunked_vectors(vectors);
  add_path_vectors(vectors);
  add_host_vectors(vectors);
  add_upgrade_vectors(vectors);
  add_cookie_vectors(vectors);
  return vectors.take();
}

}  // namespace gatehouse::attack
