// Mails to users: links to reset a password, to verify an address, to confirm a change. Who answers a request hands a
// mail over and goes on; it is written from its template and sent elsewhere (docs/mail.md).
#pragma once
#include <optional>
#include <string>

#include "base/clock.hpp"

namespace gatehouse::outbound {

struct Mail {
  enum class Kind { reset_password, verify_email, change_email_confirmation, delete_account };
  Kind kind;
  std::string to;                           // an address, as the store has it
  std::string name = {};                    // the user's, as they wrote it
  std::string url;                          // the link; a secret, never logged
  std::string new_email = {};               // of change_email_confirmation: the address that is to be confirmed
  std::optional<WallTime> expires_at = {};  // of the link: it is not sent any more then
};

// Any thread.
class Mailer {
 public:
  virtual ~Mailer() = default;
  // Never waits, never fails: what cannot be sent is counted.
  virtual void send(Mail mail) = 0;
  // False: none is configured. Endpoints that need mails then answer as Better Auth does without a mail function.
  virtual bool is_available() const { return true; }
};

class NoMailer final : public Mailer {
 public:
  void send(Mail) override {}
  bool is_available() const override { return false; }
};

}  // namespace gatehouse::outbound
