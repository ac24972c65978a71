// Ids of new rows, and what of a client's text can be looked up at all.
#pragma once
#include <string>
#include <string_view>

#include "base/random.hpp"
#include "storage/adoption.hpp"

namespace gatehouse::auth {

// 32 characters as Better Auth makes them, a random UUID (RFC 9562, version 4), or empty where the database makes it.
std::string make_row_id(storage::IdKind kind, Random& random);

// No store holds text with U+0000 or invalid UTF-8, and none is asked for it: nothing can be found there.
bool is_storable(std::string_view text);

}  // namespace gatehouse::auth
