// Which mail is tried when: a bounded queue in which a mail that could not be delivered waits longer each time, and
// goes when its link has expired. Decisions alone; the thread around it is queued_mailer.hpp.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "base/clock.hpp"
#include "outbound/mailer.hpp"

namespace gatehouse::outbound {

struct QueuedMail {
  Mail mail;
  std::string id;  // of its Message-ID: the same at each try, so that a mail that arrives twice is recognised
  SteadyTime due;
  int tries = 0;
};

// Not locked: its owner does that.
class MailQueue {
 public:
  static constexpr int kTriesMax = 8;

  explicit MailQueue(std::size_t size_max) : size_max_(size_max) {}

  // False: it is full, the mail is dropped.
  bool push(QueuedMail mail);
  // The mail that has been due for longest, taken out of the queue.
  std::optional<QueuedMail> take_due(SteadyTime now);
  // When the next one is due. Absent: the queue is empty.
  std::optional<SteadyTime> next_due() const;
  // After a try that failed for now: back into the queue, to be tried after 5 s, 20 s, 80 s … 10 minutes. False: that
  // was the last try.
  bool retry(QueuedMail mail, SteadyTime now);

  std::size_t size() const { return waiting_.size(); }

 private:
  const std::size_t size_max_;
  std::deque<QueuedMail> waiting_;
};

}  // namespace gatehouse::outbound
