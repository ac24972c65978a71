// What the main thread looks after about once a second: the store, expired rows, certificates, open tunnels.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/gateway_parts.hpp"
#include "app/migrated_features.hpp"
#include "app/run_to_end.hpp"
#include "base/failure.hpp"
#include "base/iso_time.hpp"
#include "base/log.hpp"
#include "storage/field_migrations.hpp"
#include "storage/migrator.hpp"

namespace gatehouse::app {

namespace {

constexpr std::chrono::seconds kStoreCheckEvery{2};
constexpr std::chrono::milliseconds kPurgeTime{200};  // of each second, while there is something to purge
constexpr std::chrono::days kCertificateWarnBefore{21};

// Prepared statements of other clients are there, and ours are not.
std::string_view pooler_hint(std::string_view error) {
  if (!error.contains("SQLSTATE 42P05") && !error.contains("SQLSTATE 26000")) return "";
  return "is there a pooler in transaction mode? Give the gateway a direct connection, or session mode: ";
}

}  // namespace

// What the database must have before it is of use. Throws Failure when it is down, MigrationError when it is not fit.
Awaitable<storage::SchemaFacts> Gateway::Parts::prepare_schema() {
  const auto patient = store_->connect(main_io_.get_executor(), storage::migration_options());
  storage::Migrator migrator =
      storage::make_migrator(*patient, clock_, migrated_features(settings_.auth, settings_.audit),
                             storage::field_migrations(settings_.auth, patient->engine()));
  if (settings_.database.migrate == config::Migrate::at_start) {
    const auto applied = co_await migrator.apply();
    for (const auto& migration : applied)
      log::info("migration applied: {}: {}", migration.name, fmt::join(migration.changes, ", "));
  } else {
    const auto pending = co_await migrator.pending();
    if (!pending.empty())
      throw storage::MigrationError(fmt::format(
          "the schema is not current ({} to apply); run `gatehouse migrate`, or set database.migrate: at_start",
          fmt::join(pending, ", ")));
  }
  const auto adoption = co_await migrator.inspect();
  for (const auto& text : adoption.advice) log::warn("database: {}", text);
  co_return adoption.facts;
}

// Told once per change of state. A store that is down at the start does not keep the gateway from starting: public
// routes are served, and it becomes ready when the store is.
void Gateway::Parts::check_store() {
  store_checked_ = clock_.steady();
  const bool was_ready = store_ready_.load(std::memory_order_relaxed);
  try {
    if (!schema_ready_) {
      schema_ = run_to_end(main_io_, prepare_schema());
      schema_ready_ = true;
      for (const auto& worker : workers_) worker->set_schema(schema_);
    } else {
      run_to_end(main_io_, main_database_->query({"SELECT 1"}, {}));
    }
    store_ready_.store(true, std::memory_order_relaxed);
    if (!was_ready && !workers_.empty()) log::info("the store is ready");
  } catch (const Failure& failure) {
    store_ready_.store(false, std::memory_order_relaxed);
    if (was_ready || workers_.empty()) log::error("the store is not available: {}", failure.what());
  } catch (const storage::StatementError& error) {
    store_ready_.store(false, std::memory_order_relaxed);
    const std::string text = fmt::format("database: {}{}", pooler_hint(error.what()), error.what());
    if (workers_.empty()) throw StartError(text);
    if (was_ready) log::error("{}", text);
  } catch (const storage::MigrationError& error) {
    if (workers_.empty()) throw StartError(fmt::format("database: {}", error.what()));
    if (schema_problem_ != error.what()) log::error("database: {}", error.what());
    schema_problem_ = error.what();
  }
}

void Gateway::Parts::tick() {
  const SteadyTime now = clock_.steady();
  if (now - store_checked_ >= kStoreCheckEvery) check_store();
  purge_expired();
  reload_certificates();
  reload_upstream_certificates();
  live_.sweep(clock_.now(), [](const std::string& token, const std::weak_ptr<pipeline::LiveHandle>& handle) {
    Worker::current()->pipeline().recheck(token, handle);
  });
}

// A part of a round for each tick, so that nothing else waits for long. Gateways do not all begin at once.
void Gateway::Parts::purge_expired() {
  const auto every = settings_.database.purge_every;
  if (every.count() == 0 || !store_ready_.load(std::memory_order_relaxed)) return;
  const SteadyTime start = clock_.steady();
  if (start < next_purge_) return;
  bool more = true;
  try {
    while (more && clock_.steady() - start < kPurgeTime) more = run_to_end(main_io_, purger_.step());
  } catch (const std::exception& error) {
    more = false;
    log::warn("expired rows could not be purged: {}", error.what());
  }
  if (!more)
    next_purge_ = start + every * (75 + std::hash<SteadyTime::rep>()(start.time_since_epoch().count()) % 50) / 100;
}

void Gateway::Parts::reload_upstream_certificates() {
  for (std::size_t i = 0; i < site_->upstream_tls.size(); ++i) {
    const auto& tls = site_->upstream_tls[i];
    const std::string& name = site_->configuration.upstreams[i].name;
    try {
      if (tls && tls->load_if_changed()) log::info("upstream {}: certificates reloaded", name);
    } catch (const std::exception& error) {
      log::error("upstream {}: certificates stay as they were: {}", name, error.what());
    }
  }
}

void Gateway::Parts::reload_certificates() {
  if (!tls_) return;
  try {
    if (tls_->reload_if_changed()) log::info("certificates reloaded");
  } catch (const std::exception& error) {
    log::error("certificates stay as they were: {}", error.what());
  }
  const SteadyTime now = clock_.steady();
  tls_->rotate_ticket_keys(now);
  const auto expires = tls_->expires_at();
  if (expires - clock_.now() > kCertificateWarnBefore) return;
  const bool expired = expires <= clock_.now();
  if (certificate_warned_ != SteadyTime{} &&
      now - certificate_warned_ < (expired ? std::chrono::hours(1) : std::chrono::hours(24)))
    return;
  certificate_warned_ = now;
  if (expired) {
    log::error("a certificate has expired at {}", to_iso(expires));
  } else {
    log::warn("a certificate expires at {}", to_iso(expires));
  }
}

}  // namespace gatehouse::app
