// What PostgreSQL answered, translated: rows, and SQLSTATE codes into the three kinds of errors that database.hpp
// knows. Source: PostgreSQL 15, appendix A.
#pragma once
#include <string>
#include <string_view>

#include "storage/postgres/handle.hpp"
#include "storage/store_error.hpp"

namespace gatehouse::storage {

// Of a result that ended well (PGRES_TUPLES_OK or PGRES_COMMAND_OK).
ResultSet read_result(const PGresult* result);

// Of a result that is an error. Never quotes values: the server's details do ("Key (email)=(…) already exists").
StoreError read_error(const PGresult* result, std::string_view sql);

// The connection itself is what is wrong (it lost its prepared statements, leads to a read-only standby): it should be
// closed when it has nothing to do.
bool spoils_connection(const PGresult* result);

// One line without the line breaks and spaces of libpq's messages.
std::string one_line(const char* message);

}  // namespace gatehouse::storage
