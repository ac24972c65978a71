#include <charconv>

#include "base/iso_time.hpp"
#include "storage/database.hpp"

namespace gatehouse::storage {

namespace {

[[noreturn]] void wrong_type(std::size_t column, const char* wanted) {
  throw StatementError("column " + std::to_string(column) + " of the row is not " + wanted);
}

}  // namespace

std::optional<WallTime> parse_stored_time(std::string text) {
  if (text.size() == 10) text += " 00:00:00";
  if (text.size() < 19) return std::nullopt;
  if (text[10] == ' ') {
    text[10] = 'T';
    if (text.ends_with("+00")) text.resize(text.size() - 3);
    text += 'Z';
  }
  return parse_iso(text);
}

const std::optional<std::string>& Row::optional_text(std::size_t column) const {
  if (column >= columns_.size()) throw StatementError("the row has no column " + std::to_string(column));
  return columns_[column];
}

const std::string& Row::text(std::size_t column) const {
  const auto& value = optional_text(column);
  if (!value) throw StatementError("column " + std::to_string(column) + " of the row is NULL");
  return *value;
}

bool Row::boolean(std::size_t column) const {
  const auto& value = text(column);
  if (value == "t" || value == "1") return true;
  if (value == "f" || value == "0") return false;
  wrong_type(column, "a boolean");
}

std::int64_t Row::integer(std::size_t column) const {
  const auto& value = text(column);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc{} || end != value.data() + value.size()) wrong_type(column, "an integer");
  return number;
}

WallTime Row::time(std::size_t column) const {
  const auto time = parse_stored_time(text(column));
  if (!time) wrong_type(column, "a time");
  return *time;
}

std::optional<WallTime> Row::optional_time(std::size_t column) const {
  if (!optional_text(column)) return std::nullopt;
  return time(column);
}

}  // namespace gatehouse::storage
