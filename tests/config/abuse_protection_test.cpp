#include <doctest/doctest.h>

#include "tests/config/loading.hpp"

using namespace gatehouse;
using namespace gatehouse::config;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const std::string kUpstream = "upstreams: {web: {servers: ['http://127.0.0.1:1']}}\n";

std::string with(const std::string& auth) {
  return "gateway: {listen: {insecure_http: '127.0.0.1:0'}, auth: {" + auth + "}}\n" + kUpstream;
}

}  // namespace

TEST_CASE("the abuse ladder is on where nothing is said of it, and breached passwords are not looked for") {
  const auto auth = load_text(with("")).gateway.auth;
  CHECK(auth.abuse_ladder.enabled);
  CHECK(auth.abuse_ladder.free_attempts == 5);
  CHECK(auth.abuse_ladder.challenge_after == 7);
  CHECK(auth.abuse_ladder.lock_after == 10);
  CHECK(auth.abuse_ladder.lock == seconds{900});
  CHECK_FALSE(auth.breached_passwords.enabled);
  CHECK(auth.breached_passwords.url == "https://api.pwnedpasswords.com/range");
  CHECK(auth.password_hashing.threads == 0);
  CHECK(auth.password_hashing.queue == 64);
  CHECK(auth.password_hashing.queue_time == milliseconds{800});
}

TEST_CASE("the keys of abuse protection are read") {
  const auto auth =
      load_text(with("abuse_ladder: {enabled: false, free_attempts: 1, challenge_after: 1, lock_after: 2, "
                     "wait: 2s, lock: 1m, lock_max: 1h, forgive_every: 1m, network_factor: 3}, "
                     "breached_passwords: {enabled: true, url: 'https://range.example.com/r'}, "
                     "password_hashing: {threads: 2, queue: 7, queue_time: 500ms}"))
          .gateway.auth;
  CHECK_FALSE(auth.abuse_ladder.enabled);
  CHECK(auth.abuse_ladder.free_attempts == 1);
  CHECK(auth.abuse_ladder.challenge_after == 1);
  CHECK(auth.abuse_ladder.lock_after == 2);
  CHECK(auth.abuse_ladder.wait == seconds{2});
  CHECK(auth.abuse_ladder.lock == seconds{60});
  CHECK(auth.abuse_ladder.lock_max == seconds{3'600});
  CHECK(auth.abuse_ladder.forgive_every == seconds{60});
  CHECK(auth.abuse_ladder.network_factor == 3);
  CHECK(auth.breached_passwords.enabled);
  CHECK(auth.breached_passwords.url == "https://range.example.com/r");
  CHECK(auth.password_hashing.threads == 2);
  CHECK(auth.password_hashing.queue == 7);
  CHECK(auth.password_hashing.queue_time == milliseconds{500});
}

TEST_CASE("a ladder without steps, and a service of breached passwords without TLS, are errors") {
  CHECK(heads_of(with("abuse_ladder: {free_attempts: 10}")).find("free_attempts: is not below lock_after") !=
        std::string::npos);
  CHECK(heads_of(with("abuse_ladder: {lock: 2h, lock_max: 1h}")).find("lock: is longer than lock_max") !=
        std::string::npos);
  CHECK(heads_of(with("breached_passwords: {url: 'http://range.example.com'}")).find("url: is no https URL") !=
        std::string::npos);
  CHECK(heads_of(with("breached_passwords: {insecure_url: /x}")).find("insecure_url: is no http(s) URL") !=
        std::string::npos);
}

TEST_CASE("a service of breached passwords that may be anybody is told at the start") {
  const auto loaded = load_text(with("breached_passwords: {insecure_url: 'http://127.0.0.1:1/range'}"));
  bool is_told = false;
  for (const auto& text : loaded.unsafe) is_told = is_told || text.find("breached_passwords") != std::string::npos;
  CHECK(is_told);
}
