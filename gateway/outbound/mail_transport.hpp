// Where a finished mail goes: a mail server (smtp_transport.hpp), or a folder in development (outbox.hpp).
#pragma once
#include <string>

#include "base/clock.hpp"
#include "outbound/mail_message.hpp"

namespace gatehouse::outbound {

struct Delivery {
  enum class Outcome {
    delivered,
    try_later,  // the server is not there, or says so
    refused,    // this mail will never be taken
  };
  Outcome outcome = Outcome::delivered;
  std::string reason;  // why not, for the log: without address, text or password
};

// Called by one thread, and may block it.
class MailTransport {
 public:
  virtual ~MailTransport() = default;
  virtual Delivery deliver(const MailMessage& message) = 0;
  // From any thread: a deliver() that is still under way then comes back within about a second.
  virtual void stop_by(SteadyTime deadline) { static_cast<void>(deadline); }
};

}  // namespace gatehouse::outbound
