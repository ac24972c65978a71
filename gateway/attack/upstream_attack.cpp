#include "attack/upstream_attack.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "attack/answer.hpp"
#include "base/encoding.hpp"

namespace gatehouse::attack {

namespace {

constexpr std::chrono::seconds kPatience{15};

std::string change_case(std::string_view text, bool is_upper) {
  std::string out(text);
  for (char& c : out) {
    if (is_upper && c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    if (!is_upper && c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

}  // namespace

UpstreamAttack::UpstreamAttack(UpstreamPlan plan)
    : plan_(std::move(plan)), dialer_(Endpoint::parse(plan_.url), plan_.trust) {}

std::string UpstreamAttack::request(const std::vector<std::string>& lines, std::string_view query,
                                    std::string_view method) const {
  std::string out =
      fmt::format("{} {}{} HTTP/1.1\r\nHost: {}\r\n", method, plan_.path, query, dialer_.endpoint().authority());
  for (const auto& line : lines) out.append(line).append("\r\n");
  return out.append("Connection: close\r\n\r\n");
}

std::vector<UpstreamAttack::Attempt> UpstreamAttack::make_attempts() const {
  std::vector<Attempt> list;
  const std::vector<std::string> identity{"X-User-ID: spoofed",         "X-User-Email: spoofed@example.com",
                                          "X-User-Role: admin",         "X-Session-ID: spoofed",
                                          "X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1",
                                          "X-Request-ID: spoofed"};
  const auto add = [&](std::string name, std::vector<std::string> lines, std::string_view query = {},
                       std::string_view method = "GET") {
    lines.insert(lines.end(), identity.begin(), identity.end());
    list.push_back({std::move(name), request(lines, query, method)});
  };
  for (const std::string_view method : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
    add(fmt::format("no key, {}", method), {}, {}, method);
  list.push_back({"no key and no identity", request({})});
  for (const std::string_view value : {"",
                                       " ",
                                       "Bearer",
                                       "Bearer ",
                                       "Bearer  ",
                                       "Bearer null",
                                       "Bearer undefined",
                                       "Bearer true",
                                       "Bearer 0",
                                       "Bearer \"\"",
                                       "Bearer ''",
                                       "Bearer []",
                                       "Bearer {}",
                                       "Bearer *",
                                       "Bearer .",
                                       "Bearer %00",
                                       "Bearer spoofed",
                                       "Bearer spoofed, Bearer spoofed",
                                       "Basic Og==",
                                       "Basic c3Bvb2ZlZDpzcG9vZmVk",
                                       "Digest spoofed",
                                       "Token spoofed",
                                       "spoofed",
                                       "null"})
    add(fmt::format("Authorization '{}'", value), {fmt::format("Authorization: {}", value)});
  add("Authorization of 4 KB", {"Authorization: Bearer " + std::string(4096, 'a')});
  add("an assertion that nobody signed",
      {"X-Gatehouse-Assertion: "
       "eyJhbGciOiJub25lIiwidHlwIjoiZ2F0ZWhvdXNlLWFzc2VydGlvbitqd3QifQ.eyJzdWIiOiJzcG9vZmVkIn0."});
  for (const std::string_view field :
       {"X-Original-URL: /healthz", "X-Rewrite-URL: /healthz", "X-HTTP-Method-Override: OPTIONS",
        "User-Agent: kube-probe/1.30", "Host_: localhost", "X-Internal: true", "X-Forwarded-User: admin"})
    add(fmt::format("no key, {}", field), {std::string(field)});
  if (!plan_.key.empty()) {
    auto false_keys = make_false_keys();
    std::ranges::move(false_keys, std::back_inserter(list));
  }
  return list;
}

// What only resembles the key. No name tells any of it.
std::vector<UpstreamAttack::Attempt> UpstreamAttack::make_false_keys() const {
  std::vector<Attempt> list;
  const std::string& key = plan_.key;
  const std::string right = "Authorization: Bearer " + key;
  const auto add = [&](std::string_view name, const std::vector<std::string>& lines, std::string_view query = {}) {
    list.push_back({std::string(name), request(lines, query)});
  };
  const auto bearer = [&](std::string_view name, const std::string& value) {
    if (value != key) add(name, {"Authorization: Bearer " + value});
  };
  std::string altered = key;
  altered.back() = altered.back() == 'a' ? 'b' : 'a';
  bearer("the key in upper case", change_case(key, true));
  bearer("the key in lower case", change_case(key, false));
  bearer("the key without its last character", key.substr(0, key.size() - 1));
  bearer("the key without its first character", key.substr(1));
  bearer("the first half of the key", key.substr(0, key.size() / 2));
  bearer("the first character of the key", key.substr(0, 1));
  bearer("the key with another last character", altered);
  bearer("the key and one character more", key + "a");
  bearer("the key twice", key + key);
  bearer("the key twice, with a comma", key + ", " + key);
  bearer("the key backwards", std::string(key.rbegin(), key.rend()));
  bearer("the key in quotes", "\"" + key + "\"");
  bearer("the key in base64", base64_encode(key));
  bearer("the key and a wildcard", key.substr(0, 4) + "*");
  bearer("the key percent-encoded", fmt::format("%{:02X}{}", static_cast<unsigned char>(key[0]), key.substr(1)));
  add("the key without a scheme", {"Authorization: " + key});
  add("the key with another scheme", {"Authorization: Basic " + key});
  add("the key and the scheme in one word", {"Authorization: Bearer" + key});
  add("a wrong key, then the right one", {"Authorization: Bearer spoofed", right});
  add("the right key, then a wrong one", {right, "Authorization: Bearer spoofed"});
  add("the right key twice", {right, right});
  add("the key in X-API-Key", {"X-API-Key: " + key});
  add("the key in Proxy-Authorization", {"Proxy-Authorization: Bearer " + key});
  add("the key in X_Authorization", {"X_Authorization: Bearer " + key});
  add("the key in a cookie", {"Cookie: Authorization=Bearer " + key + "; key=" + key});
  const std::string encoded = encode_uri_component(key);
  for (const std::string_view name : {"key", "api_key", "access_token", "authorization", "Authorization", "token"})
    add(fmt::format("the key in the query as {}", name), {}, fmt::format("?{}={}", name, encoded));
  return list;
}

int UpstreamAttack::ask(const std::string& bytes) {
  Connection connection(dialer_);
  const SteadyTime deadline = std::chrono::steady_clock::now() + kPatience;
  connection.send(bytes, deadline);
  std::string received;
  while (connection.read(received, deadline) == Connection::Read::data) {
    const auto answers = parse_answers(received, bytes.starts_with("HEAD"));
    if (!answers.list.empty()) return answers.list.front().status;
  }
  const auto answers = parse_answers(received, true);
  return answers.list.empty() ? 0 : answers.list.front().status;
}

Report UpstreamAttack::run() {
  const SteadyTime start = std::chrono::steady_clock::now();
  Report report;
  report.target = plan_.url;
  report.has_witness = true;
  GroupCount& group = report.groups['K'];
  group.title = "the upstream's key";
  if (plan_.key.empty()) {
    report.notes.emplace_back("no key: what only resembles it was not tried (--key-file or --key-env)");
  } else {
    const int status = ask(request({"Authorization: Bearer " + plan_.key}));
    if (status == 0 || status == 401 || status == 403)
      throw Unreachable(fmt::format("{}{}: the right key is not taken (answer {})", plan_.url, plan_.path, status));
  }
  const auto attempts = make_attempts();
  SteadyTime next = start;
  for (const auto& attempt : attempts) {
    std::this_thread::sleep_until(next);
    next = std::max(next, std::chrono::steady_clock::now() - std::chrono::milliseconds(100)) +
           std::chrono::nanoseconds(1'000'000'000 / plan_.per_second);
    if (std::chrono::steady_clock::now() > start + plan_.time_limit)
      throw Unreachable(fmt::format("the time limit is over after {} of {} vectors", group.vectors, attempts.size()));
    const int status = ask(attempt.bytes);
    ++group.vectors;
    // 404 and 405 are told before a key is asked for, of a path or method that is not there.
    if (status == 0 || (status >= 400 && status <= 499)) {
      ++group.refused;
    } else {
      ++group.got_through;
      std::string sent = attempt.bytes;
      if (!plan_.key.empty() && attempt.name.contains("key")) {
        const auto line = sent.find("\r\n");
        sent = sent.substr(0, sent.find(' ')) + " " + plan_.path + sent.substr(line - 9, 9) +
               " (what resembles the key is not shown)";
      }
      report.failures.push_back({.name = "11 " + attempt.name,
                                 .threat = 11,
                                 .problem = fmt::format("answered {} instead of 401 or 403", status),
                                 .sent = show(sent, {plan_.key}),
                                 .answered = std::to_string(status)});
    }
    if (plan_.progress) plan_.progress(group.vectors, static_cast<int>(attempts.size()));
  }
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

}  // namespace gatehouse::attack
