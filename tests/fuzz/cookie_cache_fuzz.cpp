// Any bytes as session_data, in each form, and as pieces of it: nothing that was not made with the secret is believed,
// and what is inside a right signature is judged without harm. The first byte says which parser gets the rest.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "auth/cookie_cache.hpp"
#include "auth/session_cookie.hpp"
#include "base/encoding.hpp"
#include "crypto/hmac.hpp"
#include "crypto/jwe.hpp"
#include "crypto/jwt.hpp"
#include "crypto/symmetric.hpp"

using namespace gatehouse;
using namespace gatehouse::auth;
using Strategy = config::CookieCache::Strategy;

namespace {

constexpr std::string_view kToken = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
constexpr std::string_view kSecret = "a secret of at least 32 bytes, yes!";

// Signed or sealed as ours, whatever it is.
std::string wrap(Strategy strategy, const std::string& text) {
  static const auto key = crypto::derive_jwe_key(kSecret, "better-auth-session");
  if (strategy == Strategy::jwt) return crypto::sign_jwt(kSecret, text);
  if (strategy == Strategy::jwe) return crypto::seal_jwe(key, text);
  const std::string open = text.empty() ? text : text.substr(0, text.size() - 1);
  const auto digest = crypto::HmacSha256(kSecret).sign(open + ",\"expiresAt\":1750000300000}");
  return base64url_encode("{\"session\":" + text + ",\"expiresAt\":1750000300000,\"signature\":\"" +
                          base64url_encode({reinterpret_cast<const char*>(digest.data()), digest.size()}) + "\"}");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static SystemRandom random;
  static const Secrets secrets({}, Secret(std::string(kSecret)));
  static const std::array caches{CookieCache({.enabled = true, .strategy = Strategy::compact}, secrets, random),
                                 CookieCache({.enabled = true, .strategy = Strategy::jwt}, secrets, random),
                                 CookieCache({.enabled = true, .strategy = Strategy::jwe}, secrets, random)};
  static SessionCookie cookie({}, {"http", "auth.example.test", 80}, Secret(std::string(kSecret)));
  const WallTime now{std::chrono::milliseconds{1'750'000'000'000}};
  if (size == 0) return 0;
  const auto strategy = static_cast<Strategy>(data[0] % 3);
  const CookieCache& cache = caches[data[0] % 3];
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) {
    // The secret is not in the corpus, so that only a value made with it could be believed.
    static_cast<void>(cache.open(text, kToken, now));
    const auto pieces = cookie.read_pieces(text, "n.d");
    static_cast<void>(cache.open(pieces, kToken, now));
    static_cast<void>(cookie.set_pieces("n.d", "value", {}, text));
    if (crypto::decrypt(kSecret, text)) std::abort();
  } else {
    const auto identity = cache.open(wrap(strategy, text), kToken, now);
    if (identity && identity->session.token != kToken) std::abort();
    if (identity && identity->session.expires_at < now) std::abort();
  }
  return 0;
}
