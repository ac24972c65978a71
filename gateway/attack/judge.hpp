// The verdict on one vector: a pure function of what was sent, what came back and what reached the upstream. What is
// right is learned before the attack from ordinary requests (Baselines), and never from the gateway's own code: the
// list of reserved names here is written down again from the documentation.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "attack/answer.hpp"
#include "attack/vector.hpp"
#include "attack/witness.hpp"

namespace gatehouse::attack {

// What arrives of an ordinary request of that caller for that route.
using Baselines = std::map<std::pair<Route, Caller>, Arrival>;

struct Outcome {
  Answers answers;
  bool ended = false;  // the gateway ended the connection by itself
  std::vector<Arrival> arrivals;
  bool has_witness = false;  // arrivals are all that reached the upstream, not only what answers tell
};

struct Verdict {
  enum class Kind {
    refused,      // held: nothing arrived
    forwarded,    // held: what arrived is in order
    got_through,  // the boundary does not hold
    unclear,      // the gateway could not answer (429, 503, 504): to be tried again
  };
  Kind kind = Kind::refused;
  std::string problem = {};  // got_through, unclear: one sentence
};

Verdict judge(const Vector& vector, const Outcome& outcome, const Baselines& baselines, const Target& target);

// What is wrong with a request that arrived as that of this caller on this route; absent: nothing. `is_upgrade`: a
// handshake for a websocket may have been passed on.
std::optional<std::string> find_fault(const Arrival& arrival, const Arrival& baseline, const Target& target,
                                      bool is_upgrade);

// Lower case, every run of characters other than letters and digits a hyphen, none at the ends.
std::string fold(std::string_view name);
bool is_reserved(std::string_view folded);

}  // namespace gatehouse::attack
