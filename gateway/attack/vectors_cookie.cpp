// Threats 12, 62, 65, 66: cookies that are no session, and what becomes of those that are.
#include <fmt/format.h>

#include "attack/vector.hpp"

namespace gatehouse::attack {

namespace {

using namespace std::string_view_literals;

std::string name_of(const std::string& cookie) {
  return cookie.substr(0, cookie.find('='));
}

// 62
void add_false_cookies(Vectors& out) {
  const std::string& cookie = out.target().ada_cookie;
  const std::string name = name_of(cookie);
  const std::string value = cookie.substr(name.size() + 1);
  const std::string& other = out.target().bob_cookie;
  // Better Auth's form: the token, a dot, the signature; the dot may be percent-encoded.
  const auto dot = value.rfind('.');
  const std::string token = value.substr(0, dot);
  const std::string signature = dot == std::string::npos ? "" : value.substr(dot + 1);
  const auto flip = [](std::string text, std::size_t at) {
    if (at < text.size()) text[at] = text[at] == 'A' ? 'B' : 'A';
    return text;
  };
  const auto other_dot = other.rfind('.');
  const std::string other_signature = other_dot == std::string::npos ? "" : other.substr(other_dot + 1);
  const std::vector<std::pair<std::string_view, std::string>> values{
      {"an empty value", ""},
      {"the token without its signature", token},
      {"the token with an empty signature", token + "."},
      {"the token with another token's signature", token + "." + other_signature},
      {"the first byte of the token altered", flip(value, 0)},
      {"the last byte of the token altered", flip(token, token.size() - 1) + "." + signature},
      {"the first byte of the signature altered", token + "." + flip(signature, 0)},
      {"a byte of the signature altered", token + "." + flip(signature, 10)},
      {"the signature cut by one", value.substr(0, value.size() - 1)},
      {"the signature cut in half", token + "." + signature.substr(0, signature.size() / 2)},
      {"one byte more", value + "A"},
      {"the signature twice", value + "." + signature},
      {"a signature of zeros", token + "." + std::string(43, 'A') + "="},
      {"the value twice", value + value},
      {"upper and lower case swapped",
       [&] {
         std::string text = value;
         for (char& c : text)
           c = static_cast<char>((c >= 'a' && c <= 'z') ? c - 32 : (c >= 'A' && c <= 'Z') ? c + 32 : c);
         return text;
       }()},
      {"a blank inside", token + " ." + signature},
      {"broken percent encoding", "%zz" + value},
      {"an encoded NUL", "%00" + value},
      {"an id of nobody", "spoofedspoofedspoofedspoofedspoo." + std::string(43, 'A') + "="},
      {"none", "alg.none."},
      {"SQL", "'%20OR%20'1'='1." + std::string(43, 'A') + "="},
      {"true", "true"}};
  for (const auto& [title, text] : values) {
    if (text == value) continue;
    out.add({.name = fmt::format("session cookie: {}", title),
             .threat = 62,
             .expect = Expect::denied,
             .route = Route::required,
             .caller = Caller::ada,
             .bytes = out.get(Route::required, {fmt::format("Cookie: {}={}", name, text)})});
  }
  const auto lines = [&](std::string_view title, std::vector<std::string> list) {
    out.add({.name = std::string(title),
             .threat = 62,
             .expect = Expect::denied,
             .route = Route::required,
             .caller = Caller::ada,
             .bytes = out.get(Route::required, list)});
  };
  lines("the session's value under another name", {"Cookie: other=" + value});
  lines("the session's value in Authorization", {"Authorization: Bearer " + token});
  lines("the signed value in Authorization", {"Authorization: Bearer " + value});
  lines("the cookie in X-Cookie", {"X-Cookie: " + cookie});
  lines("the cookie in Cookie2", {"Cookie2: " + cookie});
  lines("the cookie's name with a blank inside", {"Cookie: " + name + " x=" + value});
  lines("the cookie's name in upper case", {"Cookie: " + [&] {
          std::string text = name;
          for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
          return text;
        }() + "=" + value});
  lines("the cookie's name encoded",
        {"Cookie: %" + fmt::format("{:02x}", static_cast<unsigned char>(name[0])) + name.substr(1) + "=" + value});
  lines("the cookie inside another one's value", {"Cookie: a=\"" + cookie + "\""});
}

// 12, 65: several, of which one is in order.
void add_several_cookies(Vectors& out) {
  const std::string& cookie = out.target().ada_cookie;
  const std::string name = name_of(cookie);
  const std::string wrong = name + "=spoofed." + std::string(43, 'A') + "=";
  const auto add = [&](int threat, std::string_view title, const std::vector<std::string>& lines) {
    out.add({.name = std::string(title),
             .threat = threat,
             .route = Route::required,
             .caller = Caller::ada,
             .bytes = out.get(Route::required, lines)});
  };
  add(65, "a wrong session cookie before the right one", {"Cookie: " + wrong + "; " + cookie});
  add(65, "a wrong session cookie behind the right one", {"Cookie: " + cookie + "; " + wrong});
  add(65, "a wrong session cookie in a field of its own, before", {"Cookie: " + wrong, "Cookie: " + cookie});
  add(65, "a wrong session cookie in a field of its own, behind", {"Cookie: " + cookie, "Cookie: " + wrong});
  add(65, "the session cookie twice", {"Cookie: " + cookie + "; " + cookie});
  add(65, "an empty session cookie before the right one", {"Cookie: " + name + "=; " + cookie});
  add(12, "the session cookie among others", {"Cookie: a=1; " + cookie + "; b=2"});
  add(12, "the session cookie without blanks", {"Cookie: a=1;" + cookie + ";b=2"});
  add(12, "the session cookie with more blanks", {"Cookie: a=1 ; " + cookie + " ; b=2"});
  add(12, "the session cookie with tabs", {"Cookie: a=1;\t" + cookie + ";\tb=2"});
  add(12, "the session cookie behind empty pairs", {"Cookie: ;;; " + cookie + ";;"});
  add(12, "the session cookie with its own pieces", {"Cookie: " + cookie + "; " + name + ".0=x; x" + name + "=y"});
  add(12, "the session cookie in lower-case cookie field", {"cookie: " + cookie});
  add(12, "the session cookie in a second field", {"Cookie: a=1", "Cookie: " + cookie});
  out.add({.name = "a session cookie on a public route",
           .threat = 12,
           .caller = Caller::ada,
           .bytes = out.get(Route::open, {"Cookie: a=1; " + cookie})});
  out.add({.name = "a session cookie on an optional route",
           .threat = 12,
           .route = Route::optional,
           .caller = Caller::ada,
           .bytes = out.get(Route::optional, {"Cookie: a=1; " + cookie})});
  out.add({.name = "a wrong session cookie on an optional route",
           .threat = 65,
           .route = Route::optional,
           .bytes = out.get(Route::optional, {"Cookie: " + wrong})});
}

// 66
void add_large_cookies(Vectors& out) {
  const auto add = [&](std::string_view title, const std::string& cookies, Route route) {
    out.add({.name = std::string(title),
             .threat = 66,
             .expect = Expect::denied,
             .route = route,
             .bytes = out.get(route, {"Cookie: " + cookies})});
  };
  std::string many;
  for (int i = 0; i < 200; ++i) many += fmt::format("c{}=v; ", i);
  const std::string large = "a=" + std::string(20'000, 'b');
  for (const Route route : {Route::open, Route::required}) {
    const std::string_view where = route == Route::open ? "public" : "protected";
    add(fmt::format("20 KB of cookies, {}", where), large, route);
    add(fmt::format("200 cookies, {}", where), many, route);
  }
}

}  // namespace

void add_cookie_vectors(Vectors& out) {
  if (!out.target().ada_cookie.empty()) {
    add_false_cookies(out);
    add_several_cookies(out);
  }
  add_large_cookies(out);
}

}  // namespace gatehouse::attack
