#include "outbound/queued_mailer.hpp"

#include <sys/resource.h>

#include <algorithm>

#include "base/log.hpp"

namespace gatehouse::outbound {

namespace {

constexpr int kNiceness = 10;  // behind whoever answers requests

std::string domain_of(const std::string& address) {
  return address.substr(address.find('@') + 1);
}

}  // namespace

QueuedMailer::QueuedMailer(Settings settings, MailTemplates templates, std::unique_ptr<MailTransport> transport,
                           const Clock& clock, Random& random)
    : settings_(std::move(settings)),
      templates_(std::move(templates)),
      transport_(std::move(transport)),
      clock_(clock),
      random_(random),
      queue_(settings_.queue_max),
      thread_([this] { work(); }) {}

QueuedMailer::~QueuedMailer() {
  stop();
}

void QueuedMailer::send(Mail mail) {
  QueuedMail queued{std::move(mail), random_.text(24) + "@" + domain_of(settings_.from.address), clock_.steady(), 0};
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_ && queue_.push(std::move(queued))) {
      changed_.notify_one();
      return;
    }
  }
  if (dropped_.fetch_add(1, std::memory_order_relaxed) % settings_.queue_max == 0)
    log::error("mails are dropped: {} wait already", settings_.queue_max);
}

MailCounts QueuedMailer::counts() const {
  const std::lock_guard lock(mutex_);
  return {sent_.load(std::memory_order_relaxed), failed_.load(std::memory_order_relaxed),
          dropped_.load(std::memory_order_relaxed), expired_.load(std::memory_order_relaxed), queue_.size()};
}

void QueuedMailer::work() {
  ::setpriority(PRIO_PROCESS, 0, kNiceness);
  std::unique_lock lock(mutex_);
  while (!stopping_ || clock_.steady() < stop_by_) {
    if (auto mail = queue_.take_due(clock_.steady())) {
      lock.unlock();
      deliver(std::move(*mail));
      lock.lock();
    } else if (stopping_) {
      return;
    } else if (const auto due = queue_.next_due()) {
      changed_.wait_for(lock, *due - clock_.steady());
    } else {
      changed_.wait(lock);
    }
  }
}

void QueuedMailer::deliver(QueuedMail mail) {
  const WallTime now = clock_.now();
  if (mail.mail.expires_at && *mail.mail.expires_at <= now) {
    expired_.fetch_add(1, std::memory_order_relaxed);
    log::warn("mail not sent kind={} id={}: its link has expired", to_string(mail.mail.kind), mail.id);
    return;
  }
  Delivery delivery{Delivery::Outcome::refused, "the address is none that a mail can be sent to"};
  if (is_mail_address(mail.mail.to)) {
    MailMessage message = templates_.write(mail.mail, now);
    message.from = settings_.from;
    message.id = mail.id;
    ++mail.tries;
    delivery = transport_->deliver(message);
    tell_state(delivery);
  }
  settle(std::move(mail), std::move(delivery));
}

// Once per change of state, not per mail.
void QueuedMailer::tell_state(const Delivery& delivery) {
  const bool works = delivery.outcome != Delivery::Outcome::try_later;
  if (works == works_) return;
  works_ = works;
  if (works) {
    log::info("mails are delivered again");
  } else {
    log::error("mails cannot be delivered, they are tried again: {}", delivery.reason);
  }
}

void QueuedMailer::settle(QueuedMail mail, Delivery delivery) {
  const auto kind = to_string(mail.mail.kind);
  const std::string id = mail.id;
  if (delivery.outcome == Delivery::Outcome::delivered) {
    sent_.fetch_add(1, std::memory_order_relaxed);
    log::info("mail sent kind={} id={} tries={}", kind, id, mail.tries);
    return;
  }
  if (delivery.outcome == Delivery::Outcome::try_later) {
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    if (queue_.retry(std::move(mail), clock_.steady())) return;
  }
  failed_.fetch_add(1, std::memory_order_relaxed);
  log::error("mail given up kind={} id={}: {}", kind, id, delivery.reason);
}

void QueuedMailer::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
    stop_by_ = clock_.steady() + settings_.stop_time;
    transport_->stop_by(stop_by_);
    changed_.notify_all();
  }
  thread_.join();
  const std::lock_guard lock(mutex_);
  if (queue_.size() == 0) return;
  dropped_.fetch_add(queue_.size(), std::memory_order_relaxed);
  log::warn("{} mails were not sent before the end", queue_.size());
}

}  // namespace gatehouse::outbound
