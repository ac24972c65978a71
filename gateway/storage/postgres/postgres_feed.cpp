#include "storage/postgres/postgres_feed.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <charconv>
#include <utility>
#include <vector>

#include "base/encoding.hpp"
#include "base/log.hpp"
#include "storage/postgres/connect.hpp"

namespace gatehouse::storage {

namespace {

constexpr std::chrono::milliseconds kShortestPeriod{100};
constexpr std::chrono::milliseconds kLongestPeriod{1'000};
constexpr std::chrono::milliseconds kFirstPause{50};
constexpr std::chrono::milliseconds kLongestPause{1'000};
// Without a heartbeat for so long the connection is taken for dead.
constexpr std::chrono::milliseconds kSilence{3'000};
constexpr std::string_view kTriggers = "6";  // of migrations/core/0002_change_feed
constexpr std::string_view kChannel = "gatehouse_";

// A server that ends idle sessions would end this one, which is always idle.
constexpr const char* kPrepareConnection =
    "SELECT set_config('application_name', current_setting('application_name') || ' feed', false), "
    "(SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout')";

constexpr const char* kSchemas =
    R"(SELECT coalesce(string_agg(DISTINCT relnamespace::text, ','), '') FROM pg_class
       WHERE oid IN (to_regclass('"session"'), to_regclass('"user"')))";

// The commit need not reach the disk: a heartbeat is worth nothing after a crash.
constexpr std::string_view kBeat =
    R"(SELECT set_config('synchronous_commit', 'off', true), pg_notify($1::text, $2::text
         || ' ' || (SELECT count(*) FROM pg_trigger WHERE tgrelid IN (to_regclass('"session"'), to_regclass('"user"'))
                    AND tgname ~ '^gatehouse_(user|session)_(updated|deleted|truncated)$' AND tgenabled IN ('O', 'A'))
         || ' ' || (SELECT coalesce(string_agg(DISTINCT relnamespace::text, ','), '') FROM pg_class
                    WHERE oid IN (to_regclass('"session"'), to_regclass('"user"')))))";

StoreOptions listener_options() {
  return {.acquire_timeout = std::chrono::milliseconds{2'000}, .statement_timeout = std::chrono::milliseconds{2'000}};
}

std::string_view take_word(std::string_view& text) {
  const auto end = std::min(text.find(' '), text.size());
  const auto word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

struct ForgetWaiter {
  PostgresRequest& request;
  ~ForgetWaiter() { request.waiter = nullptr; }
};

}  // namespace

PostgresFollower::PostgresFollower(Executor executor, PostgresTarget target, std::unique_ptr<Database> sender,
                                   ChangeFeed::Listener& listener, FeedOptions options)
    : executor_(executor),
      target_(std::move(target)),
      sender_(std::move(sender)),
      listener_(listener),
      period_(std::clamp(options.staleness_max / 5, kShortestPeriod, kLongestPeriod)),
      timer_(executor),
      jitter_(std::random_device{}()) {}

StoreOptions PostgresFollower::sender_options() {
  return {.acquire_timeout = std::chrono::milliseconds{1'000},
          .statement_timeout = std::chrono::milliseconds{1'000},
          .connections = 1};
}

void PostgresFollower::start() {
  asio::co_spawn(executor_, run(shared_from_this()), asio::detached);
}

void PostgresFollower::close() {
  sender_.reset();
  if (connection_) std::exchange(connection_, nullptr)->abandon();
  timer_.cancel();
}

Awaitable<> PostgresFollower::run(std::shared_ptr<PostgresFollower> self) {
  while (self->sender_) {
    const std::string why = co_await self->follow();
    if (!self->sender_) co_return;
    if (self->connection_) std::exchange(self->connection_, nullptr)->abandon();
    self->complete_ = false;
    const bool deaf = self->send_error_.empty() && why.empty();
    self->enter(deaf ? ChangeFeed::State::unheard : ChangeFeed::State::connecting, why);
    co_await self->sleep(self->pause());
  }
}

// Until it is of no use any more: the reason, empty if heartbeats were sent and not heard.
Awaitable<std::string> PostgresFollower::follow() {
  auto handle = co_await connect_postgres(target_, listener_options(), failures_++);
  if (!sender_) co_return std::string();
  if (!handle) co_return std::move(handle.error());
  connection_ = PostgresConnection::start(executor_, std::move(*handle), *this, listener_options().statement_timeout);
  auto problem = co_await listen();
  if (!problem.empty() || !sender_) co_return problem;
  heard_ = std::chrono::steady_clock::now();
  while (connection_) {
    co_await send_beat();
    if (!sender_ || !connection_) break;
    if (std::chrono::steady_clock::now() - heard_ > kSilence) co_return send_error_;
    co_await sleep(period_);
    if (!sender_) break;
  }
  co_return std::string("the connection was lost");
}

Awaitable<std::string> PostgresFollower::listen() {
  auto prepared = co_await ask(kPrepareConnection);
  if (!prepared) co_return std::move(prepared.error().detail);
  auto schemas = co_await ask(kSchemas);
  if (!schemas) co_return std::move(schemas.error().detail);
  schemas_ = schemas->rows.at(0).text(0);
  std::array<char, 8> random;
  for (char& byte : random) byte = static_cast<char>(jitter_() >> 8);
  own_channel_ = std::string(kChannel) + "beat_" + hex_encode({random.data(), random.size()});
  beats_.clear();
  std::vector<std::string> channels{own_channel_};
  for (std::size_t start = 0; start < schemas_.size();) {
    const auto end = std::min(schemas_.find(',', start), schemas_.size());
    channels.push_back(std::string(kChannel) + schemas_.substr(start, end - start));
    start = end + 1;
  }
  for (const auto& channel : channels) {
    auto listening = co_await ask("LISTEN \"" + channel + "\"");
    if (!listening) co_return std::move(listening.error().detail);
  }
  co_return std::string();
}

// On the connection that listens, which has nothing else to do.
Awaitable<Outcome> PostgresFollower::ask(std::string sql) {
  if (!connection_) co_return store_error(StoreError::Kind::unavailable, "the connection was lost");
  auto request = std::make_shared<PostgresRequest>();
  request->sql = std::move(sql);
  Timer answered(executor_, SteadyTime::max());
  request->waiter = &answered;
  const ForgetWaiter forget{*request};
  connection_->send(request);
  while (!request->done) {
    boost::system::error_code cancelled;
    co_await answered.async_wait(asio::redirect_error(use_awaitable, cancelled));
  }
  co_return std::move(request->outcome);
}

Awaitable<> PostgresFollower::send_beat() {
  beats_.push_back({++number_, std::chrono::steady_clock::now()});
  Parameters parameters{own_channel_, std::to_string(number_)};
  try {
    co_await sender_->query({kBeat}, std::move(parameters));
    send_error_.clear();
  } catch (const std::exception& error) {
    send_error_ = error.what();
  }
}

void PostgresFollower::on_notification(std::string_view channel, std::string_view payload) {
  if (channel == own_channel_) {
    on_beat(payload);
  } else {
    listener_.on_change(parse_change(payload));
  }
}

void PostgresFollower::on_beat(std::string_view payload) {
  const auto text = take_word(payload);
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  while (!beats_.empty() && beats_.front().number < number) beats_.pop_front();
  if (beats_.empty() || beats_.front().number != number) return;
  const SteadyTime sent = beats_.front().sent;
  beats_.pop_front();
  heard_ = std::chrono::steady_clock::now();
  const bool triggers = take_word(payload) == kTriggers;
  if (payload != schemas_) return connection_->close("the tables are in another schema now");
  if (!triggers) {
    complete_ = false;
    return enter(ChangeFeed::State::no_triggers, "");
  }
  // Until here something may have happened that nobody told.
  if (!std::exchange(complete_, true)) listener_.on_change({});
  failures_ = 0;
  enter(ChangeFeed::State::following, "");
  listener_.on_seen_until(sent);
}

void PostgresFollower::on_closed(PostgresConnection&) {
  connection_.reset();
  timer_.cancel();
}

// Told once for each change.
void PostgresFollower::enter(ChangeFeed::State state, std::string_view why) {
  using State = ChangeFeed::State;
  const State before = state_.exchange(state, std::memory_order_relaxed);
  if (before == state && (told_ || state == State::following)) return;
  constexpr std::string_view kUntilThen = "until it does, a session is believed for session.staleness_max after a read";
  switch (state) {
    case State::following:
      if (told_) log::info("the change feed follows the database");
      break;
    case State::connecting:
      log::warn("the change feed does not follow the database ({}); {}", why, kUntilThen);
      break;
    case State::no_triggers:
      log::warn(
          "the change feed does not follow the database, which lacks triggers named gatehouse_…: run `gatehouse "
          "migrate` as the owner of the tables; {}",
          kUntilThen);
      break;
    case State::unheard:
      log::warn(
          "the change feed hears no notification: LISTEN needs a direct connection or a pooler in session mode; {}",
          kUntilThen);
      break;
  }
  told_ = state != State::following;
}

Awaitable<> PostgresFollower::sleep(std::chrono::milliseconds time) {
  timer_.expires_after(time);
  boost::system::error_code cancelled;
  co_await timer_.async_wait(asio::redirect_error(use_awaitable, cancelled));
}

// Doubles up to a second, shortened by up to a half, so that gateways do not come back all at once.
std::chrono::milliseconds PostgresFollower::pause() {
  const auto full = std::min(kLongestPause, kFirstPause * (1L << std::min<std::size_t>(failures_, 10)));
  return full / 2 + std::chrono::milliseconds(std::uniform_int_distribution<long>(0, full.count() / 2)(jitter_));
}

}  // namespace gatehouse::storage
