// Any bytes under the keys of the secondary storage: what is read can be changed and written, and says the same when
// it is read again.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "auth/secondary_storage.hpp"

using namespace gatehouse;
using namespace gatehouse::auth::secondary_storage;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  auto document = SessionDocument::parse(text, "ftYjnFR6vf5aZt2vE3m7DS1CG0Kl7Cmp");
  if (document) {
    auto session = document->identity().session;
    session.expires_at = std::min(session.expires_at, WallTime{std::chrono::days{2'000'000}}) + std::chrono::hours{1};
    document->update(session);
    document->update(document->identity().user);
    const auto again = SessionDocument::parse(document->to_text(), session.token);
    // Unless it has grown too large by the change.
    if (!again && document->to_text().size() <= kSessionBytesMax) std::abort();
    if (again && again->identity().session.expires_at > session.expires_at) std::abort();
  }
  const auto list = parse_active_sessions(text);
  if (parse_active_sessions(to_text(list)).size() != list.size() && to_text(list).size() <= kListBytesMax) std::abort();
  if (const auto time = parse_revoked_before(text); time && parse_revoked_before(to_text(*time)) != time) std::abort();
  return 0;
}
