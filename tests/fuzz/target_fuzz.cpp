// Paths: what is accepted is at rest, and holds nothing that another parser could take for another path.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.hpp"
#include "http/target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse::http;
  if (size > kTargetBytesMax) return 0;
  std::string buffer(reinterpret_cast<const char*>(data), size);
  is_query(buffer);
  const auto canonical = canonicalize_path(buffer.data(), buffer.data() + buffer.size());
  if (!canonical) return 0;
  const std::string path(canonical->path);
  GATEHOUSE_CHECK(canonical->changed == (path != std::string_view(reinterpret_cast<const char*>(data), size)));
  GATEHOUSE_CHECK(path.starts_with('/') && path.size() <= size);
  for (const char c : path) GATEHOUSE_CHECK(c > 0x20 && c < 0x7F && c != '\\' && c != ';' && c != '#');
  for (const char* piece : {"//", "/./", "/../", "%2F", "%5C", "%2E", "%00", "%3B"}) {
    GATEHOUSE_CHECK(!path.contains(piece));
  }
  GATEHOUSE_CHECK(!path.ends_with("/.") && !path.ends_with("/.."));

  std::string again = path;
  const auto at_rest = canonicalize_path(again.data(), again.data() + again.size());
  GATEHOUSE_CHECK(at_rest && !at_rest->changed && at_rest->path == path);

  std::string folded(path.size(), '\0');
  folded.resize(fold_path(path, folded.data()));
  std::string twice(folded.size(), '\0');
  twice.resize(fold_path(folded, twice.data()));
  GATEHOUSE_CHECK(twice == folded);
  return 0;
}
