#include "pipeline/request_id.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

using namespace gatehouse;

namespace {

bool is_lower_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

class ZeroRandom final : public Random {
 public:
  void fill(std::span<std::byte> bytes) override { std::ranges::fill(bytes, std::byte{0}); }
};

}  // namespace

TEST_CASE("request ids and spans are hexadecimal, as long as a trace id and a parent id, and differ") {
  SystemRandom random;
  pipeline::RequestIds ids(random), others(random);
  std::set<std::string> seen;
  for (int i = 0; i < 1'000; ++i) {
    const auto id = ids.make();
    CHECK(id.view().size() == 32);
    CHECK(is_lower_hex(id.view()));
    seen.emplace(id.view());
    seen.emplace(others.make().view());
    const auto span = ids.make_span();
    CHECK(is_lower_hex({span.data(), span.size()}));
  }
  CHECK(seen.size() == 2'000);
}

TEST_CASE("neither a request id nor a span is all zero, which Trace Context forbids") {
  ZeroRandom random;
  pipeline::RequestIds ids(random);
  CHECK(ids.make().view() != "00000000000000000000000000000000");
  const auto span = ids.make_span();
  CHECK(std::string_view(span.data(), span.size()) != "0000000000000000");
}
