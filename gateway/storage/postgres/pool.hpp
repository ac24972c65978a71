// The connections of one worker thread to PostgreSQL. They are opened one after the other as they are needed, up to a
// limit; a request goes to an idle one, else it joins the shortest pipeline, else it waits in a bounded queue, in
// order.
//
// When no connection can be had, requests fail at once; after a pause, which grows and is jittered, the next one that
// comes waits for a new attempt. Nothing goes on without requests, so a server that is down costs nothing.
#pragma once
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "storage/open.hpp"
#include "storage/postgres/connection.hpp"
#include "storage/postgres/target.hpp"

namespace gatehouse::storage {

// Shared by its Database, an attempt to connect and what coroutines hold of it.
class PostgresPool final : public PostgresConnection::Owner, public std::enable_shared_from_this<PostgresPool> {
 public:
  PostgresPool(Executor executor, PostgresTarget target, StoreOptions options);

  // The request is completed when it is answered or has failed.
  void submit(std::shared_ptr<PostgresRequest> request);
  // Its caller has given up waiting for a connection.
  void forget(const PostgresRequest& request);
  // Fails what is under way; nothing is connected any more.
  void close();

  const StoreOptions& options() const { return options_; }

 private:
  void on_progress() override;
  void on_closed(PostgresConnection& connection) override;
  std::shared_ptr<PostgresConnection> choose(const PostgresRequest& request) const;
  void dispatch();
  void grow();
  static Awaitable<> connect(std::shared_ptr<PostgresPool> self);
  void on_connected(PostgresHandle handle);
  void on_failed(const std::string& why);
  void fail_waiting(const std::string& why);
  std::chrono::milliseconds pause();

  const Executor executor_;
  const PostgresTarget target_;
  const StoreOptions options_;
  std::minstd_rand jitter_;
  std::vector<std::shared_ptr<PostgresConnection>> connections_;
  std::deque<std::shared_ptr<PostgresRequest>> waiting_;
  std::string down_;           // why there is no connection; empty while that is not known
  std::size_t failures_ = 0;   // attempts since the last one that succeeded
  SteadyTime next_attempt_{};  // not before
  bool connecting_ = false;
  bool closed_ = false;
};

}  // namespace gatehouse::storage
