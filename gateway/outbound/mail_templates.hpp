// What mails say. For each kind of mail two texts, KIND.txt (its first line is "Subject: …", then an empty line) and
// KIND.html, with {{name}} for what differs from mail to mail (docs/mail.md lists the names). Ours are part of the
// binary; a file of the same name in gateway.mail.templates takes the place of one.
#pragma once
#include <map>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "outbound/mail_message.hpp"
#include "outbound/mailer.hpp"

namespace gatehouse::outbound {

// "reset_password"; also the names of the files.
std::string_view to_string(Mail::Kind kind);

// What a stranger may have chosen and a reader would take for ours: a name that could hold a link or an address is
// replaced by the mail's own address.
std::string greeting_name(const Mail& mail);

class MailTemplates {
 public:
  // Throws std::runtime_error, with a sentence for the operator: a file cannot be read, has no subject, names something
  // unknown or lacks {{url}}. `folder` empty: ours alone.
  MailTemplates(std::string app_name, const std::string& folder);

  // Subject, text and html.
  MailMessage write(const Mail& mail, WallTime now) const;

 private:
  struct Texts {
    std::string subject;
    std::string text;
    std::string html;
  };

  std::string app_name_;
  std::map<Mail::Kind, Texts> texts_;
};

}  // namespace gatehouse::outbound
