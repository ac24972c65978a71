#include "storage/postgres/answer.hpp"

#include <charconv>

namespace gatehouse::storage {

namespace {

std::string_view field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? std::string_view() : std::string_view(text);
}

StoreError::Kind kind_of(std::string_view state) {
  using Kind = StoreError::Kind;
  if (state == "23505") return Kind::unique;
  if (state == "23503") return Kind::foreign_key;
  if (state == "23502") return Kind::not_null;
  if (state == "08P01") return Kind::statement;         // a wrong number of parameters
  if (state == "54000") return Kind::other_constraint;  // longer than an index takes
  const auto group = state.substr(0, 2);
  if (group == "23" || group == "22") return Kind::other_constraint;
  // Connection, transaction conflicts, resources, limits of time, shutdown, the system, a damaged file.
  for (const std::string_view outside : {"", "08", "40", "53", "55", "57", "58", "XX", "28"}) {
    if (group == outside) return Kind::unavailable;
  }
  return Kind::statement;
}

}  // namespace

ResultSet read_result(const PGresult* result) {
  ResultSet set;
  const int rows = PQntuples(result), columns = PQnfields(result);
  set.rows.reserve(static_cast<std::size_t>(rows));
  for (int row = 0; row < rows; ++row) {
    std::vector<std::optional<std::string>> values(static_cast<std::size_t>(columns));
    for (int column = 0; column < columns; ++column) {
      if (PQgetisnull(result, row, column) != 0) continue;
      values[static_cast<std::size_t>(column)].emplace(PQgetvalue(result, row, column),
                                                       static_cast<std::size_t>(PQgetlength(result, row, column)));
    }
    set.rows.emplace_back(std::move(values));
  }
  const std::string_view tag = PQcmdStatus(const_cast<PGresult*>(result));
  if (tag.starts_with("INSERT") || tag.starts_with("UPDATE") || tag.starts_with("DELETE")) {
    const std::string_view count = PQcmdTuples(const_cast<PGresult*>(result));
    std::from_chars(count.data(), count.data() + count.size(), set.affected);
  }
  return set;
}

StoreError read_error(const PGresult* result, std::string_view sql) {
  const auto state = field(result, PG_DIAG_SQLSTATE);
  const auto kind = spoils_connection(result) ? StoreError::Kind::unavailable : kind_of(state);
  std::string detail = "SQLSTATE " + std::string(state);
  if (const auto constraint = field(result, PG_DIAG_CONSTRAINT_NAME); !constraint.empty()) {
    detail.append(" constraint ").append(constraint);
  } else if (!state.starts_with("22")) {
    detail.append(": ").append(state.empty() ? one_line(PQresultErrorMessage(result))
                                             : field(result, PG_DIAG_MESSAGE_PRIMARY));
  }
  if (kind == StoreError::Kind::statement) detail.append(" in: ").append(sql);
  return {kind, std::move(detail)};
}

bool spoils_connection(const PGresult* result) {
  const auto state = field(result, PG_DIAG_SQLSTATE);
  // "cached plan must not change result type": a table was changed under a prepared statement.
  if (state == "0A000") return field(result, PG_DIAG_SOURCE_FUNCTION) == "RevalidateCachedQuery";
  return state == "26000" || state == "25006" || state == "57P01" || state == "57P02";
}

std::string one_line(const char* message) {
  std::string line;
  for (const char* c = message; c != nullptr && *c != '\0'; ++c) {
    const bool space = *c == '\n' || *c == '\t' || *c == ' ';
    if (!space) {
      line += *c;
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
  }
  if (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

}  // namespace gatehouse::storage
