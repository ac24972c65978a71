#include "http/request_parser.hpp"

#include <algorithm>
#include <boost/beast/http/error.hpp>
#include <charconv>
#include <cstring>
#include <string_view>

#include "base/ascii.hpp"
#include "http/target.hpp"

namespace gatehouse::http {

namespace {

namespace beast_http = boost::beast::http;

std::string_view view(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

constexpr std::size_t kFirstLineBytesMax = kTargetBytesMax + 64;

// The views into the connection's buffer are of bytes that we own and may change.
char* mutable_begin(std::string_view text) {
  return const_cast<char*>(text.data());
}

// CONNECT would make a tunnel past every rule, TRACE would show the client what was added for the upstream.
bool is_method(std::string_view method) {
  if (method.size() > 32 || method == "CONNECT" || method == "TRACE") return false;
  for (const char c : method) {
    if ((c < 'A' || c > 'Z') && c != '-') return false;
  }
  return true;
}

// Such a head would never seem complete: its sender waits for an answer, not for the deadline. `bytes` starts behind
// whole lines or with a whole CRLF.
bool has_bare_lf(std::string_view bytes) {
  for (auto lf = bytes.find('\n'); lf != std::string_view::npos; lf = bytes.find('\n', lf + 1)) {
    if (lf == 0 || bytes[lf - 1] != '\r') return true;
  }
  return false;
}

// Whether the request line is one of HTTP, of whatever version: three parts, the last HTTP/digit.digit.
bool has_version(std::string_view bytes) {
  const auto line = bytes.substr(0, bytes.find("\r\n"));
  const auto version = line.substr(line.rfind(' ') + 1);
  return std::ranges::count(line, ' ') == 2 && version.size() == 8 && version.starts_with("HTTP/") &&
         is_digit(version[5]) && version[6] == '.' && is_digit(version[7]);
}

}  // namespace

RequestLine find_request_line(std::string_view bytes) {
  const auto blank = bytes.find(' ');
  const auto method = bytes.substr(0, blank);
  if (blank == std::string_view::npos || method.size() > 32 || !std::ranges::all_of(method, is_token_char)) return {};
  const auto rest = bytes.substr(blank + 1);
  const auto target = rest.substr(0, rest.find_first_of(std::string_view(" \t\r\n\0", 5)));
  // One that goes on is told where there is enough of it; of a shorter one, nobody knows what it would become.
  if (target.size() == rest.size() && target.size() < 256) return {method, {}};
  return {method, target};
}

RequestParser::RequestParser() {
  header_limit(UINT32_MAX);  // the connection bounds the head by its buffer
  body_limit(boost::none);   // the route bounds the body
  eager(false);
}

RequestParser::Progress RequestParser::refuse(const Refusal& refusal) {
  refusal_ = &refusal;
  return Progress::refused;
}

RequestParser::Progress RequestParser::parse_head(char* buffer, std::size_t size) {
  const std::string_view bytes(buffer, size);
  if (!check_first_line(bytes)) return Progress::refused;
  const auto end = bytes.find("\r\n\r\n", scanned_ > 3 ? scanned_ - 3 : 0);
  scanned_ = size;
  if (end == std::string_view::npos) {
    const bool hopeless = has_bare_lf(bytes.substr(checked_));
    checked_ = size - (bytes.ends_with('\r') ? 1 : 0);
    return hopeless ? refuse(kBadRequest) : Progress::need_more;
  }
  head_bytes_ = end + 4;
  if (!check_lines(buffer)) return refuse(kBadRequest);
  ErrorCode error;
  const std::size_t used = put(boost::asio::const_buffer(buffer, head_bytes_), error);
  if (refusal_) return Progress::refused;
  if (error) {
    if (error == beast_http::error::bad_version) return refuse(has_version(bytes) ? kBadVersion : kBadRequest);
    if (error == beast_http::error::bad_content_length || error == beast_http::error::multiple_content_length ||
        error == beast_http::error::bad_transfer_encoding) {
      return refuse(kBadFraming);
    }
    if (error == beast_http::error::bad_target) return refuse(kBadTarget);
    return refuse(kBadRequest);
  }
  if (used != head_bytes_) return refuse(kBadRequest);
  return finish_head() ? Progress::complete : Progress::refused;
}

// Told before the rest of the head is there: who speaks another protocol does not get to fill the buffer.
bool RequestParser::check_first_line(std::string_view bytes) {
  if (bytes.empty() || scanned_ > kFirstLineBytesMax) return true;
  if (!is_token_char(bytes.front())) return refuse(kBadRequest), false;
  if (bytes.size() <= kFirstLineBytesMax) return true;
  if (bytes.substr(0, kFirstLineBytesMax).contains('\n')) return true;
  return refuse(kTargetTooLong), false;
}

// What Beast would take: lines that end in a bare LF or are folded (RFC 9112 5.2), and a NUL where it looks past it.
bool RequestParser::check_lines(char* buffer) {
  const char* const end = buffer + head_bytes_;
  if (std::memchr(buffer, '\0', head_bytes_)) return false;
  for (const char* at = buffer; at < end;) {
    const auto* lf = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
    if (!lf) return true;
    if (lf == buffer || lf[-1] != '\r') return false;
    if (lf + 1 < end && (lf[1] == ' ' || lf[1] == '\t')) return false;
    at = lf + 1;
  }
  return true;
}

void RequestParser::on_request_impl(Verb, StringView method, StringView target, int version, ErrorCode& error) {
  head_.method = view(method);
  head_.version = version;
  target_ = view(target);
  if (!is_method(head_.method)) {
    refuse(kBadMethod);
    error = beast_http::error::bad_method;
  } else if (target_.size() > kTargetBytesMax) {
    refuse(kTargetTooLong);
    error = beast_http::error::bad_target;
  }
}

void RequestParser::on_field_impl(Field, StringView name, StringView value, ErrorCode& error) {
  if (!fields_.add({view(name), view(value), find_name(view(name))})) {
    refuse(kHeadTooLarge);
    error = beast_http::error::header_limit;
  }
}

// The rules that need the whole head. Each field is looked at once.
bool RequestParser::finish_head() {
  head_.fields = fields_.fields();
  const HeaderField* host = nullptr;
  const HeaderField* length = nullptr;
  const HeaderField* coding = nullptr;
  keep_alive_ = Base::keep_alive();
  for (const HeaderField& field : head_.fields) {
    switch (field.known) {
      case Name::host:
        if (host) return refuse(kBadHost), false;
        host = &field;
        break;
      case Name::content_length:
        if (length) return refuse(kBadFraming), false;
        length = &field;
        break;
      case Name::transfer_encoding:
        if (coding) return refuse(kBadFraming), false;
        coding = &field;
        break;
      case Name::expect:
        if (!iequals(field.value, "100-continue") || expects_continue_) return refuse(kBadExpect), false;
        expects_continue_ = true;
        break;
      default:
        break;
    }
  }
  if (length && coding) return refuse(kBadFraming), false;
  if (coding) {
    if (head_.version < 11) return refuse(kBadFraming), false;
    if (!iequals(coding->value, "chunked")) return refuse(kBadTransferEncoding), false;
    has_body_ = true;
    body_ = BodyDecoder::chunked();
  } else if (length) {
    std::uint64_t size = 0;
    const char* const last = length->value.data() + length->value.size();
    const auto [end, status] = std::from_chars(length->value.data(), last, size);
    if (status != std::errc{} || end != last || length->value.empty()) return refuse(kBadFraming), false;
    body_size_ = size;
    has_body_ = size > 0;
    body_ = BodyDecoder::of_size(size);
  } else {
    body_size_ = 0;
  }
  if (head_.version < 11) expects_continue_ = false;
  if (!host) return refuse(kBadHost), false;
  const auto canonical = canonicalize_host(mutable_begin(host->value), mutable_begin(host->value) + host->value.size());
  if (!canonical) return refuse(kBadHost), false;
  head_.host = *canonical;
  return read_target(mutable_begin(target_), mutable_begin(target_) + target_.size());
}

// origin-form, or absolute-form, whose authority then replaces the Host field (RFC 9112 section 3.2.2).
bool RequestParser::read_target(char* begin, char* end) {
  if (begin < end && *begin != '/') {
    const std::string_view target(begin, static_cast<std::size_t>(end - begin));
    const auto scheme_end = target.find("://");
    if (scheme_end == std::string_view::npos) return refuse(kBadTarget), false;
    const auto scheme = target.substr(0, scheme_end);
    if (!iequals(scheme, "https") && !iequals(scheme, "http")) return refuse(kBadTarget), false;
    begin += scheme_end + 3;
    char* authority_end = begin;
    while (authority_end < end && *authority_end != '/' && *authority_end != '?') ++authority_end;
    const auto host = canonicalize_host(begin, authority_end);
    if (!host || authority_end == end || *authority_end != '/') return refuse(kBadTarget), false;
    head_.scheme = iequals(scheme, "https") ? "https" : "http";
    head_.host = *host;
    begin = authority_end;
  }
  auto* question = static_cast<char*>(std::memchr(begin, '?', static_cast<std::size_t>(end - begin)));
  char* path_end = question ? question : end;
  if (question) {
    head_.has_query = true;
    head_.query = {question + 1, static_cast<std::size_t>(end - question - 1)};
    if (!is_query(head_.query)) return refuse(kBadTarget), false;
  }
  const auto canonical = canonicalize_path(begin, path_end);
  if (!canonical) return refuse(kBadTarget), false;
  head_.path = canonical->path;
  head_.path_was_canonical = !canonical->changed;
  return true;
}

}  // namespace gatehouse::http
