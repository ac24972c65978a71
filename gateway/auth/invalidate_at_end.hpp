// For whoever changes what the session cache holds: forgets it there when the change is over, after the statement,
// whether it succeeded, failed, or its answer was lost.
#pragma once
#include <string>

#include "auth/session_cache.hpp"

namespace gatehouse::auth {

struct InvalidateAtEnd {
  SessionCache& cache;
  const std::string& token;
  ~InvalidateAtEnd() { cache.invalidate(token); }
};

struct InvalidateUserAtEnd {
  SessionCache& cache;
  const std::string& user_id;
  ~InvalidateUserAtEnd() { cache.invalidate_user(user_id); }
};

}  // namespace gatehouse::auth
