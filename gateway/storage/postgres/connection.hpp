// One connection to PostgreSQL in pipeline mode: requests are sent without waiting for the answers of those before,
// each with a sync of its own, so that an error concerns one request alone (a sync shared by several would be one
// transaction).
//
// Belongs to the thread of its pool; nothing in it waits. Its answers complete the requests and wake who waits for
// them.
#pragma once
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "storage/postgres/handle.hpp"
#include "storage/store_error.hpp"
#include "storage/timer.hpp"

namespace gatehouse::storage {

class PostgresConnection;

// One statement on its way. Shared by the coroutine that waits (and may give up) and the pool or connection that has
// it.
struct PostgresRequest {
  std::string sql;
  Parameters parameters;
  bool exclusive = false;                          // BEGIN: has the connection for itself from then on
  bool releases = false;                           // ends that
  std::shared_ptr<PostgresConnection> connection;  // once it was sent
  Timer* waiter = nullptr;
  bool done = false;
  Outcome outcome;

  void complete(Outcome result);
  void wake();
};

class PostgresConnection : public std::enable_shared_from_this<PostgresConnection> {
 public:
  // Told what happened to it; the pool.
  class Owner {
   public:
    virtual void on_progress() = 0;  // a request was answered
    virtual void on_closed(PostgresConnection& connection) = 0;
    // What a LISTEN of this connection hears. May close it.
    virtual void on_notification(std::string_view, std::string_view) {}

   protected:
    ~Owner() = default;
  };

  // Shared, because handlers of the reactor and requests under way hold it beyond the pool's life.
  static std::shared_ptr<PostgresConnection> start(Executor executor, PostgresHandle handle, Owner& owner,
                                                   std::chrono::milliseconds statement_timeout);
  ~PostgresConnection();

  // Completes the request at once, failed, if it is closed.
  void send(std::shared_ptr<PostgresRequest> request);

  // Fails what is under way and tells the owner. Whether a statement under way was executed is unknown then.
  void close(const std::string& why);
  // The owner goes: it is told nothing any more.
  void abandon();

  // How many requests are under way.
  std::size_t load() const { return in_flight_.size(); }
  bool exclusive() const { return exclusive_; }
  // Takes new requests of anybody.
  bool open() const { return handle_ && !exclusive_ && !spoilt_; }

 private:
  struct Sent {
    std::shared_ptr<PostgresRequest> request;
    SteadyTime deadline;
    bool preparing = false;  // the next answer is that to its Prepare
    Outcome outcome;         // complete when the sync comes
  };

  PostgresConnection(Executor executor, PostgresHandle handle, Owner& owner,
                     std::chrono::milliseconds statement_timeout);
  bool enqueue(Sent& sent);
  void flush();
  void wait_readable();
  void wait_writable();
  void read_answers();
  void take_notifications();
  void accept(const PGresult* result);
  void finish_first();
  void watch_deadlines();

  Timer deadlines_;
  const std::chrono::milliseconds statement_timeout_;
  Owner* owner_;
  PostgresHandle handle_;  // empty: closed
  asio::posix::basic_stream_descriptor<Executor> socket_;
  std::deque<Sent> in_flight_;
  std::unordered_map<std::string, std::string> prepared_;  // text to name
  std::uint64_t names_ = 0;
  bool exclusive_ = false;
  bool spoilt_ = false;
  bool writing_ = false;
  bool watching_ = false;
};

}  // namespace gatehouse::storage
