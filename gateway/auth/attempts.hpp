// Attempts at secrets as one thread counts them: in Redis where there is one, so that all gateways share the counts,
// and always in this process, which decides where there is none or while it does not answer. For endpoints there is
// secret_attempt.hpp.
#pragma once
#include <string>
#include <string_view>

#include "auth/attempt_counts.hpp"
#include "auth/hidden_names.hpp"
#include "base/awaitable.hpp"
#include "base/ip_address.hpp"
#include "cache/cache.hpp"

namespace gatehouse::auth {

// Whom an attempt is about. An empty text is not counted.
struct AttemptSubject {
  std::string account;
  std::string network;  // of the client: an IPv4 address, or a /64
  bool lock_grows = true;
};

// The account as strangers name it: lower case is the only folding, since it is the one by which a row is found.
std::string account_of_email(std::string_view email);
// The account of who has shown already that it is theirs: by a session, or by the first factor.
std::string account_of_user(std::string_view user_id);
// The account as somebody to whom mails are sent, which has no part in the count of wrong passwords.
std::string account_of_mailbox(std::string_view email);
// The same of who is signed in and wants mails sent to their own address.
std::string account_of_own_mailbox(std::string_view user_id);
std::string network_of(const IpAddress& client);

// One that was let through, until the endpoint has answered.
struct Attempt {
  AttemptKeys keys;
  LadderRules rules;
  AttemptStart start;
  AttemptEnd end = AttemptEnd::wrong;
  std::string user_id = {};  // of the account, for the audit trail; empty: not known
};

// One for each thread, as the Cache that it uses.
class Attempts {
 public:
  struct Dependencies {
    const config::AbuseLadder& settings;
    AttemptCounts& counts;  // shared by all threads
    cache::Cache* cache;    // null where there is no Redis
    const Clock& clock;
    std::string_view secret;  // of the gateway; the same for all that share a Redis
  };
  explicit Attempts(const Dependencies& dependencies);

  AttemptKeys make_keys(const AttemptSubject& subject);

  Awaitable<AttemptStart> begin(AttemptKeys keys, LadderRules rules, bool challenged);
  // Of one that was let through, once. Never fails: what Redis does not learn is forgotten there in time.
  Awaitable<> end(AttemptKeys keys, LadderRules rules, AttemptEnd end);

  // For routes with `turnstile: on_risk`: by the counts of this process. `email` is that of who is signed in, or "".
  bool is_risky(const IpAddress& client, std::string_view email);

  const config::AbuseLadder& settings() const { return deps_.settings; }
  AttemptCounts& counts() { return deps_.counts; }

 private:
  Awaitable<std::vector<std::int64_t>> ask_store(const AttemptKeys& keys, std::vector<std::string> arguments);
  bool asks_store() const;
  AttemptKey make_key(std::string_view text);
  void note_failure(const char* what);

  const Dependencies deps_;
  HiddenNames names_;
  SteadyTime store_asked_from_{};  // later: the store is not asked, so that not every request waits for it
};

}  // namespace gatehouse::auth
