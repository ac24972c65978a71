// The client's address by Better Auth's own rule (1.7.25, utils/ip), where `auth.ip_address` asks for it: read from
// headers, so to be used only behind a proxy that writes them. Without that setting the edge's client address is taken.
#pragma once
#include <string>

#include "auth/feature.hpp"
#include "config/configuration.hpp"

namespace gatehouse::auth {

// IPv6 masked to the rule's subnet and written in full. "": no header says it, or nobody is to be tracked.
std::string read_client_address(const Headers& headers, const config::IpAddressRule& rule);

}  // namespace gatehouse::auth
