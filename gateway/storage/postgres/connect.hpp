// Opens one connection to PostgreSQL without blocking the thread: name look-up, connecting, TLS, authentication and the
// settings of the session.
#pragma once
#include <chrono>
#include <expected>
#include <string>

#include "base/awaitable.hpp"
#include "storage/open.hpp"
#include "storage/postgres/handle.hpp"
#include "storage/postgres/target.hpp"

namespace gatehouse::storage {

// The connection in pipeline mode, not blocking; its times are UTC in ISO form. All of it takes at most 2 s.
// `turn` rotates the order of the servers, so that one that does not answer at all cannot hide the next. The error is
// one line for the log, without secrets. `target` outlives the call.
Awaitable<std::expected<PostgresHandle, std::string>> connect_postgres(const PostgresTarget& target,
                                                                       StoreOptions options, std::size_t turn);

}  // namespace gatehouse::storage
