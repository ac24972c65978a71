// The attack on a running gateway: learns what ordinary requests look like at the upstream, fires one vector after the
// other, each on a connection of its own, and asks the witness what came of it. Behind each vector an ordinary request
// on another connection shows that nothing was left behind for somebody else.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "attack/connection.hpp"
#include "attack/judge.hpp"
#include "attack/report.hpp"

namespace gatehouse::attack {

struct Plan {
  std::string url;  // where the connections go
  Dialer::Trust trust;
  std::string witness_url;  // empty: judged by the answers alone
  Target target;            // `host` empty: the URL's; `origin` empty: made of it
  bool sign_up = false;     // makes two accounts for the attack
  std::string auth_base_path = "/api/auth";
  int per_second = 100;
  std::chrono::seconds time_limit{600};
  std::string groups;                // their letters; empty: all
  std::vector<int> threats;          // their numbers; empty: all
  std::string only;                  // vectors whose name contains it
  int stop_after = 0;                // so many that got through; 0: never
  std::vector<std::string> secrets;  // further ones that must not be in the report, nor in any answer
  std::function<void(int done, int all)> progress;
};

class Runner {
 public:
  // Throws Unreachable.
  explicit Runner(Plan plan);

  bool is_loopback() const { return dialer_.is_loopback(); }

  // Throws Unreachable, with what keeps the attack from being made at all.
  Report run();

 private:
  struct Exchange {
    std::string bytes;
    bool ended = false;
  };

  // `patience` is for each step.
  Exchange exchange(const std::vector<std::string>& steps, std::size_t answers, bool incomplete, bool is_head,
                    std::chrono::seconds patience);
  Answer ask(const std::string& request, std::chrono::seconds patience);
  void sign_up(std::string& cookie);
  void learn();
  void learn(Route route, Caller caller);
  std::vector<Arrival> take_arrivals(const Answers& answers);
  Verdict fire(const Vector& vector, Outcome& outcome);
  Verdict try_out(const Vector& vector, Outcome& outcome);
  Verdict fire_or_tell(const Vector& vector, Outcome& outcome, bool is_last_try);
  std::optional<std::string> find_poison(const Vector& vector, std::vector<Arrival>& arrivals);
  void count(const Vector& vector, const Verdict& verdict, const Outcome& outcome);
  Failure describe(const Vector& vector, const Verdict& verdict, const Outcome& outcome) const;
  void judge_late_arrivals(const std::vector<Vector>& vectors);
  void keep_pace();
  std::string ordinary(Route route, Caller caller, const std::string& probe) const;

  Plan plan_;
  Target target_;
  Dialer dialer_;
  std::optional<Dialer> witness_dialer_;
  std::optional<Witness> witness_;
  std::unique_ptr<Connection> control_;
  bool is_gone_ = false;
  Baselines baselines_;
  Report report_;
  std::vector<std::string> secrets_;
  SteadyTime next_;
  SteadyTime end_;
};

}  // namespace gatehouse::attack
