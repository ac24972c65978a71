// Development's mail server: each mail becomes a file in a folder, and its link a line of the log. Only for `gatehouse
// run --dev`: whoever reads the folder or the log can do what the links allow.
#pragma once
#include <string>

#include "outbound/mail_transport.hpp"

namespace gatehouse::outbound {

class Outbox final : public MailTransport {
 public:
  // Makes the folder where it is missing, for its owner alone. Throws std::runtime_error.
  explicit Outbox(std::string folder);

  Delivery deliver(const MailMessage& message) override;

 private:
  const std::string folder_;
};

}  // namespace gatehouse::outbound
