// Addresses of mails as fields and SMTP commands can carry them (RFC 5321, 5322), the plain form alone.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse {

// local@domain in visible ASCII, at most 254 characters, without quotes, comments, brackets or lists. What the auth
// endpoints accept fits.
bool is_mail_address(std::string_view text);

struct Mailbox {
  std::string name;  // UTF-8 without control characters; may be empty
  std::string address;
  std::string to_string() const { return name.empty() ? address : name + " <" + address + ">"; }
  bool operator==(const Mailbox&) const = default;
};

// "address" or "Name <address>". Absent: it is neither.
std::optional<Mailbox> parse_mailbox(std::string_view text);

}  // namespace gatehouse
