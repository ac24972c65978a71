#include "auth/session_cookie.hpp"

#include <doctest/doctest.h>

using namespace gatehouse;
using namespace gatehouse::auth;

namespace {

// Signed by Better Auth 1.7.25 with the secret below.
constexpr std::string_view kToken = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
constexpr std::string_view kRaw = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345.Y4gWFJ3alMrVDzhDMHc9RESlk1hjYkaji5nxm8QSgd8=";
constexpr std::string_view kEncoded = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345.Y4gWFJ3alMrVDzhDMHc9RESlk1hjYkaji5nxm8QSgd8%3D";
constexpr std::string_view kOther =
    "zyxwvutsrqponmlkjihgfedcba543210.WPhzMoj%2B%2BZNIEvYwNNI8iWCm38e5XYLQMGn9Qv%2FXo9I%3D";
constexpr std::string_view kTrue = "true.LChw7YGrmzdxU%2BPyVUsUvhwnMs2eS8FriILxObv4fEA%3D";

using Signature = SessionCookie::Signature;

SessionCookie make(std::string scheme = "http", config::AuthSettings settings = {}) {
  return SessionCookie(settings, {scheme, "app.example.test", 0}, Secret("a secret of at least 32 bytes, yes!"));
}

config::AuthSettings settings_with(std::string prefix, bool secure) {
  config::AuthSettings settings;
  settings.cookie_prefix = std::move(prefix);
  settings.use_secure_cookies = secure;
  return settings;
}

// The token of a header, "none" or "invalid".
std::string read(std::string_view header) {
  auto cookie = make();
  SessionCookie::Scratch scratch;
  const auto verdict = cookie.verify(header, scratch);
  if (verdict.signature == Signature::none) return "none";
  return verdict.signature == Signature::valid ? std::string(verdict.token) : "invalid";
}

std::string read_value(std::string value) {
  return read("better-auth.session_token=" + value);
}

std::string others(std::string_view header, bool keep = false) {
  std::string out;
  make().append_other_cookies(out, header, keep);
  return out;
}

}  // namespace

TEST_CASE("verify accepts Better Auth's cookie in every spelling that Better Auth reads") {
  CHECK(read_value(std::string(kEncoded)) == kToken);
  CHECK(read_value(std::string(kRaw)) == kToken);
  CHECK(read_value("\"" + std::string(kEncoded) + "\"") == kToken);
  CHECK(read_value("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345.Y4gWFJ3alMrVDzhDMHc9RESlk1hjYkaji5nxm8QSgd8%3d") == kToken);
  CHECK(read(" a=1;better-auth.session_token = " + std::string(kEncoded) + " ;b=2") == kToken);
  CHECK(read("novalue; =x; better-auth.session_token=" + std::string(kEncoded)) == kToken);
}

TEST_CASE("verify refuses what is altered, cut, unsigned or signed with another secret") {
  const std::string raw(kRaw);
  for (const std::string& value : std::initializer_list<std::string>{
           "B" + raw.substr(1), raw.substr(0, raw.size() - 1), raw.substr(0, 32), raw.substr(0, 33), raw + "=",
           "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345.Y4gWFJ3alMrVDzhDMHc9RESlk1hjYkaji5nxm8QSgd9=",  // the bits that a lax
                                                                                             // decoder ignores
           "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345.YY4gWFJ3alMrVDzhDMHc9RESlk1hjYkaji5nxm8QSgd8%3D", "%E0%A4%A", "%", "\"",
           ".", "x", "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345.Y4gWFJ3alMrVDzhDMHc9RESlk1hjYkaji5nxm8QSgd8%253D",
           std::string(600, 'a') + "%41", ".b613679a0814d9ec772f95d778c35fc5ff1697c49371="}) {
    CAPTURE(value);
    CHECK((read_value(value) == "invalid" || value == "\""));
  }
}

TEST_CASE("verify finds none where there is no such cookie or an empty one") {
  CHECK(read("") == "none");
  CHECK(read("a=1; b=2") == "none");
  CHECK(read("better-auth.session_token=") == "none");
  CHECK(read("better-auth.session_token=\"\"") == "none");
  CHECK(read("BETTER-AUTH.SESSION_TOKEN=" + std::string(kEncoded)) == "none");
  CHECK(read("__Secure-better-auth.session_token=" + std::string(kEncoded)) == "none");
  CHECK(read("xbetter-auth.session_token=" + std::string(kEncoded)) == "none");
}

TEST_CASE("verify takes the first validly signed of several cookies, verify_first only the first") {
  const std::string name = "better-auth.session_token=";
  const std::string planted = name + "planted; " + name + std::string(kEncoded);
  CHECK(read(planted) == kToken);
  CHECK(read(name + std::string(kOther) + "; " + name + std::string(kEncoded)) == "zyxwvutsrqponmlkjihgfedcba543210");
  CHECK(read(name + "; " + name + std::string(kEncoded)) == kToken);
  auto cookie = make();
  SessionCookie::Scratch scratch;
  CHECK(cookie.verify_first(planted, scratch).signature == Signature::invalid);
  CHECK(cookie.verify_first(name + std::string(kEncoded) + "; " + name + "other", scratch).token == kToken);
}

TEST_CASE("verify looks at every Cookie field") {
  auto cookie = make();
  SessionCookie::Scratch scratch;
  const std::string planted = "better-auth.session_token=planted";
  const std::string good = "better-auth.session_token=" + std::string(kEncoded);
  const http::HeaderField fields[] = {
      {"Cookie", planted, http::Name::cookie}, {"X", good, http::Name::other}, {"cookie", good, http::Name::cookie}};
  CHECK(cookie.verify(http::HeaderFields(fields, 2), scratch).signature == Signature::invalid);
  CHECK(cookie.verify(http::HeaderFields(fields, 3), scratch).token == kToken);
}

TEST_CASE("names carry the prefix, and __Secure- where the base URL is https or the settings say so") {
  CHECK(make("https").names().session_token == "__Secure-better-auth.session_token");
  CHECK(make("http").names().session_token == "better-auth.session_token");
  CHECK(make("http", settings_with("parity", true)).names().dont_remember == "__Secure-parity.dont_remember");
  CHECK(make("https", settings_with("better-auth", false)).names().session_data == "better-auth.session_data");
}

TEST_CASE("Set-Cookie values are Better Auth's") {
  auto cookie = make();
  CHECK(cookie.set_session(kToken, true) ==
        "better-auth.session_token=" + std::string(kEncoded) + "; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax");
  CHECK(cookie.set_session(kToken, false) ==
        "better-auth.session_token=" + std::string(kEncoded) + "; Path=/; HttpOnly; SameSite=Lax");
  CHECK(cookie.set_dont_remember() ==
        "better-auth.dont_remember=" + std::string(kTrue) + "; Path=/; HttpOnly; SameSite=Lax");
  CHECK(make("https").set_session(kToken, true) == "__Secure-better-auth.session_token=" + std::string(kEncoded) +
                                                       "; Max-Age=604800; Path=/; HttpOnly; Secure; SameSite=Lax");
}

TEST_CASE("clear_all expires the session's cookies and the pieces of session_data that the browser sent") {
  const auto lines =
      make().clear_all("better-auth.session_data.1=x; better-auth.session_data=y; better-auth.session_data.x=z");
  REQUIRE(lines.size() == 4);
  CHECK(lines[0] == "better-auth.session_token=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax");
  CHECK(lines[1] == "better-auth.session_data=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax");
  CHECK(lines[2] == "better-auth.session_data.1=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax");
  CHECK(lines[3] == "better-auth.dont_remember=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax");
}

TEST_CASE("has_dont_remember believes only a signed cookie") {
  auto cookie = make();
  CHECK(cookie.has_dont_remember("better-auth.dont_remember=" + std::string(kTrue)));
  CHECK_FALSE(cookie.has_dont_remember("better-auth.dont_remember=true"));
  CHECK_FALSE(cookie.has_dont_remember(""));
}

TEST_CASE("append_other_cookies takes out the gateway's cookies and leaves the others byte for byte") {
  CHECK(others("a=1;  b=\"2 3\" ;c") == "a=1;  b=\"2 3\" ;c");
  CHECK(others(";; a=1;") == ";; a=1;");
  CHECK(others("a=1; better-auth.session_token=x; b=2") == "a=1; b=2");
  CHECK(others("better-auth.session_token=x; a=1") == "a=1");
  CHECK(others("a=1; better-auth.session_token=x") == "a=1");
  CHECK(others("better-auth.session_token=x") == "");
  CHECK(others("") == "");
  CHECK(others("__Secure-better-auth.session_data.0=x; better-auth.session_data=y; __Host-better-auth.state=z; k=v") ==
        "k=v");
  CHECK(others("better-auth.account_data.12=1; better-auth.oauth_state=2; better-auth.dont_remember=3; "
               "better-auth.session_token") == "");
  CHECK(others("better-auth.theme=1; better-auth.session_data.x=2; my.session_token=3") ==
        "better-auth.theme=1; better-auth.session_data.x=2; my.session_token=3");
  CHECK(others("better-auth.session_token=x; a=1; better-auth.session_data=y", true) ==
        "better-auth.session_token=x; a=1");
}

TEST_CASE("cookies_too_large counts bytes and cookies over all fields") {
  CHECK_FALSE(cookies_too_large(std::string(16 * 1024, 'a')));
  CHECK(cookies_too_large(std::string(16 * 1024 + 1, 'a')));
  std::string hundred;
  for (int i = 0; i < 100; ++i) hundred += "a=1; ";
  CHECK_FALSE(cookies_too_large(hundred));
  CHECK(cookies_too_large(hundred + "b=2"));
  const http::HeaderField fields[] = {{"cookie", hundred, http::Name::cookie}, {"cookie", "b=2", http::Name::cookie}};
  CHECK(cookies_too_large(http::HeaderFields(fields)));
}

TEST_CASE("cookies that sub-domains share carry the configured domain, or the host of base_url") {
  config::AuthSettings settings;
  settings.cross_sub_domain_cookies.enabled = true;
  CHECK(make("https", settings).clear_dont_remember() ==
        "__Secure-better-auth.dont_remember=; Max-Age=0; Domain=app.example.test; Path=/; HttpOnly; Secure; "
        "SameSite=Lax");
  settings.cross_sub_domain_cookies.domain = "example.test";
  CHECK(make("http", settings).clear_dont_remember() ==
        "better-auth.dont_remember=; Max-Age=0; Domain=example.test; Path=/; HttpOnly; SameSite=Lax");
}

TEST_CASE("a value that one cookie holds is set whole, and pieces that the browser had are expired") {
  const auto cookie = make();
  const auto lines = cookie.set_pieces("n.d", "value", std::chrono::seconds(300), "n.d=old; n.d.0=a; n.d.1=b; n.dx=c");
  REQUIRE(lines.size() == 3);
  CHECK(lines[0] == "n.d.0=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax");
  CHECK(lines[1] == "n.d.1=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax");
  CHECK(lines[2] == "n.d=value; Max-Age=300; Path=/; HttpOnly; SameSite=Lax");
}

TEST_CASE("a longer value is cut so that no cookie has more than 4,050 characters, and is read back in order") {
  const auto cookie = make();
  std::string value;
  for (int i = 0; value.size() < 9000; ++i) value += std::to_string(i) + "-";
  const auto lines = cookie.set_pieces("n.d", value, std::chrono::seconds(300), "n.d=old; n.d.0=old; n.d.7=old");
  REQUIRE(lines.size() == 5);
  CHECK(lines[0] == "n.d=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax");
  CHECK(lines[1] == "n.d.7=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax");
  CHECK(lines[2].starts_with("n.d.0=0-1-2-"));
  CHECK(lines[2].size() == 4049);  // the name of a piece may have two digits
  std::string header;
  for (const auto i : {4, 2, 3})
    header += lines[static_cast<std::size_t>(i)].substr(0, lines[static_cast<std::size_t>(i)].find(';')) + "; ";
  CHECK(cookie.read_pieces(header, "n.d") == value);
}

TEST_CASE("a value that no request could carry is not set, and what the browser had is expired") {
  const auto lines = make().set_pieces("n.d", std::string(12'289, 'x'), {}, "n.d.0=a");
  REQUIRE(lines.size() == 1);
  CHECK(lines[0] == "n.d.0=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax");
}

TEST_CASE("pieces are read by their canonical numbers, the first of each, and only without a whole cookie") {
  const auto cookie = make();
  CHECK(cookie.read_pieces("n.d.1=b; n.d.0=a; n.d.10=c; n.d.2=d; n.d.0=x", "n.d") == "abdc");
  CHECK(cookie.read_pieces("n.d.00=a; n.d.x=b; n.d.=c; n.d.1x=d; n.d.100=e", "n.d") == "");
  CHECK(cookie.read_pieces("n.d.0=a; n.d=whole", "n.d") == "whole");
  CHECK(cookie.read_pieces("", "n.d") == "");
}

TEST_CASE("a signed cookie of any name is read back, unless it was changed") {
  auto cookie = make();
  const auto line = cookie.set_signed("n.state", "some state", std::chrono::seconds(300));
  CHECK(line.ends_with("; Max-Age=300; Path=/; HttpOnly; SameSite=Lax"));
  const auto pair = line.substr(0, line.find(';'));
  CHECK(cookie.read_signed("a=b; " + pair, "n.state") == "some state");
  CHECK_FALSE(cookie.read_signed(pair, "n.other"));
  CHECK_FALSE(cookie.read_signed("n.state=some%20statf" + pair.substr(20), "n.state"));
  CHECK_FALSE(cookie.read_signed("n.state=x; " + pair, "n.state"));
}
