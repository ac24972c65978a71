// Wall time as text: fixed 24 characters "2026-01-31T23:59:59.123Z", as JavaScript's toISOString writes it and as
// SQLite stores it.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace gatehouse {

std::string to_iso(WallTime time);

// Takes the form that to_iso writes, and the same without or with other fractions ("…59Z", "…59.1Z"). Absent if it is
// anything else.
std::optional<WallTime> parse_iso(std::string_view text);

}  // namespace gatehouse
