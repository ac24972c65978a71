#include "auth/row_id.hpp"

#include <array>

#include "base/encoding.hpp"
#include "base/utf8.hpp"

namespace gatehouse::auth {

namespace {

std::string make_uuid(Random& random) {
  std::array<std::byte, 16> bytes{};
  random.fill(bytes);
  bytes[6] = (bytes[6] & std::byte{0x0F}) | std::byte{0x40};
  bytes[8] = (bytes[8] & std::byte{0x3F}) | std::byte{0x80};
  std::string text = hex_encode({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  for (const std::size_t at : {8, 13, 18, 23}) text.insert(at, "-");
  return text;
}

}  // namespace

std::string make_row_id(storage::IdKind kind, Random& random) {
  switch (kind) {
    case storage::IdKind::text:
      return random.text(32);
    case storage::IdKind::uuid:
      return make_uuid(random);
    case storage::IdKind::serial:
      break;
  }
  return {};
}

bool is_storable(std::string_view text) {
  return !text.contains('\0') && is_utf8(text);
}

}  // namespace gatehouse::auth
