// Who is asking: the socket's address, or, behind proxies that the operator listed, the nearest address to the left
// that is not one of them. No other header is ever believed.
#pragma once
#include <vector>

#include "http/exchange.hpp"

namespace gatehouse::pipeline {

// X-Forwarded-For is walked from the right while the hops are trusted; an unreadable hop ends the walk at the last
// readable one.
IpAddress find_client_address(const IpAddress& peer, http::HeaderFields fields,
                              const std::vector<Cidr>& trusted_proxies);

}  // namespace gatehouse::pipeline
