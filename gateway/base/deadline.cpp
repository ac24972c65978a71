#include "base/deadline.hpp"

namespace gatehouse {

Deadline::Deadline(Deadlines& deadlines, void* owner, OnExpiry on_expiry)
    : deadlines_(deadlines), owner_(owner), on_expiry_(on_expiry), next_(deadlines.first_) {
  if (next_) next_->previous_ = this;
  deadlines.first_ = this;
}

Deadline::~Deadline() {
  if (deadlines_.cursor_ == this) deadlines_.cursor_ = next_;
  if (previous_) previous_->next_ = next_;
  if (next_) next_->previous_ = previous_;
  if (deadlines_.first_ == this) deadlines_.first_ = next_;
}

void Deadline::set(std::chrono::milliseconds from_now) {
  set_at(deadlines_.now() + from_now);
}

void Deadline::set_at(SteadyTime at) {
  at_ = at;
  expired_ = false;
}

void Deadlines::sweep(SteadyTime now) {
  now_ = now;
  cursor_ = first_;
  while (cursor_) {
    Deadline& deadline = *cursor_;
    cursor_ = deadline.next_;
    if (deadline.at_ > now) continue;
    deadline.at_ = SteadyTime::max();
    deadline.expired_ = true;
    deadline.on_expiry_(deadline.owner_);
  }
}

}  // namespace gatehouse
