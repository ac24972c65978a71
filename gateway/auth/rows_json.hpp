// Users and sessions as the endpoints show them.
#pragma once
#include <boost/json/object.hpp>

#include "auth/identity.hpp"

namespace gatehouse::auth {

boost::json::object to_json(const User& user);
boost::json::object to_json(const Session& session);

}  // namespace gatehouse::auth
