// JSON as JavaScript's JSON.stringify writes it: what Better Auth signs is such a text, and it makes the text anew from
// the parsed value before it verifies.
#pragma once
#include <boost/json/value.hpp>
#include <string>

namespace gatehouse::auth {

std::string to_script_json(const boost::json::value& value);

}  // namespace gatehouse::auth
