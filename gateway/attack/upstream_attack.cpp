#include "attack/upstream_attack.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <thread>

#include "attack/answer.hpp"
#include "attack/vector.hpp"
#include "base/encoding.hpp"

namespace gatehouse::attack {

namespace {

constexpr std::chrono::seconds kPatience{15};
constexpr int kTries = 4;

// It could not answer, for a while.
bool is_overloaded(int status) {
  return status == 429 || (status >= 502 && status <= 504);
}

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
    list.push_back(
        {.name = "11 " + std::move(name), .bytes = request(lines, query, method), .is_head = method == "HEAD"});
  };
  for (const std::string_view method : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
    add(fmt::format("no key, {}", method), {}, {}, method);
  list.push_back({.name = "11 no key and no identity", .bytes = request({})});
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
  auto spoofed = make_spoofed();
  std::ranges::move(spoofed, std::back_inserter(list));
  return list;
}

// The vectors that do without a session, as they would come past the gateway. Where a message ends is no question of
// the key; and what a server says to OPTIONS it says to everybody.
std::vector<UpstreamAttack::Attempt> UpstreamAttack::make_spoofed() const {
  Target target;
  target.host = dialer_.endpoint().authority();
  target.tls = dialer_.endpoint().tls;
  target.origin = fmt::format("{}://{}", target.tls ? "https" : "http", target.host);
  target.required_path = target.open_path = plan_.path;
  target.run = "upstream";
  std::vector<Attempt> list;
  std::set<std::string> seen;  // what is sent, whoever it is
  for (auto& vector : make_vectors(target)) {
    const char group = group_of(vector.threat);
    if (group == 'B' || !vector.before.empty() || vector.bytes.starts_with("OPTIONS")) continue;
    std::string anonymous = vector.bytes;
    if (const auto at = anonymous.find(target.run + "-"); at != std::string::npos)
      anonymous.erase(at, make_probe(target, vector.number, 'v').size());
    if (!seen.insert(std::move(anonymous)).second) continue;
    list.push_back({.name = std::move(vector.name),
                    .bytes = std::move(vector.bytes),
                    .group = group,
                    .threat = vector.threat,
                    .is_head = vector.is_head,
                    .incomplete = vector.incomplete});
  }
  return list;
}

// What only resembles the key. No name tells any of it.
std::vector<UpstreamAttack::Attempt> UpstreamAttack::make_false_keys() const {
  std::vector<Attempt> list;
  const std::string& key = plan_.key;
  const std::string right = "Authorization: Bearer " + key;
  const auto add = [&](std::string_view name, const std::vector<std::string>& lines, std::string_view query = {}) {
    list.push_back({.name = fmt::format("11 {}", name),
                    .bytes = request(lines, query),
                    .holds_key = true,
                    .is_right = std::ranges::find(lines, right) != lines.end()});
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

SteadyTime UpstreamAttack::deadline() const {
  return std::min(end_, std::chrono::steady_clock::now() + kPatience);
}

UpstreamAttack::Answered UpstreamAttack::ask(const Attempt& attempt) const {
  Connection connection(dialer_);
  const SteadyTime deadline = this->deadline();
  connection.send(attempt.bytes, deadline);
  if (attempt.incomplete) connection.end_sending();
  std::string received;
  const auto status = [&](bool is_bodiless) {
    const auto answers = parse_answers(received, is_bodiless);
    return answers.list.empty() ? 0 : answers.list.front().status;
  };
  for (;;) {
    const auto read = connection.read(received, deadline);
    // What has ended is whole, whatever its head says.
    if (read != Connection::Read::data) return {status(true), read == Connection::Read::end};
    if (const int whole = status(attempt.is_head)) return {whole, false};
  }
}

int UpstreamAttack::ask_ordinary(const std::vector<std::string>& lines) const {
  return ask(Attempt{.name = {}, .bytes = request(lines)}).status;
}

// Who answers 404 to everybody has not refused anybody.
void UpstreamAttack::learn() {
  const auto tells = [](int status) { return status == 401 || status == 403; };
  if (plan_.key.empty()) {
    const int status = ask_ordinary({});
    if (status == 0) throw Unreachable(fmt::format("{}{}: gives no answer", plan_.url, plan_.path));
    if (tells(status) || (status >= 200 && status <= 399) || status == 500) return;
    throw Unreachable(
        fmt::format("{}{}: answers {} without a key, which does not tell whether it asks for one: give a "
                    "path that is served with --path, or the key",
                    plan_.url, plan_.path, status));
  }
  const int status = ask_ordinary({"Authorization: Bearer " + plan_.key});
  if (status == 0) throw Unreachable(fmt::format("{}{}: gives no answer to the right key", plan_.url, plan_.path));
  if (tells(status))
    throw Unreachable(fmt::format("{}{}: the right key is not taken (answer {})", plan_.url, plan_.path, status));
  if ((status >= 200 && status <= 399) || tells(ask_ordinary({}))) return;
  throw Unreachable(fmt::format("{}{}: answers {} to the right key: give a path that is served with --path", plan_.url,
                                plan_.path, status));
}

UpstreamAttack::Verdict UpstreamAttack::judge(const Attempt& attempt, const Answered& answered) const {
  const int status = answered.status;
  if (is_overloaded(status)) return Verdict::unclear;
  if (status == 0) {
    // A server may wait for more of what is no request. One that hangs has refused nothing.
    return answered.ended || ask_ordinary({}) != 0 ? Verdict::refused : Verdict::unclear;
  }
  // 404 and 405 are told before a key is asked for, of a path or method that is not there; and a path may be put in
  // order before that.
  const bool is_redirect = status >= 300 && status <= 399;
  if ((status >= 400 && status <= 499) || status == 501 || status == 505 || (is_redirect && attempt.group == 'C'))
    return Verdict::refused;
  return Verdict::got_through;
}

// An upstream that was there before and takes no connection any more has not held. What is not its fault is thrown.
UpstreamAttack::Verdict UpstreamAttack::fire_or_tell(const Attempt& attempt, Answered& answered, bool is_last_try) {
  answered = {};
  try {
    answered = ask(attempt);
    return judge(attempt, answered);
  } catch (const Unreachable&) {
    if (!is_last_try) return Verdict::unclear;
    is_gone_ = !takes_connections(dialer_);
    if (!is_gone_) throw;
    return Verdict::got_through;
  }
}

void UpstreamAttack::keep_pace() {
  std::this_thread::sleep_until(next_);
  next_ = std::max(next_, std::chrono::steady_clock::now() - std::chrono::milliseconds(100)) +
          std::chrono::nanoseconds(1'000'000'000 / plan_.per_second);
}

std::string UpstreamAttack::show_sent(const Attempt& attempt) const {
  if (!attempt.holds_key) return show(attempt.bytes, {plan_.key});
  return fmt::format("{} {} HTTP/1.1 (what resembles the key is not shown)",
                     attempt.bytes.substr(0, attempt.bytes.find(' ')), plan_.path);
}

// Whoever holds the key is let in by right, also by a server that reads one of two Authorization lines: told, no more.
void UpstreamAttack::count(const Attempt& attempt, const Answered& answered, Verdict verdict, Report& report) const {
  GroupCount& group = report.groups[attempt.group];
  group.title = attempt.group == 'K' ? "the upstream's key" : title_of(attempt.group);
  ++group.vectors;
  const auto describe = [&](std::string problem) {
    return Failure{.name = show(attempt.name, {plan_.key}, 120),
                   .threat = attempt.threat,
                   .problem = std::move(problem),
                   .sent = show_sent(attempt),
                   .answered = answered.status == 0 ? "nothing" : std::to_string(answered.status)};
  };
  switch (verdict) {
    case Verdict::refused:
      ++group.refused;
      break;
    case Verdict::got_through:
      if (attempt.is_right && !is_gone_) {
        ++group.forwarded;
        report.notes.push_back(
            fmt::format("{}: answered {}; better refuse a second Authorization", attempt.name, answered.status));
        break;
      }
      ++group.got_through;
      report.failures.push_back(describe(is_gone_ ? "the upstream takes no connection any more"
                                                  : fmt::format("answered {} instead of 401 or 403", answered.status)));
      break;
    case Verdict::unclear:
      ++group.unclear;
      report.unclear.push_back(describe(answered.status == 0 ? "no answer, also to an ordinary request"
                                                             : fmt::format("answered {}", answered.status)));
      break;
  }
}

UpstreamAttack::Verdict UpstreamAttack::try_out(const Attempt& attempt, Answered& answered) {
  for (int tries = 1;; ++tries) {
    if (tries > 1) next_ = std::min(end_, std::chrono::steady_clock::now() + std::chrono::seconds(tries));
    keep_pace();
    const Verdict verdict = fire_or_tell(attempt, answered, tries == kTries);
    if (std::chrono::steady_clock::now() >= end_) throw Unreachable("the time limit is over");
    if (verdict != Verdict::unclear || tries == kTries) return verdict;
  }
}

Report UpstreamAttack::run() {
  const SteadyTime start = next_ = std::chrono::steady_clock::now();
  end_ = start + plan_.time_limit;
  Report report;
  report.target = plan_.url;
  report.has_witness = true;
  if (plan_.key.empty())
    report.notes.emplace_back("no key: what only resembles it was not tried (--key-file or --key-env)");
  learn();
  const auto attempts = make_attempts();
  int done = 0;
  for (const auto& attempt : attempts) {
    try {
      Answered answered;
      const Verdict verdict = try_out(attempt, answered);
      count(attempt, answered, verdict, report);
    } catch (const Unreachable& error) {
      report.broken_off = fmt::format("{}, after {} of {} vectors", error.what(), done, attempts.size());
      break;
    }
    ++done;
    if (plan_.progress) plan_.progress(done, static_cast<int>(attempts.size()));
    if (is_gone_) {
      report.notes.push_back(fmt::format("ended after {} of {} vectors: the upstream is gone", done, attempts.size()));
      break;
    }
  }
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

}  // namespace gatehouse::attack
