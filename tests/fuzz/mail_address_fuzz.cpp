// Addresses, names and texts of mails: no field can be broken out of, and a mail reader sees what was written.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "auth/validation.hpp"
#include "base/ascii.hpp"
#include "base/check.hpp"
#include "base/encoding.hpp"
#include "base/mail_address.hpp"
#include "base/utf8.hpp"
#include "outbound/mail_message.hpp"

using namespace gatehouse;

namespace {

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  for (;;) {
    const auto end = text.find("\r\n");
    const auto line = text.substr(0, end);
    GATEHOUSE_CHECK(line.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
    lines.push_back(line);
    if (end == std::string_view::npos) return lines;
    text.remove_prefix(end + 2);
  }
}

// RFC 2047, base64 alone, as it is written here.
std::string decode_words(std::string_view text) {
  constexpr std::string_view kStart = "=?UTF-8?B?";
  if (!text.starts_with(kStart)) return std::string(text);
  std::string out;
  for (auto line : lines_of(text)) {
    GATEHOUSE_CHECK(line.size() <= 76);
    if (!out.empty()) line.remove_prefix(1);
    GATEHOUSE_CHECK(line.starts_with(kStart) && line.ends_with("?="));
    const auto word = base64_decode(line.substr(kStart.size(), line.size() - kStart.size() - 2));
    GATEHOUSE_CHECK(word && is_utf8(*word));
    out += *word;
  }
  return out;
}

std::string decode_quoted_printable(std::string_view text) {
  std::string out;
  bool is_first = true, soft = false;
  for (auto line : lines_of(text)) {
    GATEHOUSE_CHECK(line.size() <= 76 && !line.ends_with(' ') && !line.ends_with('\t'));
    if (!is_first && !soft) out += '\n';
    is_first = false;
    soft = line.ends_with('=');
    if (soft) line.remove_suffix(1);
    for (std::size_t i = 0; i < line.size(); ++i) {
      GATEHOUSE_CHECK(line[i] >= 0x20 && line[i] < 0x7F);
      if (line[i] != '=') {
        out += line[i];
        continue;
      }
      GATEHOUSE_CHECK(i + 2 < line.size() && hex_digit(line[i + 1]) >= 0 && hex_digit(line[i + 2]) >= 0);
      out += static_cast<char>(hex_digit(line[i + 1]) * 16 + hex_digit(line[i + 2]));
      i += 2;
    }
  }
  return out;
}

void check_message(const std::string& text, const Mailbox& from) {
  outbound::MailMessage message;
  message.from = from;
  message.to = "to@example.test";
  message.subject = text;
  message.text = text;
  message.html = "<p>Hello</p>";
  message.id = "1@example.test";
  const std::string written = message.to_text();
  const auto lines = lines_of(std::string_view(written).substr(0, written.find("\r\n\r\n")));
  std::string names;
  for (const auto line : lines)
    if (!line.starts_with(' ')) names.append(line.substr(0, line.find(':'))).append(" ");
  GATEHOUSE_CHECK(names == "Date From To Message-ID Subject MIME-Version Auto-Submitted Content-Type ");
  std::size_t parts = 0;
  for (const auto line : lines_of(written)) parts += line.starts_with("--=_gatehouse_part") ? 1 : 0;
  GATEHOUSE_CHECK(parts == 3);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 8 * 1024) return 0;
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (auth::is_email(text) && size <= 254) GATEHOUSE_CHECK(is_mail_address(text));
  if (is_mail_address(text))
    for (const char c : text) GATEHOUSE_CHECK(c > 0x20 && c < 0x7F && !std::string_view("<>,;\"\\").contains(c));
  const auto mailbox = parse_mailbox(text);
  if (mailbox) {
    GATEHOUSE_CHECK(is_mail_address(mailbox->address));
    const auto again = parse_mailbox(mailbox->to_string());
    GATEHOUSE_CHECK(again && again->address == mailbox->address);
  }
  const std::string clean = outbound::without_controls(text);
  GATEHOUSE_CHECK(is_utf8(clean) && outbound::without_controls(clean) == clean);
  const std::string header = outbound::encode_header_text(text);
  GATEHOUSE_CHECK(decode_words(header) == clean);

  std::string expected;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] != '\r' || i + 1 == text.size() || text[i + 1] != '\n') expected += text[i];
  GATEHOUSE_CHECK(decode_quoted_printable(outbound::encode_quoted_printable(text)) == expected);
  check_message(text, mailbox.value_or(Mailbox{"Somebody", "from@example.test"}));
  return 0;
}
