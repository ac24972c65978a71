// Our own mistakes: an assertion that stays on in release builds.
#pragma once
#include <source_location>

namespace gatehouse {

[[noreturn]] void check_failed(const char* expression, std::source_location where);

}  // namespace gatehouse

#define GATEHOUSE_CHECK(expression)                                            \
  do {                                                                         \
    if (!(expression)) [[unlikely]]                                            \
      ::gatehouse::check_failed(#expression, std::source_location::current()); \
  } while (false)
