// A second opinion about where a request ends: Boost.Beast's own request parser, for tests and fuzz targets that look
// for requests that two parsers read differently.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace gatehouse::tests {

struct RequestReading {
  bool complete = false;  // a whole request was accepted
  std::string method;
  std::string body;
  std::size_t used = 0;  // bytes of the input up to the request's end
};

// As the gateway's edge reads it, the body in pieces of at most `piece` bytes.
RequestReading read_request(std::string_view input, std::size_t piece = 1 << 20);

// "" if Beast reads what we accept in the same way, otherwise one sentence that says what differs.
std::string compare_with_beast(std::string_view input);

}  // namespace gatehouse::tests
