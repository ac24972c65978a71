// libcurl wants to be started once, before the first thread that uses it.
#pragma once

namespace gatehouse::outbound {

// Any number of times, from any thread.
void start_curl();

}  // namespace gatehouse::outbound
