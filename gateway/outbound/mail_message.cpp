#include "outbound/mail_message.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/ascii.hpp"
#include "base/encoding.hpp"
#include "base/utf8.hpp"

namespace gatehouse::outbound {

namespace {

// No line of quoted-printable text can hold "=_".
constexpr std::string_view kBoundary = "=_gatehouse_part";
constexpr std::size_t kLineMax = 76;           // of encoded text
constexpr std::size_t kEncodedWordBytes = 42;  // of UTF-8: 56 characters of base64 and 12 around them

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

// RFC 5322 section 3.3, in UTC; whatever the locale.
std::string format_date(WallTime time) {
  using namespace std::chrono;
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{floor<seconds>(time - day)};
  return fmt::format("{}, {} {} {} {:02}:{:02}:{:02} +0000", kDays[weekday{day}.c_encoding()],
                     static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1],
                     static_cast<int>(date.year()), clock.hours().count(), clock.minutes().count(),
                     clock.seconds().count());
}

bool starts_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
}

// Each word holds whole characters; a line break and a blank between two words mean nothing.
std::string encode_words(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    std::size_t length = std::min(text.size(), kEncodedWordBytes);
    while (length < text.size() && !starts_character(text[length])) --length;
    out += (out.empty() ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?") + base64_encode(text.substr(0, length)) + "?=";
    text.remove_prefix(length);
  }
  return out;
}

std::string format_mailbox(const Mailbox& mailbox) {
  if (mailbox.name.empty()) return mailbox.address;
  const auto is_word = [](char c) { return is_alphanumeric(c) || c == ' ' || c == '-'; };
  const std::string name = without_controls(mailbox.name);
  const bool plain = name.size() <= kLineMax && std::ranges::all_of(name, is_word);
  return (plain ? name : encode_words(name)) + " <" + mailbox.address + ">";
}

}  // namespace

std::string without_controls(std::string_view text) {
  std::string out = replace_invalid_utf8(text);
  std::ranges::replace_if(out, is_control, ' ');
  return out;
}

std::string encode_header_text(std::string_view text) {
  const std::string clean = without_controls(text);
  const auto is_plain = [](char c) { return c >= 0x20 && c < 0x7F; };
  const bool plain = clean.size() <= kLineMax && std::ranges::all_of(clean, is_plain) && !clean.contains("=?");
  return plain ? clean : encode_words(clean);
}

std::string encode_quoted_printable(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  std::size_t column = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
    if (c == '\n') {
      out += "\r\n";
      column = 0;
      continue;
    }
    const bool ends_line = i + 1 == text.size() || text[i + 1] == '\n' || text[i + 1] == '\r';
    const bool literal = (c > 0x20 && c < 0x7F && c != '=') || (c == ' ' && !ends_line);
    const std::size_t width = literal ? 1 : 3;
    if (column + width > kLineMax - 1) {
      out += "=\r\n";
      column = 0;
    }
    if (literal) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'=', kHex[byte >> 4], kHex[byte & 15]};
    }
    column += width;
  }
  return out;
}

std::string MailMessage::to_text() const {
  const auto part = [&](std::string_view type, std::string_view content) {
    return fmt::format(
        "--{}\r\nContent-Type: text/{}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{}\r\n",
        kBoundary, type, encode_quoted_printable(content));
  };
  std::string out = fmt::format("Date: {}\r\nFrom: {}\r\nTo: {}\r\nMessage-ID: <{}>\r\nSubject: {}\r\n",
                                format_date(date), format_mailbox(from), to, id, encode_header_text(subject));
  // RFC 3834: nobody's absence note answers.
  out += "MIME-Version: 1.0\r\nAuto-Submitted: auto-generated\r\n";
  out += fmt::format("Content-Type: multipart/alternative; boundary=\"{}\"\r\n\r\n", kBoundary);
  out += part("plain", text) + part("html", html);
  return out += fmt::format("--{}--\r\n", kBoundary);
}

}  // namespace gatehouse::outbound
