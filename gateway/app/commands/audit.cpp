// `gatehouse audit`: reads the audit trail from the database, for a person or, as lines of JSON, for a program. It only
// reads, so any user of the database who may select will do.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "app/commands/arguments.hpp"
#include "app/commands/command.hpp"
#include "app/run_to_end.hpp"
#include "auth/audit_rows.hpp"
#include "base/ascii.hpp"
#include "base/iso_time.hpp"
#include "base/json_text.hpp"
#include "config/values.hpp"
#include "storage/open.hpp"

namespace gatehouse::app {

namespace {

constexpr std::int64_t kPage = 500;
constexpr std::chrono::seconds kLookAgain{1};
// Gateways write in batches, and their clocks differ: what is looked through again each time.
constexpr std::chrono::seconds kOverlap{60};

struct AuditOptions {
  ConfigurationFiles files;
  std::optional<std::string> user;  // an id, or an address
  std::string event;
  std::string outcome;
  std::string since = "24h";
  std::optional<std::string> until;
  bool json = false;
  bool follow = false;
};

struct Period {
  WallTime from;
  std::optional<WallTime> until;  // absent: what is there
};

void print_json(const auth::StoredAuditEntry& entry) {
  std::string line = "{\"time\":\"" + to_iso(entry.time) + "\"";
  const auto add = [&](std::string_view name, const std::string& value) {
    if (value.empty()) return;
    line.append(",\"").append(name).append("\":");
    append_json_quoted(line, value);
  };
  add("audit", entry.event);
  add("outcome", entry.outcome);
  add("reason", entry.reason);
  add("actor", entry.actor);
  add("target", entry.target);
  add("detail", entry.detail);
  add("address", entry.address);
  add("user_agent", entry.user_agent);
  add("request_id", entry.request_id);
  fmt::print("{}}}\n", line);
}

// One line for a person. Other programs may write to the table as well: what a terminal would obey is not printed.
void print_text(const auth::StoredAuditEntry& entry) {
  std::string line = fmt::format("{} {:<24} {:<6}", to_iso(entry.time), entry.event, entry.outcome);
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) line.append(" ").append(name).append("=").append(value);
  };
  add("reason", entry.reason);
  add("actor", entry.actor);
  if (entry.target != entry.actor) add("target", entry.target);
  add("detail", entry.detail);
  add("address", entry.address);
  add("request", entry.request_id);
  add("agent", entry.user_agent);
  std::ranges::replace_if(line, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, ' ');
  fmt::print("{}\n", line);
}

// An address of a user becomes the id. An address that nobody has any more finds nothing.
Awaitable<std::string> find_user_id(storage::Database& database, std::string user) {
  if (!user.contains('@')) co_return user;
  storage::Parameters email{to_lower(user)};
  const auto found = co_await database.query({R"(SELECT "id" FROM "user" WHERE "email" = $1)"}, std::move(email));
  co_return found.rows.empty() ? std::string() : found.rows[0].text(0);
}

Awaitable<bool> has_trail(storage::Database& database) {
  const bool is_sqlite = database.engine() == storage::Engine::sqlite;
  storage::Statement statement{is_sqlite ? R"(SELECT 1 FROM sqlite_master WHERE "name" = 'gatehouse_audit')"
                                         : R"(SELECT 1 WHERE to_regclass('gatehouse_audit') IS NOT NULL)"};
  const auto found = co_await database.query(std::move(statement), {});
  co_return !found.rows.empty();
}

class Reader {
 public:
  Reader(asio::io_context& io, storage::Database& database, const AuditOptions& options, std::string user_id,
         const Period& period)
      : io_(io),
        database_(database),
        options_(options),
        filter_{.user = std::move(user_id), .event = options.event, .outcome = options.outcome, .before = period.until},
        from_(period.from) {}

  // Prints what is new, the oldest first. False: standard output takes no more.
  bool print_news() {
    auth::AuditCursor cursor{from_, ""};
    std::set<std::string> recent;
    for (bool more = true; more;) {
      const auto page = run_to_end(io_, auth::read_audit(database_, cursor, filter_, kPage));
      for (const auto& entry : page) {
        if (!seen_.contains(entry.key)) print(entry);
        newest_ = std::max(newest_, entry.time);
        if (options_.follow) recent.insert(entry.key);
      }
      more = page.size() == static_cast<std::size_t>(kPage);
      if (!page.empty()) cursor = {page.back().time, page.back().key};
    }
    from_ = std::max(from_, newest_ - kOverlap);
    seen_ = std::move(recent);
    return std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  }
  bool has_printed() const { return has_printed_; }

 private:
  void print(const auth::StoredAuditEntry& entry) {
    options_.json ? print_json(entry) : print_text(entry);
    has_printed_ = true;
  }

  asio::io_context& io_;
  storage::Database& database_;
  const AuditOptions& options_;
  const auth::AuditFilter filter_;
  WallTime from_;
  WallTime newest_{};
  bool has_printed_ = false;
  std::set<std::string> seen_;  // of those that are looked through again
};

int read_trail(const config::Gateway& gateway, const AuditOptions& options, const Period& period) {
  storage::StoreOptions access{.connections = 1};
  access.read_only = true;
  const auto store = storage::open_store(gateway.database.url, access);
  if (!store) {
    fmt::print(stderr, "{}\n", store.error());
    return 1;
  }
  asio::io_context io;
  const auto database = (*store)->connect(io.get_executor());
  if (!run_to_end(io, has_trail(*database))) {
    fmt::print(
        stderr,
        "the database has no table gatehouse_audit: is it the gateway's, is its schema there (gatehouse migrate), "
        "and is gateway.audit.enabled on?\n");
    return 1;
  }
  std::string user_id;
  if (options.user) {
    user_id = run_to_end(io, find_user_id(*database, *options.user));
    if (user_id.empty()) {
      fmt::print(stderr, "nobody has the address {}; entries name users by their id\n", *options.user);
      return 1;
    }
  }
  Reader reader(io, *database, options, std::move(user_id), period);
  bool is_taken = reader.print_news();
  while (is_taken && options.follow) {
    std::this_thread::sleep_for(kLookAgain);
    is_taken = reader.print_news();
  }
  if (!is_taken) {
    fmt::print(stderr, "standard output takes no more\n");
    return 1;
  }
  // On standard error: for a program, nothing is nothing.
  if (!reader.has_printed()) {
    const std::string until = period.until ? " until " + to_iso(*period.until) : "";
    fmt::print(stderr, "no entries since {}{}\n", to_iso(period.from), until);
  }
  return 0;
}

// Says what is wrong with it.
std::optional<Period> parse_period(const AuditOptions& options, WallTime now) {
  const auto since = config::SecondsValue::parse(options.since);
  if (!since) {
    fmt::print(stderr, "--since: {}\n", since.error());
    return std::nullopt;
  }
  if (!options.until) return Period{now - *since, std::nullopt};
  const auto until = config::SecondsValue::parse(*options.until);
  if (!until) {
    fmt::print(stderr, "--until: {}\n", until.error());
    return std::nullopt;
  }
  if (*until >= *since) {
    fmt::print(stderr, "--until: {} is no later than --since {}, so that nothing is between them\n", *options.until,
               options.since);
    return std::nullopt;
  }
  return Period{now - *since, now - *until};
}

int run_audit(AuditOptions options) {
  const auto period = parse_period(options, SystemClock().now());
  if (!period) return 2;
  if (options.user && options.user->empty()) {
    fmt::print(stderr, "--user: is empty\n");
    return 2;
  }
  // Whoever reads the trail need not hold the gateway's secret, its keys or its certificate.
  options.files.dev = true;
  auto configuration = load_or_tell(options.files);
  if (!configuration) return 1;
  auto& gateway = configuration->gateway;
  if (gateway.database.url.empty()) gateway.database.url = Secret("sqlite:data/gatehouse.db");
  try {
    return read_trail(gateway, options, *period);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}

}  // namespace

void add_audit(CommandLine& line) {
  auto command = line.add("audit", "Print the audit trail: what happened to accounts and sessions");
  const auto options = std::make_shared<AuditOptions>();
  add_configuration_options(command, options->files);
  std::vector<std::string> events;
  for (const auto name : auth::audit_event_names()) events.emplace_back(name);
  command.add("--user", options->user, "Only what a user did or what was done to them: an id, or an address");
  command.add("--event", options->event, "Only events of this name").one_of(events);
  command.add("--outcome", options->outcome, "Only what came off, or what did not").one_of({"ok", "failed"});
  command.add("--since", options->since, "How far back: 90s, 30m, 24h, 7d").show_default();
  const auto until =
      command.add("--until", options->until, "How far back it ends, as --since; now, where nothing is said");
  command.add("--json", options->json, "One JSON object a line");
  command.add("--follow", options->follow, "Go on with what comes").excludes(until);
  command.on_call([options] { return run_audit(*options); });
}

}  // namespace gatehouse::app
