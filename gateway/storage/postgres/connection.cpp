#include "storage/postgres/connection.hpp"

#include <array>
#include <utility>

#include "base/iso_time.hpp"
#include "storage/postgres/answer.hpp"

namespace gatehouse::storage {

namespace {

constexpr std::size_t kPreparedMax = 512;  // what comes beyond is parsed each time

// Text forms of the parameters; the server infers the types from the statement.
class Encoded {
 public:
  explicit Encoded(const Parameters& parameters) : texts_(parameters.size()), values_(parameters.size(), nullptr) {
    for (std::size_t i = 0; i < parameters.size(); ++i) values_[i] = encode(parameters[i], texts_[i]);
  }
  int count() const { return static_cast<int>(values_.size()); }
  const char* const* values() const { return values_.data(); }

 private:
  static const char* encode(const Value& value, std::string& text) {
    if (const auto* own = std::get_if<std::string>(&value)) return own->c_str();
    if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "t" : "f";
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
      text = std::to_string(*number);
    } else if (const auto* time = std::get_if<WallTime>(&value)) {
      text = to_iso(*time);
    } else {
      return nullptr;
    }
    return text.c_str();
  }

  std::vector<std::string> texts_;
  std::vector<const char*> values_;
};

}  // namespace

void PostgresRequest::complete(Outcome result) {
  outcome = std::move(result);
  done = true;
  wake();
}

void PostgresRequest::wake() {
  if (waiter != nullptr) waiter->cancel();
}

std::shared_ptr<PostgresConnection> PostgresConnection::start(Executor executor, PostgresHandle handle, Owner& owner,
                                                              std::chrono::milliseconds statement_timeout) {
  std::shared_ptr<PostgresConnection> connection(
      new PostgresConnection(executor, std::move(handle), owner, statement_timeout));
  connection->wait_readable();
  return connection;
}

PostgresConnection::PostgresConnection(Executor executor, PostgresHandle handle, Owner& owner,
                                       std::chrono::milliseconds statement_timeout)
    : deadlines_(executor),
      statement_timeout_(statement_timeout),
      owner_(&owner),
      handle_(std::move(handle)),
      socket_(executor, PQsocket(handle_.get())) {}

PostgresConnection::~PostgresConnection() {
  if (socket_.is_open()) socket_.release();  // libpq closes it
}

void PostgresConnection::send(std::shared_ptr<PostgresRequest> request) {
  if (!handle_) {
    request->complete(store_error(StoreError::Kind::unavailable, "the connection to the database is gone"));
    return;
  }
  if (request->exclusive) exclusive_ = true;
  Sent sent;
  sent.deadline = std::chrono::steady_clock::now() + statement_timeout_;
  sent.request = std::move(request);
  const bool sendable = enqueue(sent);
  sent.request->connection = shared_from_this();
  sent.request->wake();
  in_flight_.push_back(std::move(sent));
  if (!sendable) {
    close(one_line(PQerrorMessage(handle_.get())));
    return;
  }
  if (!watching_) watch_deadlines();
  flush();
}

bool PostgresConnection::enqueue(Sent& sent) {
  PGconn* connection = handle_.get();
  const auto& sql = sent.request->sql;
  const Encoded parameters(sent.request->parameters);
  const auto known = prepared_.find(sql);
  bool queued = false;
  if (known != prepared_.end() || prepared_.size() < kPreparedMax) {
    sent.preparing = known == prepared_.end();
    const std::string name = sent.preparing ? "s" + std::to_string(++names_) : known->second;
    if (sent.preparing) {
      prepared_.emplace(sql, name);
      if (PQsendPrepare(connection, name.c_str(), sql.c_str(), 0, nullptr) == 0) return false;
    }
    queued = PQsendQueryPrepared(connection, name.c_str(), parameters.count(), parameters.values(), nullptr, nullptr,
                                 0) == 1;
  } else {
    queued = PQsendQueryParams(connection, sql.c_str(), parameters.count(), nullptr, parameters.values(), nullptr,
                               nullptr, 0) == 1;
  }
  return queued && PQpipelineSync(connection) == 1;
}

void PostgresConnection::flush() {
  if (writing_) return;
  const int left = PQflush(handle_.get());
  if (left < 0) {
    close(one_line(PQerrorMessage(handle_.get())));
  } else if (left > 0) {
    wait_writable();
  }
}

void PostgresConnection::wait_writable() {
  writing_ = true;
  socket_.async_wait(decltype(socket_)::wait_write, [self = shared_from_this()](boost::system::error_code failed) {
    self->writing_ = false;
    if (!failed && self->handle_) self->flush();
  });
}

// Waited for even when nothing is under way: this is how the end of the connection is noticed before a request meets
// it.
void PostgresConnection::wait_readable() {
  socket_.async_wait(decltype(socket_)::wait_read, [self = shared_from_this()](boost::system::error_code failed) {
    if (failed || !self->handle_) return;
    self->read_answers();
    if (self->handle_) self->wait_readable();
  });
}

void PostgresConnection::read_answers() {
  PGconn* connection = handle_.get();
  if (PQconsumeInput(connection) == 0) return close(one_line(PQerrorMessage(connection)));
  bool answered = false;
  int ends_in_a_row = 0;  // one ends the answers to a command, two mean that libpq expects nothing more
  while (handle_ && PQisBusy(connection) == 0 && !in_flight_.empty()) {
    const PostgresResult result(PQgetResult(connection));
    if (!result) {
      if (++ends_in_a_row > 1) return close("answers and requests do not match");
      continue;
    }
    ends_in_a_row = 0;
    if (PQresultStatus(result.get()) == PGRES_PIPELINE_SYNC) {
      finish_first();
      answered = true;
    } else {
      accept(result.get());
    }
  }
  take_notifications();
  if (!handle_) return;
  if (PQstatus(connection) == CONNECTION_BAD) return close(one_line(PQerrorMessage(connection)));
  flush();
  if (handle_ && spoilt_ && in_flight_.empty() && !exclusive_) return close("the connection cannot be used any longer");
  if (answered && owner_ != nullptr) owner_->on_progress();
}

void PostgresConnection::take_notifications() {
  while (handle_ && owner_ != nullptr) {
    const std::unique_ptr<PGnotify, void (*)(void*)> heard(PQnotifies(handle_.get()), PQfreemem);
    if (!heard) return;
    owner_->on_notification(heard->relname, heard->extra);
  }
}

void PostgresConnection::accept(const PGresult* result) {
  auto& first = in_flight_.front();
  const auto status = PQresultStatus(result);
  const bool preparing = std::exchange(first.preparing, false);
  if (status == PGRES_PIPELINE_ABORTED) return;  // what follows the error of its Prepare
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
    if (preparing || !first.outcome) return;
    first.outcome = read_result(result);
    const bool refused =
        first.request->sql == "COMMIT" && std::string_view(PQcmdStatus(const_cast<PGresult*>(result))) != "COMMIT";
    if (refused) first.outcome = store_error(StoreError::Kind::statement, "a statement of this transaction failed");
    return;
  }
  if (status == PGRES_FATAL_ERROR) {
    if (first.outcome) first.outcome = std::unexpected(read_error(result, first.request->sql));
    if (preparing) prepared_.erase(first.request->sql);
    if (spoils_connection(result)) spoilt_ = true;
    return;
  }
  // COPY and its like: nobody here reads them, so the connection would stand still.
  first.outcome = store_error(StoreError::Kind::statement, "not a statement with rows: " + first.request->sql);
  spoilt_ = true;
}

void PostgresConnection::finish_first() {
  auto first = std::move(in_flight_.front());
  in_flight_.pop_front();
  if (first.request->releases) {
    exclusive_ = false;
    // A connection whose transaction may still be open is nobody's any more.
    if (!first.outcome) spoilt_ = true;
  }
  first.request->complete(std::move(first.outcome));
}

void PostgresConnection::watch_deadlines() {
  watching_ = !in_flight_.empty();
  if (!watching_) return;
  deadlines_.expires_at(in_flight_.front().deadline);
  deadlines_.async_wait([self = shared_from_this()](boost::system::error_code cancelled) {
    if (cancelled || !self->handle_) return;
    const bool late =
        !self->in_flight_.empty() && self->in_flight_.front().deadline <= std::chrono::steady_clock::now();
    if (late) return self->close("a statement took too long");
    self->watch_deadlines();
  });
}

void PostgresConnection::close(const std::string& why) {
  if (!handle_) return;
  const auto self = shared_from_this();  // the owner lets go of it
  socket_.cancel();
  socket_.release();
  handle_.reset();
  deadlines_.cancel();
  for (auto& sent : std::exchange(in_flight_, {})) {
    sent.request->complete(store_error(StoreError::Kind::unavailable, why));
  }
  if (owner_ != nullptr) std::exchange(owner_, nullptr)->on_closed(*this);
}

void PostgresConnection::abandon() {
  owner_ = nullptr;
  close("the database is being closed");
}

}  // namespace gatehouse::storage
