// The attack on an upstream itself, past the gateway: it must refuse whatever does not carry its key, for where it can
// be reached (a port that is published by mistake, a neighbour in the network), its trust in headers is everybody's.
// Fired are false keys, and those vectors of the attack on a gateway that a single request without a session can make.
// Threat 11; docs/deployment.md says what an upstream has to check.
#pragma once
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "attack/connection.hpp"
#include "attack/report.hpp"

namespace gatehouse::attack {

struct UpstreamPlan {
  std::string url;
  Dialer::Trust trust;
  std::string path = "/";
  std::string key;  // empty: nothing that only resembles it can be tried
  int per_second = 100;
  std::chrono::seconds time_limit{600};
  std::function<void(int done, int all)> progress;
};

class UpstreamAttack {
 public:
  // Throws Unreachable.
  explicit UpstreamAttack(UpstreamPlan plan);

  bool is_loopback() const { return dialer_.is_loopback(); }
  // Throws Unreachable where nothing can be tried, also as the key that was given is not taken.
  Report run();

 private:
  struct Attempt {
    std::string name;
    std::string bytes;
    char group = 'K';
    int threat = 11;
    bool is_head = false;     // the answer has no body
    bool holds_key = false;   // or what resembles it: not shown
    bool is_right = false;    // the key itself, where it belongs, and something beside it
    bool incomplete = false;  // nothing follows: the sending side is closed
  };
  struct Answered {
    int status = 0;      // 0: no answer
    bool ended = false;  // without one the connection was ended
  };
  enum class Verdict { refused, got_through, unclear };

  std::string request(const std::vector<std::string>& lines, std::string_view query = {},
                      std::string_view method = "GET") const;
  std::vector<Attempt> make_attempts() const;
  std::vector<Attempt> make_false_keys() const;
  std::vector<Attempt> make_spoofed() const;
  Answered ask(const Attempt& attempt) const;
  SteadyTime deadline() const;
  int ask_ordinary(const std::vector<std::string>& lines) const;
  // Throws Unreachable where its answers would not tell whether a key was asked for.
  void learn();
  Verdict judge(const Attempt& attempt, const Answered& answered) const;
  void keep_pace();
  Verdict fire_or_tell(const Attempt& attempt, Answered& answered, bool is_last_try);
  // Throws Unreachable where nothing can be sent to who is there, or there is no time.
  Verdict try_out(const Attempt& attempt, Answered& answered);
  void count(const Attempt& attempt, const Answered& answered, Verdict verdict, Report& report) const;
  std::string show_sent(const Attempt& attempt) const;

  UpstreamPlan plan_;
  Dialer dialer_;
  SteadyTime next_;
  SteadyTime end_;
  bool is_gone_ = false;
};

}  // namespace gatehouse::attack
