// JSON as JavaScript takes it. What Better Auth signs is text as JSON.stringify writes it, and it makes the text anew
// from the parsed value before it verifies.
#pragma once
#include <boost/json/value.hpp>
#include <string>

namespace gatehouse::auth {

std::string to_script_json(const boost::json::value& value);

// Numbers that are too large for a double are infinite in JavaScript, which writes them as null. Boost.JSON writes
// "Infinity", and nobody can read it again: whoever keeps what others wrote calls this first.
void replace_infinities(boost::json::value& value);

// JavaScript's truth of a value.
bool is_truthy(const boost::json::value& value);

}  // namespace gatehouse::auth
