#include "auth/secondary_sessions.hpp"

#include <algorithm>

#include "base/encoding.hpp"
#include "base/failure.hpp"
#include "crypto/digest.hpp"

namespace gatehouse::auth {

using namespace secondary_storage;
using std::chrono::seconds;

namespace {

constexpr std::string_view kEpochNote = "epoch";
constexpr seconds kRevocationLifeMin{86'400};

bool holds(const std::vector<std::string>& tokens, const std::string& token) {
  return std::ranges::find(tokens, token) != tokens.end();
}

}  // namespace

SessionKeys::SessionKeys(std::string_view token) {
  const auto digest = crypto::sha256(token);
  const auto hash = hex_encode(std::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
  copy = "gatehouse:session:" + hash;
  generation = "gatehouse:generation:" + hash;
}

Awaitable<SecondarySessions::Finding> SecondarySessions::find(std::string token) {
  Finding finding;
  const auto view = trust_.view();
  if (view.epoch.empty()) co_return finding;
  try {
    const SessionKeys keys(token);
    auto found = co_await redis_.get_versioned(keys.copy, keys.generation);
    if (!trust_.still_counts(view)) co_return finding;
    finding.fillable = true;
    finding.epoch = view.epoch;
    finding.generation = std::move(found.generation);
    if (!found.value) co_return finding;
    const auto document = SessionDocument::parse(*found.value, token, fields_);
    if (!document || document->note(kEpochNote) != view.epoch) co_return finding;
    const Identity& identity = document->identity();
    if (identity.session.expires_at <= clock_.now() || SessionTrust::is_changing(view, identity)) co_return finding;
    finding.identity = std::make_shared<const Identity>(identity);
  } catch (const Failure&) {
    finding = {};
  }
  co_return finding;
}

Awaitable<> SecondarySessions::fill(Finding finding, IdentityPtr identity) {
  const auto life = life_until(identity->session.expires_at);
  if (!finding.fillable || life == seconds{0}) co_return;
  try {
    const SessionKeys keys(identity->session.token);
    SessionDocument document(*identity);
    document.set_note(kEpochNote, finding.epoch);
    co_await redis_.fill(keys.copy, document.to_text(), life, keys.generation, std::move(finding.generation));
  } catch (const Failure&) {
    // The next one that asks fills it.
  }
}

Awaitable<> SecondarySessions::add(Finding finding, IdentityPtr identity) {
  if (!finding.fillable) co_return;
  try {
    co_await write_added(std::move(finding), std::move(identity));
  } catch (const Failure&) {
    // Node servers ask the database for what Redis does not have.
  }
}

Awaitable<> SecondarySessions::write_added(Finding finding, IdentityPtr identity) {
  const Session& session = identity->session;
  const auto life = life_until(session.expires_at);
  const SessionKeys keys(session.token);
  const bool stored = co_await redis_.fill(session.token, SessionDocument(*identity).to_text(), life, keys.generation,
                                           finding.generation);
  if (!stored) co_return;
  co_await fill(std::move(finding), identity);
  co_await list_session(session);
}

Awaitable<> SecondarySessions::change(IdentityPtr identity) {
  const std::string token = identity->session.token;
  try {
    const SessionKeys keys(token);
    co_await redis_.invalidate(keys.copy, keys.generation);
    co_await update(identity->session);
  } catch (const Failure&) {
    trust_.distrust();
  }
}

Awaitable<> SecondarySessions::change_user(User user, std::vector<std::string> tokens) {
  try {
    for (const auto& token : tokens) {
      const SessionKeys keys(token);
      co_await redis_.invalidate(keys.copy, keys.generation);
      co_await rewrite_one(token, user);
    }
  } catch (const Failure&) {
    trust_.distrust();
  }
}

Awaitable<> SecondarySessions::end(std::string token) {
  try {
    const SessionKeys keys(token);
    co_await redis_.invalidate(keys.copy, keys.generation);
    const auto value = co_await redis_.take(token);
    const auto document = value ? SessionDocument::parse(*value, token, fields_) : std::nullopt;
    if (document) {
      std::vector<std::string> tokens{token};
      co_await unlist(document->identity().user.id, std::move(tokens));
    }
  } catch (const Failure&) {
    trust_.remove_later(token);
  }
}

Awaitable<> SecondarySessions::end_all(std::string user_id, std::vector<std::string> tokens, WallTime now) {
  return withdraw(std::move(user_id), std::move(tokens), now);
}

Awaitable<> SecondarySessions::end_some(std::string user_id, std::vector<std::string> tokens) {
  return withdraw(std::move(user_id), std::move(tokens), std::nullopt);
}

Awaitable<> SecondarySessions::withdraw(std::string user_id, std::vector<std::string> tokens,
                                        std::optional<WallTime> all_before) {
  try {
    if (all_before) {
      co_await revoke_before(user_id, *all_before);
      // Also what Redis alone has kept.
      const auto listed = co_await read_list(user_id);
      for (const auto& session : listed) {
        if (!holds(tokens, session.token)) tokens.push_back(session.token);
      }
    }
    co_await take_out(tokens);
    co_await unlist(user_id, tokens);
  } catch (const Failure&) {
    give_up(tokens);
  }
}

void SecondarySessions::give_up(std::vector<std::string> tokens) {
  trust_.distrust();
  for (auto& token : tokens) trust_.remove_later(std::move(token));
}

Awaitable<> SecondarySessions::take_out(std::vector<std::string> tokens) {
  for (const auto& token : tokens) {
    const SessionKeys keys(token);
    co_await redis_.invalidate(keys.copy, keys.generation);
  }
  co_await redis_.remove(std::move(tokens));
}

// Better Auth does not make a value anew that is not there.
Awaitable<IdentityPtr> SecondarySessions::update(Session session) {
  const SessionKeys keys(session.token);
  auto found = co_await redis_.get_versioned(session.token, keys.generation);
  auto document = found.value ? SessionDocument::parse(*found.value, session.token, fields_) : std::nullopt;
  if (!document) co_return nullptr;
  document->update(session);
  const bool stored = co_await redis_.fill(session.token, document->to_text(), life_until(session.expires_at),
                                           keys.generation, std::move(found.generation));
  if (!stored) co_return nullptr;
  co_await list_session(session);
  co_return std::make_shared<const Identity>(document->identity());
}

Awaitable<std::vector<ActiveSession>> SecondarySessions::read_list(std::string user_id) {
  const auto text = co_await redis_.get(active_sessions_key(user_id));
  std::vector<ActiveSession> sessions;
  if (text) sessions = parse_active_sessions(*text);
  std::erase_if(sessions, [now = clock_.now()](const auto& session) { return session.expires_at <= now; });
  co_return sessions;
}

Awaitable<> SecondarySessions::write_list(std::string user_id, std::vector<ActiveSession> sessions) {
  const auto last = std::ranges::max_element(sessions, {}, &ActiveSession::expires_at);
  const auto life = last == sessions.end() ? seconds{0} : life_until(last->expires_at);
  co_await redis_.set(active_sessions_key(user_id), to_text(std::move(sessions)), life);
}

Awaitable<> SecondarySessions::list_session(Session session) {
  auto sessions = co_await read_list(session.user_id);
  std::erase_if(sessions, [&](const auto& one) { return one.token == session.token; });
  sessions.push_back({session.token, session.expires_at});
  co_await write_list(session.user_id, std::move(sessions));
}

Awaitable<> SecondarySessions::unlist(std::string user_id, std::vector<std::string> tokens) {
  auto sessions = co_await read_list(user_id);
  std::erase_if(sessions, [&](const auto& session) { return holds(tokens, session.token); });
  co_await write_list(std::move(user_id), std::move(sessions));
}

Awaitable<WallTime> SecondarySessions::read_revoked_before(std::string user_id) {
  const auto text = co_await redis_.get(revoked_before_key(user_id));
  const auto time = text ? parse_revoked_before(*text) : std::nullopt;
  co_return time.value_or(WallTime::min());
}

Awaitable<> SecondarySessions::revoke_before(std::string user_id, WallTime now) {
  const auto earlier = co_await read_revoked_before(user_id);
  co_await redis_.set(revoked_before_key(user_id), to_text(std::max(now, earlier)),
                      std::max(expires_in_, kRevocationLifeMin));
}

Awaitable<IdentityPtr> SecondarySessions::read(std::string token) {
  const auto value = co_await redis_.get(token);
  if (!value) co_return nullptr;
  const auto document = SessionDocument::parse(*value, token, fields_);
  if (!document) co_return nullptr;
  const auto revoked_before = co_await read_revoked_before(document->identity().user.id);
  if (document->identity().session.created_at < revoked_before) co_return nullptr;
  co_return std::make_shared<const Identity>(document->identity());
}

Awaitable<> SecondarySessions::create(IdentityPtr identity) {
  const Session& session = identity->session;
  co_await list_session(session);
  co_await redis_.set(session.token, SessionDocument(*identity).to_text(), life_until(session.expires_at));
}

Awaitable<IdentityPtr> SecondarySessions::renew(Session session) {
  return update(std::move(session));
}

Awaitable<> SecondarySessions::rewrite(User user) {
  const auto listed = co_await read_list(user.id);
  for (const auto& session : listed) co_await rewrite_one(session.token, user);
}

Awaitable<> SecondarySessions::rewrite_one(std::string token, User user) {
  const SessionKeys keys(token);
  auto found = co_await redis_.get_versioned(token, keys.generation);
  auto document = found.value ? SessionDocument::parse(*found.value, token, fields_) : std::nullopt;
  if (!document || document->identity().user.id != user.id) co_return;
  document->update(user);
  co_await redis_.fill(token, document->to_text(), life_until(document->identity().session.expires_at), keys.generation,
                       std::move(found.generation));
}

Awaitable<> SecondarySessions::remove(std::string token) {
  const auto value = co_await redis_.get(token);
  std::vector<std::string> tokens{token};
  const auto document = value ? SessionDocument::parse(*value, token, fields_) : std::nullopt;
  if (document) co_await unlist(document->identity().user.id, tokens);
  co_await take_out(std::move(tokens));
}

Awaitable<std::vector<std::string>> SecondarySessions::remove_all(std::string user_id, WallTime now) {
  co_await revoke_before(user_id, now);
  const auto listed = co_await read_list(user_id);
  std::vector<std::string> tokens;
  for (const auto& session : listed) tokens.push_back(session.token);
  co_await take_out(tokens);
  co_await unlist(std::move(user_id), tokens);
  co_return tokens;
}

Awaitable<std::vector<std::string>> SecondarySessions::remove_others(std::string user_id, std::string kept_token) {
  const auto listed = co_await read_list(user_id);
  std::vector<std::string> tokens;
  for (const auto& session : listed) {
    if (session.token != kept_token) tokens.push_back(session.token);
  }
  co_await take_out(tokens);
  co_await unlist(std::move(user_id), tokens);
  co_return tokens;
}

Awaitable<std::vector<Session>> SecondarySessions::list(std::string user_id) {
  const auto listed = co_await read_list(user_id);
  const auto revoked_before = co_await read_revoked_before(user_id);
  std::vector<std::string> tokens;
  for (const auto& session : listed) tokens.push_back(session.token);
  const auto values = co_await redis_.get_many(tokens);
  std::vector<Session> sessions;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto document = values[i] ? SessionDocument::parse(*values[i], tokens[i], fields_) : std::nullopt;
    if (!document) continue;
    const Session& session = document->identity().session;
    if (session.user_id == user_id && session.created_at >= revoked_before) sessions.push_back(session);
  }
  co_return sessions;
}

}  // namespace gatehouse::auth
