#include "base/mail_address.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "base/utf8.hpp"

namespace gatehouse {

namespace {

constexpr std::size_t kAddressMax = 254;  // RFC 5321 section 4.5.3.1.3

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

bool is_atom(char c) {
  return c > 0x20 && c < 0x7F && std::string_view("()<>[]:;@\\,\"").find(c) == std::string_view::npos;
}

}  // namespace

bool is_mail_address(std::string_view text) {
  const auto at = text.find('@');
  if (at == 0 || at == std::string_view::npos || at + 1 == text.size() || text.size() > kAddressMax) return false;
  const auto is_part = [](std::string_view part) { return std::ranges::all_of(part, is_atom); };
  return is_part(text.substr(0, at)) && is_part(text.substr(at + 1));
}

std::optional<Mailbox> parse_mailbox(std::string_view text) {
  text = trim(text);
  if (is_mail_address(text)) return Mailbox{"", std::string(text)};
  const auto open = text.rfind('<');
  if (open == std::string_view::npos || !text.ends_with('>')) return std::nullopt;
  const auto address = text.substr(open + 1, text.size() - open - 2);
  auto name = trim(text.substr(0, open));
  if (name.size() >= 2 && name.starts_with('"') && name.ends_with('"')) name = name.substr(1, name.size() - 2);
  if (!is_mail_address(address) || std::ranges::any_of(name, is_control) || !is_utf8(name)) return std::nullopt;
  return Mailbox{std::string(name), std::string(address)};
}

}  // namespace gatehouse
