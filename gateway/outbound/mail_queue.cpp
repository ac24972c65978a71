#include "outbound/mail_queue.hpp"

#include <algorithm>

namespace gatehouse::outbound {

namespace {

constexpr std::chrono::seconds kFirstWait{5};
constexpr std::chrono::seconds kLongestWait{600};

std::chrono::seconds wait_after(int tries) {
  auto wait = kFirstWait;
  for (int i = 1; i < tries && wait < kLongestWait; ++i) wait *= 4;
  return std::min(wait, kLongestWait);
}

}  // namespace

bool MailQueue::push(QueuedMail mail) {
  if (waiting_.size() >= size_max_) return false;
  waiting_.push_back(std::move(mail));
  return true;
}

std::optional<QueuedMail> MailQueue::take_due(SteadyTime now) {
  const auto first = std::ranges::min_element(waiting_, {}, &QueuedMail::due);
  if (first == waiting_.end() || first->due > now) return std::nullopt;
  QueuedMail mail = std::move(*first);
  waiting_.erase(first);
  return mail;
}

std::optional<SteadyTime> MailQueue::next_due() const {
  const auto first = std::ranges::min_element(waiting_, {}, &QueuedMail::due);
  return first == waiting_.end() ? std::nullopt : std::optional(first->due);
}

bool MailQueue::retry(QueuedMail mail, SteadyTime now) {
  if (mail.tries >= kTriesMax) return false;
  mail.due = now + wait_after(mail.tries);
  // Never refused: its place was free a moment ago.
  waiting_.push_back(std::move(mail));
  return true;
}

}  // namespace gatehouse::outbound
