// The database as the process sees it: opened once from `gateway.database.url`, it gives each worker thread a Database
// of its own.
#pragma once
#include <chrono>
#include <cstddef>
#include <expected>
#include <memory>
#include <string>

#include "base/secret.hpp"
#include "storage/change_feed.hpp"
#include "storage/database.hpp"

namespace gatehouse::storage {

struct StoreOptions {
  std::chrono::milliseconds acquire_timeout{2'000};    // to wait for a connection, or for SQLite's turn
  std::chrono::milliseconds statement_timeout{2'000};  // from then to the answer
  std::size_t queue = 1'024;                           // calls that may wait; PostgreSQL: of one worker, SQLite: of all
  std::size_t connections = 4;                         // PostgreSQL: at most so many for each worker
  // Writes fail. An SQLite file that is not there is not made: the Database is empty.
  bool read_only = false;
};

// For the migrator: a change of a large table takes its time, and other processes may be at it.
inline StoreOptions migration_options() {
  return {.acquire_timeout = std::chrono::minutes{10}, .statement_timeout = std::chrono::minutes{10}, .connections = 1};
}

// Any thread may call it. Lives longer than what it gave.
class Store {
 public:
  virtual ~Store() = default;
  virtual Engine engine() const = 0;
  // The Database of the thread that runs `executor`. Destroy it before that io_context. Nothing is awaited here:
  // PostgreSQL is connected to at the first call, and a server that is down then fails the call, not the start. An open
  // connection to PostgreSQL is watched while it is idle, so it keeps io_context::run() from returning.
  virtual std::unique_ptr<Database> connect(Executor executor) = 0;
  // With time-outs (and, for PostgreSQL, a number of connections) of its own.
  virtual std::unique_ptr<Database> connect(Executor executor, StoreOptions options) = 0;
  // Follows what anybody changes, on the thread that runs `executor`; one for a process. `listener` outlives it.
  virtual std::unique_ptr<ChangeFeed> follow(Executor executor, ChangeFeed::Listener& listener,
                                             FeedOptions options) = 0;
};

// `url`: postgres://… or postgresql://… (libpq's URL with all its options), sqlite:FILE (created with mode 0600 if it
// is not there) or sqlite::memory: (each Store its own; tests). The error is a sentence for the operator and never
// holds a part of the URL's authority.
std::expected<std::unique_ptr<Store>, std::string> open_store(const Secret& url, StoreOptions options = {});

}  // namespace gatehouse::storage
