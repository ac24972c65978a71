#include "attack/runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "base/json_text.hpp"
#include "base/random.hpp"

namespace gatehouse::attack {

namespace {

// How long the gateway may take with one answer before the attacker ends its side of the connection.
constexpr std::chrono::seconds kPatience{15};
constexpr std::chrono::seconds kPatienceForEnd{15};
// A password is hashed at idle priority: on a busy machine that has to wait for everybody.
constexpr std::chrono::seconds kPatienceForSignUp{60};
constexpr int kTries = 4;

SteadyTime now() {
  return std::chrono::steady_clock::now();
}

std::string_view value_of(std::string_view cookie) {
  return cookie.substr(std::min(cookie.size(), cookie.find('=') + 1));
}

std::string make_run_name() {
  SystemRandom random;
  return random.text(6, "abcdefghijkmnpqrstuvwxyz23456789");
}

std::string origin_of(const Endpoint& endpoint) {
  return fmt::format("{}://{}", endpoint.tls ? "https" : "http", endpoint.authority());
}

}  // namespace

Runner::Runner(Plan plan)
    : plan_(std::move(plan)), target_(plan_.target), dialer_(Endpoint::parse(plan_.url), plan_.trust) {
  const Endpoint& endpoint = dialer_.endpoint();
  target_.tls = endpoint.tls;
  if (target_.host.empty()) target_.host = endpoint.authority();
  if (target_.origin.empty()) target_.origin = origin_of(endpoint);
  target_.run = make_run_name();
  if (!plan_.witness_url.empty()) {
    witness_dialer_.emplace(Endpoint::parse(plan_.witness_url), Dialer::Trust{});
    witness_.emplace(*witness_dialer_);
  }
  secrets_ = plan_.secrets;
}

// Sends the steps, each when the answers to those before it have come, and reads until the gateway ends the connection
// or has given as many answers as can be expected.
Runner::Exchange Runner::exchange(const std::vector<std::string>& steps, std::size_t answers, bool incomplete,
                                  bool is_head, std::chrono::seconds patience) {
  Connection connection(dialer_);
  Exchange result;
  bool open = true;
  for (std::size_t i = 0; i < steps.size() && open; ++i) {
    const SteadyTime deadline = std::min(end_, now() + patience);
    // What is refused early may not be taken to its end; the answer tells.
    connection.send(steps[i], deadline);
    const bool last = i + 1 == steps.size();
    if (last && incomplete) connection.end_sending();
    while (open && (last || parse_answers(result.bytes).list.size() <= i)) {
      const auto read = connection.read(result.bytes, deadline);
      if (read == Connection::Read::end) {
        result.ended = true;
        open = false;
      } else if (read == Connection::Read::late ||
                 (last && parse_answers(result.bytes, is_head).list.size() >= answers)) {
        break;
      }
    }
  }
  if (!open) return result;
  connection.end_sending();
  const SteadyTime deadline = std::min(end_, now() + kPatienceForEnd);
  while (connection.read(result.bytes, deadline) == Connection::Read::data) {
  }
  return result;
}

std::string Runner::ordinary(Route route, Caller caller, const std::string& probe) const {
  std::string out =
      fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nProbe: {}\r\n", target_.path(route), target_.host, probe);
  if (caller != Caller::nobody) out.append("Cookie: ").append(target_.cookie(caller)).append("\r\n");
  return out.append("Connection: close\r\n\r\n");
}

Answer Runner::ask(const std::string& request, std::chrono::seconds patience) {
  const auto result = exchange({request}, 1, false, false, patience);
  const auto answers = parse_answers(result.bytes);
  if (answers.list.empty()) throw Unreachable(fmt::format("{}: no answer to an ordinary request", plan_.url));
  return answers.list.front();
}

void Runner::sign_up(std::string& cookie) {
  SystemRandom random;
  const std::string mail = fmt::format("attack-{}@example.com", random.text(16, "abcdefghijklmnopqrstuvwxyz"));
  const std::string body = fmt::format(R"({{"name":"Gatehouse Attack","email":{},"password":{}}})", json_quoted(mail),
                                       json_quoted(random.text(24)));
  const Answer answer =
      ask(fmt::format("POST {}/sign-up/email HTTP/1.1\r\nHost: {}\r\nOrigin: {}\r\nContent-Type: application/json\r\n"
                      "Content-Length: {}\r\nConnection: close\r\n\r\n{}",
                      plan_.auth_base_path, target_.host, target_.origin, body.size(), body),
          kPatienceForSignUp);
  for (const auto& [name, value] : answer.fields) {
    if (name == "set-cookie" && value.contains("session_token=")) cookie = value.substr(0, value.find(';'));
  }
  if (answer.status != 200 || cookie.empty())
    throw Unreachable(fmt::format("no account could be made (answer {}): give sessions with --cookie", answer.status));
  report_.notes.push_back(fmt::format("the account {} was made for the attack", mail));
}

std::vector<Arrival> Runner::take_arrivals(const Answers& answers) {
  if (witness_) return witness_->take_new();
  std::vector<Arrival> arrivals;
  for (const auto& answer : answers.list) {
    if (auto arrival = parse_arrival(answer.body)) arrivals.push_back(*std::move(arrival));
  }
  return arrivals;
}

void Runner::learn(Route route, Caller caller) {
  if (target_.path(route).empty() || (caller != Caller::nobody && target_.cookie(caller).empty())) return;
  const std::string probe = make_probe(target_, 0, 'v');
  const auto result = exchange({ordinary(route, caller, probe)}, 1, false, false, kPatience);
  const auto answers = parse_answers(result.bytes);
  const auto arrivals = take_arrivals(answers);
  const auto own = std::ranges::find(arrivals, probe, &Arrival::probe);
  const int status = answers.list.empty() ? 0 : answers.list.front().status;
  if (status == 200 && own != arrivals.end()) {
    baselines_[{route, caller}] = *own;
    return;
  }
  if (status == 200)
    throw Unreachable(fmt::format("{}: the upstream behind it does not answer as `gatehouse echo`{}",
                                  target_.path(route), witness_ ? ", or the witness is another one" : ""));
  throw Unreachable(fmt::format("{}: {} to an ordinary request{}", target_.path(route),
                                status == 0 ? "no answer" : fmt::format("answered {}", status),
                                caller == Caller::nobody ? "" : " of a signed-in user"));
}

// An ordinary request of each caller on each route; the protected one must take none without a session.
void Runner::learn() {
  if (witness_) witness_->take_new();
  for (const Route route : {Route::open, Route::optional}) {
    for (const Caller caller : {Caller::nobody, Caller::ada, Caller::bob}) learn(route, caller);
  }
  for (const Caller caller : {Caller::ada, Caller::bob}) learn(Route::required, caller);
  const Answer denied = ask(ordinary(Route::required, Caller::nobody, make_probe(target_, 0, 'c')), kPatience);
  if (denied.status == 200)
    throw Unreachable(
        fmt::format("{} is served without a session: give a protected path with --route", target_.required_path));
  if (target_.ada_cookie.empty()) {
    report_.notes.emplace_back("no session: identity was not tried (--sign-up or --cookie)");
  } else if (baselines_[{Route::required, Caller::ada}].find_all("x-user-id").empty()) {
    throw Unreachable("a signed-in request reaches the upstream without X-User-ID");
  }
  if (target_.optional_path.empty()) report_.notes.emplace_back("no route with optional sign-in was given");
  if (!witness_) report_.notes.emplace_back("no witness: that nothing was forwarded is judged by the answers");
}

void Runner::keep_pace() {
  std::this_thread::sleep_until(next_);
  next_ = std::max(next_, now() - std::chrono::milliseconds(100)) +
          std::chrono::nanoseconds(1'000'000'000 / plan_.per_second);
}

// An ordinary request on a connection that goes on from vector to vector must get its own answer.
std::optional<std::string> Runner::find_poison(const Vector& vector, std::vector<Arrival>& arrivals) {
  const std::string probe = make_probe(target_, vector.number, 'c');
  std::string request = ordinary(Route::open, Caller::nobody, probe);
  request.replace(request.find("Connection: close\r\n"), 19, "");
  for (bool again = false;; again = true) {
    const bool is_new = !control_;
    if (is_new) control_ = std::make_unique<Connection>(dialer_);
    const SteadyTime deadline = std::min(end_, now() + kPatience);
    control_->send(request, deadline);
    std::string bytes;
    Answers answers;
    auto read = Connection::Read::data;
    while (answers.list.empty() && read == Connection::Read::data) {
      read = control_->read(bytes, deadline);
      answers = parse_answers(bytes);
    }
    if (answers.list.empty()) {
      control_ = nullptr;
      if (is_new || again) return "an ordinary request behind it got no answer";
      continue;  // the gateway has ended an old connection
    }
    const Answer& answer = answers.list.front();
    if (answer.find("connection") == "close" || answers.list.size() > 1) control_ = nullptr;
    const auto arrival = parse_arrival(answer.body);
    for (auto& one : take_arrivals({})) {
      if (one.probe != probe) arrivals.push_back(std::move(one));
    }
    if (answer.status == 429 || answer.status == 503) return std::nullopt;
    if (answers.list.size() > 1 || !arrival || arrival->probe != probe)
      return fmt::format("an ordinary request behind it did not get its own answer (status {})", answer.status);
    if (auto fault = find_fault(*arrival, baselines_[{Route::open, Caller::nobody}], target_, false))
      return "in an ordinary request behind it: " + *fault;
    return std::nullopt;
  }
}

Verdict Runner::fire(const Vector& vector, Outcome& outcome) {
  std::vector<std::string> steps;
  for (const auto& before : vector.before) steps.push_back(before.bytes);
  std::string bytes = vector.bytes;
  if (vector.tail) bytes.append(ordinary(Route::open, Caller::nobody, make_probe(target_, vector.number, 't')));
  steps.push_back(std::move(bytes));
  const auto result =
      exchange(steps, vector.before.size() + (vector.tail ? 2 : 1), vector.incomplete, vector.is_head, kPatience);
  outcome = {};
  outcome.answers = parse_answers(result.bytes, vector.is_head && vector.before.empty());
  outcome.ended = result.ended;
  outcome.has_witness = witness_.has_value();
  outcome.arrivals = take_arrivals(outcome.answers);
  auto poison = find_poison(vector, outcome.arrivals);
  Verdict verdict = judge(vector, outcome, baselines_, target_);
  for (const auto& secret : secrets_) {
    if (secret.size() >= 16 && result.bytes.contains(secret) && !vector.bytes.contains(secret))
      verdict = {Verdict::Kind::got_through, "a secret came back"};
  }
  if (poison && verdict.kind != Verdict::Kind::got_through) verdict = {Verdict::Kind::got_through, *std::move(poison)};
  return verdict;
}

// A gateway that was there before and takes no connection any more has not held. What is not its fault is thrown.
Verdict Runner::fire_or_tell(const Vector& vector, Outcome& outcome, bool is_last_try) {
  try {
    return fire(vector, outcome);
  } catch (const Unreachable& error) {
    if (!is_last_try) return {Verdict::Kind::unclear, error.what()};
    is_gone_ = !takes_connections(dialer_);
    if (!is_gone_) throw;
    return {Verdict::Kind::got_through, fmt::format("the gateway takes no connection any more: {}", error.what())};
  }
}

Failure Runner::describe(const Vector& vector, const Verdict& verdict, const Outcome& outcome) const {
  Failure failure{
      .name = show(vector.name, secrets_, 120), .threat = vector.threat, .problem = show(verdict.problem, secrets_)};
  for (const auto& before : vector.before) failure.sent += show(before.bytes, secrets_, 160) + " … ";
  failure.sent += show(vector.bytes, secrets_);
  for (const auto& answer : outcome.answers.list) failure.answered += fmt::format("{} ", answer.status);
  if (outcome.answers.list.empty()) failure.answered = "nothing ";
  failure.answered += outcome.ended ? "and the end of the connection" : "";
  for (const auto& arrival : outcome.arrivals) {
    std::string line = fmt::format("{} {}", arrival.method, arrival.path);
    for (const auto& [name, value] : arrival.fields)
      line += fmt::format(" | {}: {}", name, fold(name) == "x-gatehouse-assertion" ? "(an assertion)" : value);
    failure.arrived.push_back(show(std::move(line), secrets_, 640));
  }
  return failure;
}

void Runner::count(const Vector& vector, const Verdict& verdict, const Outcome& outcome) {
  const char letter = group_of(vector.threat);
  GroupCount& group = report_.groups[letter];
  group.title = title_of(letter);
  ++group.vectors;
  switch (verdict.kind) {
    case Verdict::Kind::refused:
      ++group.refused;
      break;
    case Verdict::Kind::forwarded:
      ++group.forwarded;
      break;
    case Verdict::Kind::got_through:
      ++group.got_through;
      report_.failures.push_back(describe(vector, verdict, outcome));
      break;
    case Verdict::Kind::unclear:
      ++group.unclear;
      report_.unclear.push_back(describe(vector, verdict, outcome));
      break;
  }
}

// What was hidden inside may be read as a request long after its answer was given.
void Runner::judge_late_arrivals(const std::vector<Vector>& vectors) {
  if (!witness_) return;
  Outcome outcome;
  outcome.arrivals = witness_->take_new();
  for (const auto& arrival : outcome.arrivals) {
    for (const auto& vector : vectors) {
      if (arrival.probe != make_probe(target_, vector.number, 's')) continue;
      const Verdict verdict{Verdict::Kind::got_through, "a request that was hidden inside arrived later"};
      ++report_.groups[group_of(vector.threat)].got_through;
      report_.failures.push_back(describe(vector, verdict, outcome));
    }
  }
}

// What is cut short by the time limit shows nothing.
Verdict Runner::try_out(const Vector& vector, Outcome& outcome) {
  for (int tries = 1;; ++tries) {
    keep_pace();
    const Verdict verdict = fire_or_tell(vector, outcome, tries == kTries);
    if (now() >= end_) throw Unreachable("the time limit is over");
    if (verdict.kind != Verdict::Kind::unclear || tries == kTries) return verdict;
    // A limit of the installation: it gets its time.
    next_ = std::min(end_, now() + std::chrono::seconds(5 * tries));
  }
}

Report Runner::run() {
  const SteadyTime start = next_ = now();
  end_ = start + plan_.time_limit;
  report_ = {};
  report_.target = plan_.url;
  report_.has_witness = witness_.has_value();
  if (plan_.sign_up) {
    sign_up(target_.ada_cookie);
    sign_up(target_.bob_cookie);
  }
  for (const auto& cookie : {target_.ada_cookie, target_.bob_cookie}) secrets_.emplace_back(value_of(cookie));
  learn();
  auto vectors = make_vectors(target_);
  std::erase_if(vectors, [&](const Vector& vector) {
    const bool in_groups = plan_.groups.empty() || plan_.groups.contains(group_of(vector.threat));
    const bool in_threats =
        plan_.threats.empty() || std::ranges::find(plan_.threats, vector.threat) != plan_.threats.end();
    return !in_groups || !in_threats || !vector.name.contains(plan_.only);
  });
  // Nothing that got through of nothing would look as if the boundary had held.
  if (vectors.empty()) throw Unreachable("no vector is left of those that were asked for");
  int done = 0;
  for (const auto& vector : vectors) {
    Outcome outcome;
    try {
      const Verdict verdict = try_out(vector, outcome);
      count(vector, verdict, outcome);
    } catch (const Unreachable& error) {
      report_.broken_off = fmt::format("{}, after {} of {} vectors", error.what(), done, vectors.size());
      break;
    }
    ++done;
    if (plan_.progress) plan_.progress(done, static_cast<int>(vectors.size()));
    if (is_gone_) {
      report_.notes.push_back(fmt::format("ended after {} of {} vectors: the gateway is gone", done, vectors.size()));
      break;
    }
    if (plan_.stop_after > 0 && std::ssize(report_.failures) >= plan_.stop_after) {
      report_.notes.push_back(fmt::format("ended early, after {} of {} vectors", done, vectors.size()));
      break;
    }
  }
  if (!is_gone_ && report_.broken_off.empty()) judge_late_arrivals(vectors);
  report_.seconds = std::chrono::duration<double>(now() - start).count();
  return std::move(report_);
}

}  // namespace gatehouse::attack
