#include "base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace gatehouse {

void check_failed(const char* expression, std::source_location where) {
  std::fprintf(stderr, "%s:%u: check failed: %s\n", where.file_name(), static_cast<unsigned>(where.line()), expression);
  std::abort();
}

}  // namespace gatehouse
