// The io_context of one thread.
#pragma once
#include <boost/asio/io_context.hpp>

namespace gatehouse::app {

class IoContext : public boost::asio::io_context {
 public:
  IoContext() : boost::asio::io_context(1) {}
  // Lets go of what waits on it before it is destroyed itself, and before what its frames refer to is.
  using execution_context::shutdown;
};

}  // namespace gatehouse::app
