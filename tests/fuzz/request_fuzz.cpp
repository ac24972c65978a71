// Requests as an edge reads them: in any pieces they must be the same request, and what is accepted must be the same
// request for Boost.Beast.
#include <cstddef>
#include <cstdint>

#include "base/check.hpp"
#include "http/request_parser.hpp"
#include "tests/support/beast_reference.hpp"

namespace {

using gatehouse::http::RequestParser;

// The whole and every beginning of the head come to the same: complete, refused with the same status, or not yet.
void check_pieces(std::string_view input) {
  std::string buffer(input);
  RequestParser whole, slow;
  const auto outcome = whole.parse_head(buffer.data(), buffer.size());
  const int status = outcome == RequestParser::Progress::refused ? whole.refusal().status : 0;
  std::string again(input);
  auto progress = RequestParser::Progress::need_more;
  for (std::size_t size = 1; size <= again.size() && progress == RequestParser::Progress::need_more; ++size) {
    progress = slow.parse_head(again.data(), size);
  }
  GATEHOUSE_CHECK(progress == outcome);
  GATEHOUSE_CHECK(status == (progress == RequestParser::Progress::refused ? slow.refusal().status : 0));
  if (outcome != RequestParser::Progress::complete) return;
  GATEHOUSE_CHECK(whole.head().path == slow.head().path && whole.head().host == slow.head().host);
  GATEHOUSE_CHECK(whole.head().path.starts_with('/') && !whole.head().host.empty());
  GATEHOUSE_CHECK(whole.head_bytes() == slow.head_bytes());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 16 * 1024) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (!input.empty()) check_pieces(input);
  const std::string difference = gatehouse::tests::compare_with_beast(input);
  GATEHOUSE_CHECK(difference.empty());
  return 0;
}
