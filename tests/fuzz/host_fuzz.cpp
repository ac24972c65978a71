// Hosts: what is accepted is at rest, in lower case, and without port, blank or user.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.hpp"
#include "http/target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse::http;
  std::string buffer(reinterpret_cast<const char*>(data), size);
  const auto canonical = canonicalize_host(buffer.data(), buffer.data() + buffer.size());
  if (!canonical) return 0;
  const std::string host(*canonical);
  GATEHOUSE_CHECK(!host.empty() && !host.ends_with('.'));
  for (const char c : host) {
    GATEHOUSE_CHECK((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || std::string_view("-._[]:").contains(c));
  }
  std::string again = host;
  const auto at_rest = canonicalize_host(again.data(), again.data() + again.size());
  GATEHOUSE_CHECK(at_rest == host);
  return 0;
}
