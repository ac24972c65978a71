// The coroutine type of the whole gateway. Bound to io_context's own executor: any_io_executor costs 8 % on the hot
// path.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace gatehouse {

namespace asio = boost::asio;

using Executor = asio::io_context::executor_type;

template <class T = void>
using Awaitable = asio::awaitable<T, Executor>;

inline constexpr asio::use_awaitable_t<Executor> use_awaitable{};

}  // namespace gatehouse
