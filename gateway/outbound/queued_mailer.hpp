// The mailer of the running gateway: a bounded queue and one thread that writes mails from their templates and hands
// them to the transport, one after the other. Whoever calls send() waits for nothing.
//
// What could not be delivered is tried again for about half an hour, at most until its link expires. The queue is in
// memory alone: a mail that a restart loses is asked for again by the person who misses it.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>

#include "base/random.hpp"
#include "outbound/mail_queue.hpp"
#include "outbound/mail_templates.hpp"
#include "outbound/mail_transport.hpp"

namespace gatehouse::outbound {

// Since the start; any thread.
struct MailCounts {
  std::uint64_t sent = 0;
  std::uint64_t failed = 0;   // refused by the server, or given up
  std::uint64_t dropped = 0;  // the queue was full, the gateway ended, or no server would know the address
  std::uint64_t expired = 0;  // the link had expired before the mail could be sent
  std::size_t waiting = 0;
};

class QueuedMailer final : public Mailer {
 public:
  struct Settings {
    Mailbox from;
    std::size_t queue_max = 1000;
    std::chrono::milliseconds stop_time{3000};  // in which stop() still sends what waits
  };

  QueuedMailer(Settings settings, MailTemplates templates, std::unique_ptr<MailTransport> transport, const Clock& clock,
               Random& random);
  ~QueuedMailer() override;

  void send(Mail mail) override;
  MailCounts counts() const;
  // Sends what is due, for at most stop_time, and ends the thread. What comes later is dropped.
  void stop();

 private:
  void work();
  void deliver(QueuedMail mail);
  void settle(QueuedMail mail, Delivery delivery);
  void tell_state(const Delivery& delivery);

  const Settings settings_;
  const MailTemplates templates_;
  const std::unique_ptr<MailTransport> transport_;
  const Clock& clock_;
  Random& random_;
  std::atomic<std::uint64_t> sent_{0};
  std::atomic<std::uint64_t> failed_{0};
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<std::uint64_t> expired_{0};
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  MailQueue queue_;
  bool stopping_ = false;
  SteadyTime stop_by_{};
  bool works_ = true;  // the thread's alone: whether the last try reached the server
  std::thread thread_;
};

}  // namespace gatehouse::outbound
