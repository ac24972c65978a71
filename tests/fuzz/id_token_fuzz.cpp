// Any bytes as an ID token, and as the key set of a provider: neither may do more than be refused.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "auth/oauth/id_token.hpp"

using namespace gatehouse;
using namespace gatehouse::auth::oauth;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // A token and a key set, parted by a line end.
  const auto end = text.find('\n');
  const auto token = parse_signed_token(text.substr(0, end));
  const auto keys = KeySet::parse(end == std::string_view::npos ? text : text.substr(end + 1));
  IdTokenRules rules;
  rules.issuers = {"https://id.example"};
  rules.audiences = {"app"};
  rules.nonce_may_be_hashed = true;
  if (token) static_cast<void>(claims_hold(token->claims, rules, "nonce", WallTime{}));
  if (token && keys && keys->verify(*token) && !keys->has_candidate(*token)) std::abort();
  return 0;
}
