// A timer bound to the gateway's executor type.
#pragma once
#include <boost/asio/basic_waitable_timer.hpp>
#include <chrono>

#include "base/awaitable.hpp"

namespace gatehouse::storage {

using Timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;

}  // namespace gatehouse::storage
