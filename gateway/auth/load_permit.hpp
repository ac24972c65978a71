// Lets the look-up of a session begin before it is known whether its request may cost a query: Redis is asked at once,
// the database only when the permit is granted. For a request whose limits are being counted meanwhile.
#pragma once
#include "base/event.hpp"

namespace gatehouse::auth {

// What a load ends with whose permit was refused, for all who joined it: they begin again.
struct LoadWithdrawn {};

// Belongs to one thread; shared by the request and its load. Must be decided.
class LoadPermit {
 public:
  explicit LoadPermit(const Executor& executor) : decided_(executor) {}

  // The first decision stands.
  void decide(bool granted) {
    if (decided_.is_set()) return;
    granted_ = granted;
    decided_.set();
  }
  bool is_refused() const { return decided_.is_set() && !granted_; }
  Awaitable<> wait() { return decided_.wait(); }

 private:
  Event decided_;
  bool granted_ = false;
};

}  // namespace gatehouse::auth
