// The attack on an upstream itself, past the gateway: it must refuse whatever does not carry its key, for where it can
// be reached (a port that is published by mistake, a neighbour in the network), its trust in headers is everybody's.
// Threat 11; docs/deployment.md says what an upstream has to check.
#pragma once
#include <chrono>
#include <functional>
#include <string>

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
  // Throws Unreachable, also where the key that was given is not taken.
  Report run();

 private:
  struct Attempt {
    std::string name;
    std::string bytes;
  };

  std::string request(const std::vector<std::string>& lines, std::string_view query = {},
                      std::string_view method = "GET") const;
  std::vector<Attempt> make_attempts() const;
  std::vector<Attempt> make_false_keys() const;
  // Absent: the connection ended without an answer.
  int ask(const std::string& bytes);

  UpstreamPlan plan_;
  Dialer dialer_;
};

}  // namespace gatehouse::attack
