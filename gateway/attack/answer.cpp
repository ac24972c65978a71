#include "attack/answer.hpp"

#include <charconv>
#include <optional>

#include "base/ascii.hpp"

namespace gatehouse::attack {

namespace {

// Bytes of a chunked body, decoded; absent while it is not complete. `used`: where it ends.
std::optional<std::string> decode_chunked(std::string_view bytes, std::size_t& used) {
  std::string body;
  for (std::size_t at = 0;;) {
    const auto line = bytes.find("\r\n", at);
    if (line == std::string_view::npos) return std::nullopt;
    std::size_t size = 0;
    std::from_chars(bytes.data() + at, bytes.data() + line, size, 16);
    at = line + 2;
    if (size == 0) {
      const auto end = bytes.find("\r\n", at);
      if (end == std::string_view::npos) return std::nullopt;
      used = end + 2;
      return body;
    }
    if (size > bytes.size() || bytes.size() < at + size + 2) return std::nullopt;
    body.append(bytes.substr(at, size));
    at += size + 2;
  }
}

bool parse_head(std::string_view head, Answer& answer) {
  const auto line = head.substr(0, head.find("\r\n"));
  if (!line.starts_with("HTTP/1.") || line.size() < 12) return false;
  const auto [end, error] = std::from_chars(line.data() + 9, line.data() + 12, answer.status);
  if (error != std::errc{} || end != line.data() + 12) return false;
  head.remove_prefix(line.size() + 2);
  while (!head.empty()) {
    const auto field = head.substr(0, head.find("\r\n"));
    const auto colon = field.find(':');
    if (colon == std::string_view::npos) return false;
    answer.fields.emplace_back(to_lower(field.substr(0, colon)), trim(field.substr(colon + 1)));
    head.remove_prefix(field.size() + 2);
  }
  return true;
}

}  // namespace

std::string_view Answer::find(std::string_view lower_name) const {
  for (const auto& [name, value] : fields) {
    if (name == lower_name) return value;
  }
  return {};
}

Answers parse_answers(std::string_view bytes, bool first_is_bodiless) {
  Answers answers;
  while (!bytes.empty()) {
    const auto head_end = bytes.find("\r\n\r\n");
    Answer answer;
    if (head_end == std::string_view::npos) break;
    if (!parse_head(bytes.substr(0, head_end + 2), answer)) {
      answers.malformed = true;
      break;
    }
    auto rest = bytes.substr(head_end + 4);
    if (answer.status < 200) {
      if (answer.status == 101) {
        answers.list.push_back(std::move(answer));
        answers.rest = rest;
        return answers;
      }
      answers.interim.push_back(answer.status);
      bytes = rest;
      continue;
    }
    const bool bodiless = answer.status == 204 || answer.status == 304 || (first_is_bodiless && answers.list.empty());
    if (!bodiless && iequals(answer.find("transfer-encoding"), "chunked")) {
      std::size_t used = 0;
      auto body = decode_chunked(rest, used);
      if (!body) break;
      answer.body = *std::move(body);
      rest.remove_prefix(used);
    } else if (!bodiless) {
      std::size_t size = 0;
      const auto length = answer.find("content-length");
      std::from_chars(length.data(), length.data() + length.size(), size);
      if (rest.size() < size) break;
      answer.body = rest.substr(0, size);
      rest.remove_prefix(size);
    }
    answers.list.push_back(std::move(answer));
    bytes = rest;
  }
  answers.rest = bytes;
  return answers;
}

}  // namespace gatehouse::attack
