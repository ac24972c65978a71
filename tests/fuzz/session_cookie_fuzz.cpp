// Any bytes as a Cookie header: nothing that the gateway did not sign counts as signed, and no cookie of the gateway is
// forwarded.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "auth/session_cookie.hpp"

using namespace gatehouse;
using auth::SessionCookie;

namespace {

void expect(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static SessionCookie cookie({}, {"http", "auth.example.test", 80}, Secret("a secret of at least 32 bytes, yes!"));
  const std::string header(reinterpret_cast<const char*>(data), size);
  SessionCookie::Scratch scratch, first_scratch;
  const auto any = cookie.verify(header, scratch);
  const auto first = cookie.verify_first(header, first_scratch);
  if (first.signature == SessionCookie::Signature::valid) {
    expect(any.signature == SessionCookie::Signature::valid && any.token == first.token);
  }
  if (any.signature == SessionCookie::Signature::valid) {
    // What was signed is signed again to the same cookie.
    const std::string token(any.token);
    const auto line = cookie.set_session(token, false);
    SessionCookie::Scratch again;
    expect(cookie.verify(line.substr(0, line.find("; ")), again).token == token);
  }
  std::string others;
  cookie.append_other_cookies(others, header);
  expect(others.size() <= header.size());
  expect(cookie.verify(others, scratch).signature == SessionCookie::Signature::none);
  std::string twice;
  cookie.append_other_cookies(twice, others);
  expect(twice == others);
  cookie.has_dont_remember(header);
  for (const auto& line : cookie.clear_all(header))
    expect(line.find_first_of("\r\n") == std::string::npos || header.find_first_of("\r\n") != std::string::npos);
  auth::cookies_too_large(header);
  return 0;
}
