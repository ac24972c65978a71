// The keys below `gateway.auth` that are no options of Better Auth's: what keeps guessers and floods away.
#include "config/keys.hpp"

namespace gatehouse::config {

namespace {

constexpr std::int64_t kDay = 86'400;

}  // namespace

const Table& abuse_ladder_keys() {
  using S = AbuseLadder;
  static const Table table{{
      key("enabled", &S::enabled, "Wrong attempts at a secret make the next ones wait, and lock in the end"),
      key("free_attempts", &S::free_attempts, "Wrong attempts on one account that change nothing",
          {.minimum = 1, .maximum = 1000}),
      key("challenge_after", &S::challenge_after,
          "Wrong attempts on one account, or of one network, after which `turnstile: on_risk` asks for a token, "
          "whether "
          "or not this ladder is enabled",
          {.minimum = 1, .maximum = 1000}),
      key("lock_after", &S::lock_after,
          "Wrong attempts on one account after which nothing is tried until `lock` is over",
          {.minimum = 2, .maximum = 10'000}),
      key("wait", &S::wait, "The first wait; each further wrong attempt doubles it", {.minimum = 1, .maximum = 3600}),
      key("lock", &S::lock, "The first lock; each further wrong attempt doubles it", {.minimum = 1, .maximum = kDay}),
      key("lock_max", &S::lock_max, "The longest lock", {.minimum = 1, .maximum = 30 * kDay}),
      key("forgive_every", &S::forgive_every, "The time in which one wrong attempt is forgotten",
          {.minimum = 10, .maximum = kDay}),
      key("network_factor", &S::network_factor,
          "How many times the attempts of one account the network of the client (an IPv4 address, or a /64) has, "
          "whatever the accounts",
          {.minimum = 1, .maximum = 1000}),
  }};
  return table;
}

const Table& breached_password_keys() {
  using S = BreachedPasswordSettings;
  static const Table table{{
      key("enabled", &S::enabled, "Passwords that are known from a breach cannot be set"),
      key<PathOrUrlValue>("url", &S::url,
                          "Who is asked: an https URL to which the first five digits of the password's SHA-1 are added "
                          "(the range API of Have I Been Pwned). Who does not answer within a second stops nobody"),
      key<PathOrUrlValue>("insecure_url", &S::insecure_url,
                          "A URL that is asked in its place, without TLS if it says http. For tests"),
  }};
  return table;
}

const Table& password_hashing_keys() {
  using S = PasswordHashing;
  static const Table table{{
      key("threads", &S::threads,
          "Passwords that are hashed at the same time, each with 32 MiB; 0 is one less than there are cores, and at "
          "least 1",
          {.maximum = 256}),
      key("queue", &S::queue, "Passwords that may wait for it; whoever comes then gets 503",
          {.minimum = 1, .maximum = 100'000}),
      key("queue_time", &S::queue_time, "Whoever has waited so long gets 503", {.minimum = 50, .maximum = 600'000}),
  }};
  return table;
}

}  // namespace gatehouse::config
