// A mail as it goes over the wire (RFC 5322): fields and a multipart/alternative body of plain text and HTML (RFC 2045,
// 2046), lines ended by CRLF. Pure values: nothing is sent here.
//
// No field can be broken out of. An address is taken only if it is one of a plain form, and everything else that people
// or operators wrote is encoded (RFC 2047) or has lost its control characters.
#pragma once
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/mail_address.hpp"

namespace gatehouse::outbound {

struct MailMessage {
  Mailbox from;
  std::string to;  // an address
  std::string subject;
  std::string text;
  std::string html;
  std::string id;  // of Message-ID, without its brackets
  WallTime date;

  std::string to_text() const;
};

// What is not UTF-8 replaced, control characters (line ends among them) as blanks.
std::string without_controls(std::string_view text);
// RFC 2047: as it is where that is possible, else encoded words, folded.
std::string encode_header_text(std::string_view text);
// RFC 2045 section 6.7; line ends become CRLF.
std::string encode_quoted_printable(std::string_view text);

}  // namespace gatehouse::outbound
