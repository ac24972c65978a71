#include "upstream/server_health.hpp"

namespace gatehouse::upstream {

ServerHealth::Change ServerHealth::on_failure(SteadyTime now, bool may_leave_out) {
  last_ = now;
  if (++failures_ == 1) began_ = now;
  row_ = std::min(row_ + 1, kRow);
  // Requests that were under way when it was left out say nothing new.
  const bool is_out = checks_fail_ || now < out_until_;
  if (row_ == kRow && may_leave_out && !is_out) {
    out_for_ = out_for_.count() == 0 ? kOutFirst : std::min(out_for_ * 2, kOutLongest);
    out_until_ = now + out_for_;
    return Change::left_out;
  }
  return failures_ == 1 ? Change::begins_to_fail : Change::none;
}

// The row goes on where the server is left out: after its return one failure is enough, until it has answered.
ServerHealth::Change ServerHealth::on_answer(SteadyTime now, bool is_probe) {
  if (checks_fail_) return Change::none;
  if (now < out_until_) {
    if (!is_probe) return Change::none;
    out_until_ = now;
  }
  row_ = 0;
  if (failures_ == 0 || now - std::max(last_, out_until_) < kCalm) return Change::none;
  out_for_ = std::chrono::seconds(0);
  return Change::serves_again;
}

ServerHealth::Change ServerHealth::on_check(SteadyTime now, bool passed) {
  if (!passed) {
    checks_passed_ = 0;
    checks_failed_ = std::min(checks_failed_ + 1, kChecksFall);
    if (checks_fail_ || (has_passed_ && checks_failed_ < kChecksFall)) return Change::none;
    checks_fail_ = true;
    return Change::checks_fail;
  }
  checks_failed_ = 0;
  checks_passed_ = std::min(checks_passed_ + 1, kChecksRise);
  const bool is_enough = !has_passed_ || checks_passed_ == kChecksRise;
  has_passed_ = true;
  if (!checks_fail_ || !is_enough) return Change::none;
  checks_fail_ = false;
  row_ = 0;
  out_until_ = now;
  return Change::checks_pass;
}

std::uint32_t ServerHealth::share(SteadyTime serves_from, SteadyTime now) {
  if (serves_from == kAlways) return kFullShare;
  if (now < serves_from) return 0;
  const auto since = now - serves_from;
  if (since >= kReturn) return kFullShare;
  const auto grown = (kFullShare - kFirstShare) * since / SteadyTime::duration(kReturn);
  return kFirstShare + static_cast<std::uint32_t>(grown);
}

}  // namespace gatehouse::upstream
