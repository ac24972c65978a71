#include "auth/attempts.hpp"

#include <fmt/format.h>

#include <bit>

#include "auth/attempt_script.hpp"
#include "base/ascii.hpp"
#include "base/log.hpp"

namespace gatehouse::auth {

namespace {

constexpr std::chrono::seconds kPauseAfterFailure{1};

}  // namespace

std::string account_of_email(std::string_view email) {
  return "email:" + to_lower(email);
}

std::string account_of_user(std::string_view user_id) {
  return fmt::format("user:{}", user_id);
}

std::string account_of_mailbox(std::string_view email) {
  return "mailbox:" + to_lower(email);
}

std::string account_of_own_mailbox(std::string_view user_id) {
  return fmt::format("own mailbox:{}", user_id);
}

std::string network_of(const IpAddress& client) {
  return client.is_v4() ? client.to_string() : client.masked(64).to_string();
}

Attempts::Attempts(const Dependencies& dependencies)
    : deps_(dependencies), names_(dependencies.secret, "gatehouse-attempts") {}

AttemptKey Attempts::make_key(std::string_view text) {
  return std::bit_cast<AttemptKey>(names_.make(text));
}

AttemptKeys Attempts::make_keys(const AttemptSubject& subject) {
  AttemptKeys keys;
  if (!subject.account.empty()) keys.account = make_key(subject.account);
  if (!subject.network.empty()) keys.network = make_key("network:" + subject.network);
  // A network's text has no blank.
  if (keys.account && keys.network) keys.pair = make_key(fmt::format("pair:{} {}", subject.network, subject.account));
  return keys;
}

bool Attempts::asks_store() const {
  return deps_.cache != nullptr && deps_.settings.enabled && deps_.clock.steady() >= store_asked_from_;
}

// A function of its own, as the script's answer is awaited by both ends of an attempt.
Awaitable<std::vector<std::int64_t>> Attempts::ask_store(const AttemptKeys& keys, std::vector<std::string> arguments) {
  return deps_.cache->run_script(attempt_script(), attempt_script_keys(keys), std::move(arguments), kAttemptNumbers);
}

// Counted here in any case: when Redis goes away in the middle of a burst, what has passed must count.
Awaitable<AttemptStart> Attempts::begin(AttemptKeys keys, LadderRules rules, bool challenged) {
  const WallTime now = deps_.clock.now();
  const AttemptStart own = deps_.counts.begin(keys, rules, challenged, now);
  if (!asks_store()) co_return own;
  try {
    const auto numbers = co_await ask_store(keys, begin_arguments(rules, challenged, now));
    const AttemptStart shared = read_start(numbers);
    if (deps_.counts.note_store(true)) log::info("attempts at secrets are counted in Redis again");
    const bool passed_here_alone = own.verdict.step == Step::pass && shared.verdict.step != Step::pass;
    if (passed_here_alone) deps_.counts.end(keys, rules, AttemptEnd::untried, now);
    co_return shared;
  } catch (const std::exception& error) {
    note_failure(error.what());
  }
  co_return own;
}

Awaitable<> Attempts::end(AttemptKeys keys, LadderRules rules, AttemptEnd end) {
  if (end == AttemptEnd::wrong) co_return;
  const WallTime now = deps_.clock.now();
  deps_.counts.end(keys, rules, end, now);
  if (!asks_store()) co_return;
  try {
    co_await ask_store(keys, end_arguments(rules, end, now));
  } catch (const std::exception& error) {
    note_failure(error.what());
  }
}

// Never fewer limits because of that: who could take Redis away would have as many attempts as he likes.
void Attempts::note_failure(const char* what) {
  store_asked_from_ = deps_.clock.steady() + kPauseAfterFailure;
  if (deps_.counts.note_store(false)) log::warn("attempts at secrets are counted by each gateway for itself: {}", what);
}

bool Attempts::is_risky(const IpAddress& client, std::string_view email) {
  const AttemptSubject subject{email.empty() ? std::string() : account_of_email(email), network_of(client)};
  AttemptKeys keys = make_keys(subject);
  keys.pair.reset();
  return deps_.counts.is_risky(keys, make_rules(deps_.settings, true), deps_.clock.now());
}

}  // namespace gatehouse::auth
