#include "auth/secret_attempt.hpp"

#include <limits>

#include "auth/challenges.hpp"

namespace gatehouse::auth {

namespace {

std::unexpected<ApiError> refuse(EndpointCall& call, const LadderVerdict& verdict) {
  // In both fields, as the limit of the auth endpoints does.
  const std::string wait = std::to_string(verdict.retry_after.count());
  call.add_header("X-Retry-After", wait);
  call.add_header("Retry-After", wait);
  call.reason = verdict.step == Step::locked ? "ladder_locked" : "ladder_wait";
  call.note({.event = AuditEvent::auth_limited,
             .outcome = AuditOutcome::failed,
             .reason = std::string(call.reason),
             .detail = call.request.path});
  return gatehouse::fail(429, "", "Too many requests. Please try again later.");
}

// A token is asked for only by whoever climbs the ladder, and is then worth one attempt.
Awaitable<Result<void>> begin(EndpointCall& call, AttemptSubject subject, LadderRules rules, bool is_request) {
  Attempts* const attempts = call.services.attempts;
  if (attempts == nullptr) co_return Result<void>();
  const AttemptKeys keys = attempts->make_keys(subject);
  auto start = co_await attempts->begin(keys, rules, false);
  const bool challenged = start.verdict.step == Step::challenge;
  if (challenged) {
    auto solved = co_await call.services.challenges->verify(call);
    if (!solved) co_return std::unexpected(std::move(solved.error()));
    start = co_await attempts->begin(keys, rules, true);
  }
  if (start.verdict.step != Step::pass) co_return refuse(call, start.verdict);
  call.attempt = Attempt{.keys = keys, .rules = rules, .start = start};
  if (is_request && challenged) call.attempt->end = AttemptEnd::untried;
  co_return Result<void>();
}

void note_lock(const EndpointCall& call, bool of_account) {
  call.services.attempts->counts().count_lock(of_account);
  call.note({.event = AuditEvent::attempts_locked,
             .outcome = AuditOutcome::failed,
             .reason = of_account ? "account" : "network",
             .target = of_account ? call.attempt->user_id : std::string(),
             .detail = call.request.path});
}

Awaitable<LadderVerdict> count_mail(EndpointCall& call, std::string_view user_id) {
  Attempts* const attempts = call.services.attempts;
  if (attempts == nullptr) co_return LadderVerdict();
  LadderRules rules = make_rules(attempts->settings(), false);
  rules.lock_max = rules.lock_first;
  const AttemptKeys keys = attempts->make_keys(of_own_mailbox(user_id));
  const auto start = co_await attempts->begin(keys, rules, false);
  co_return start.verdict;
}

}  // namespace

AttemptSubject of_stranger(const EndpointCall& call, std::string_view email) {
  return {account_of_email(email), call.request.network};
}

AttemptSubject of_user(std::string_view user_id) {
  return {account_of_user(user_id), {}};
}

AttemptSubject of_bearer(const EndpointCall& call) {
  return {{}, call.request.network};
}

AttemptSubject of_mailbox(const EndpointCall& call, std::string_view email) {
  return {account_of_mailbox(email), call.request.network, false};
}

AttemptSubject of_own_mailbox(std::string_view user_id) {
  return {account_of_own_mailbox(user_id), {}, false};
}

Awaitable<Result<void>> begin_mail(EndpointCall& call, std::string_view user_id) {
  const auto verdict = co_await count_mail(call, user_id);
  if (verdict.step != Step::pass) co_return refuse(call, verdict);
  co_return Result<void>();
}

Awaitable<bool> may_mail(EndpointCall& call, std::string_view user_id) {
  const auto verdict = co_await count_mail(call, user_id);
  co_return verdict.step == Step::pass;
}

bool asks_on_risk(const EndpointCall& call) {
  return call.services.attempts != nullptr && call.services.challenges != nullptr &&
         call.services.challenges->guards_on_risk(call.request.path);
}

Awaitable<Result<void>> begin_attempt(EndpointCall& call, AttemptSubject subject) {
  if (call.services.attempts == nullptr) return begin(call, std::move(subject), {}, false);
  LadderRules rules = make_rules(call.services.attempts->settings(), asks_on_risk(call));
  if (!subject.lock_grows) rules.lock_max = rules.lock_first;
  return begin(call, std::move(subject), rules, false);
}

void tell_attempt(EndpointCall& call, bool right, std::string_view user_id) {
  if (!call.attempt) return;
  call.attempt->end = right ? AttemptEnd::right : AttemptEnd::wrong;
  call.attempt->user_id = user_id;
}

void tell_owner(EndpointCall& call, std::string_view email, std::string_view user_id) {
  if (!call.attempt) return;
  call.attempt->keys = call.services.attempts->make_keys(of_stranger(call, email));
  tell_attempt(call, true, user_id);
}

// Neither waits nor locks: what costs nobody a secret is limited by `auth.rate_limit`.
Awaitable<Result<void>> begin_request(EndpointCall& call) {
  LadderRules rules = make_rules(call.services.attempts->settings(), true);
  rules.free_attempts = rules.lock_after = std::numeric_limits<unsigned>::max();
  return begin(call, of_bearer(call), rules, true);
}

Awaitable<> close_attempt(EndpointCall& call, int status) {
  if (!call.attempt) co_return;
  Attempt& attempt = *call.attempt;
  if (status >= 500 && attempt.end == AttemptEnd::wrong) attempt.end = AttemptEnd::untried;
  if (attempt.end == AttemptEnd::wrong) {
    if (attempt.start.locks_account) note_lock(call, true);
    if (attempt.start.locks_network) note_lock(call, false);
  }
  co_await call.services.attempts->end(attempt.keys, attempt.rules, attempt.end);
}

}  // namespace gatehouse::auth
