// Mails to a mail server by libcurl (RFC 5321; STARTTLS: RFC 3207; implicit TLS: RFC 8314; AUTH: RFC 4954). The
// server's certificate must be valid for its name, unless an insecure_ switch says otherwise; without TLS nothing is
// said to a server that was to offer it.
#pragma once
#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "base/secret.hpp"
#include "config/configuration.hpp"
#include "outbound/mail_transport.hpp"

namespace gatehouse::outbound {

class SmtpTransport final : public MailTransport {
 public:
  // `client_name`: what EHLO says.
  SmtpTransport(const config::MailSettings& settings, std::string client_name);
  ~SmtpTransport() override;

  Delivery deliver(const MailMessage& message) override;
  void stop_by(SteadyTime deadline) override { stop_by_.store(deadline, std::memory_order_relaxed); }

 private:
  struct Handle;  // libcurl's; keeps the connection for the next mail

  const config::MailSettings settings_;
  const std::string client_name_;
  std::atomic<SteadyTime> stop_by_{SteadyTime::max()};
  std::unique_ptr<Handle> handle_;
};

}  // namespace gatehouse::outbound
