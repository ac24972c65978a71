// Words for a route, for people at a terminal.
#pragma once
#include <string>

#include "config/configuration.hpp"

namespace gatehouse::app {

std::string describe_auth(const config::Route& route);        // required, role staff|admin, fresh 15m
std::string describe_methods(const config::Route& route);     // GET,POST or *
std::string describe_turnstile(const config::Route& route);   // always
std::string describe_rate_limit(const config::Route& route);  // 600 per 1m by session, ip

}  // namespace gatehouse::app
