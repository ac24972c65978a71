// The connections of one worker thread to PostgreSQL. They are opened one after the other as they are needed, up to a
// limit; a request goes to an idle one, else it joins the shortest pipeline, else it waits in a bounded queue, in
// order. When no connection can be had, requests fail at once until one of the attempts, which go on with a growing and
// jittered pause, succeeds.
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

// Shared by its Database, its attempt to connect and what coroutines hold of it.
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
  static Awaitable<> keep_connecting(std::shared_ptr<PostgresPool> self);
  void on_connected(PostgresHandle handle);
  void on_failed(const std::string& why);
  void fail_waiting(const std::string& why);
  std::chrono::milliseconds pause(std::size_t attempts);

  const Executor executor_;
  const PostgresTarget target_;
  const StoreOptions options_;
  Timer pause_;
  std::minstd_rand jitter_;
  std::vector<std::shared_ptr<PostgresConnection>> connections_;
  std::deque<std::shared_ptr<PostgresRequest>> waiting_;
  std::string down_;  // why there is no connection; empty while that is not known
  bool connecting_ = false;
  bool closed_ = false;
};

}  // namespace gatehouse::storage
