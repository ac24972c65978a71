#include "auth/cookie_cache.hpp"

#include <doctest/doctest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "auth/script_json.hpp"
#include "base/encoding.hpp"
#include "crypto/hmac.hpp"
#include "crypto/jwt.hpp"

using namespace gatehouse;
using namespace gatehouse::auth;
using namespace std::chrono_literals;
using Strategy = config::CookieCache::Strategy;

namespace {

constexpr std::string_view kToken = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
const Secret kSecret("a secret of at least 32 bytes, yes!");
const WallTime kNow{std::chrono::milliseconds{1'750'000'000'000}};

// Made by Better Auth 1.7.25 at kNow, for five minutes; with a field that the gateway does not know.
constexpr std::string_view kCompact =
    "eyJzZXNzaW9uIjp7InNlc3Npb24iOnsiZXhwaXJlc0F0IjoiMjAyNS0wNi0yMlQxNTowNjo0MC4wMDBaIiwidG9rZW4iOiJBQkNERUZHSElKS0"
    "xNTk9QUVJTVFVWV1hZWjAxMjM0NSIsImNyZWF0ZWRBdCI6IjIwMjUtMDYtMTVUMTU6MDY6NDAuMDAwWiIsInVwZGF0ZWRBdCI6IjIwMjUtMDYt"
    "MTVUMTU6MDY6NDAuMDAwWiIsImlwQWRkcmVzcyI6IjE5Mi4wLjIuMSIsInVzZXJBZ2VudCI6IlRlc3QvMS4wIFwicVwiIH8gw6nigKgiLCJ1c2"
    "VySWQiOiJ1MSIsImlkIjoiczEiLCJjdXN0b20iOjEuNX0sInVzZXIiOnsibmFtZSI6IkFubiBNw7xsbGVyIiwiZW1haWwiOiJhbm5AZXhhbXBs"
    "ZS50ZXN0IiwiZW1haWxWZXJpZmllZCI6ZmFsc2UsImltYWdlIjpudWxsLCJjcmVhdGVkQXQiOiIyMDI1LTA2LTE1VDE1OjA2OjQwLjAwMFoiLC"
    "J1cGRhdGVkQXQiOiIyMDI1LTA2LTE1VDE1OjA2OjQwLjAwMFoiLCJpZCI6InUxIn0sInVwZGF0ZWRBdCI6MTc1MDAwMDAwMDAwMCwidmVyc2lv"
    "biI6IjEifSwiZXhwaXJlc0F0IjoxNzUwMDAwMzAwMDAwLCJzaWduYXR1cmUiOiJTS1I2RW1hSTdBYW9qRVlUNzVYV1oxbnpfSlR0U3dtaVdNZk"
    "tfdDhCd0lvIn0";
constexpr std::string_view kJwt =
    "eyJhbGciOiJIUzI1NiJ9.eyJzZXNzaW9uIjp7ImV4cGlyZXNBdCI6IjIwMjUtMDYtMjJUMTU6MDY6NDAuMDAwWiIsInRva2VuIjoiQUJDREVGR"
    "0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDUiLCJjcmVhdGVkQXQiOiIyMDI1LTA2LTE1VDE1OjA2OjQwLjAwMFoiLCJ1cGRhdGVkQXQiOiIyMDI"
    "1LTA2LTE1VDE1OjA2OjQwLjAwMFoiLCJpcEFkZHJlc3MiOiIxOTIuMC4yLjEiLCJ1c2VyQWdlbnQiOiJUZXN0LzEuMCBcInFcIiB_IMOp4oCoI"
    "iwidXNlcklkIjoidTEiLCJpZCI6InMxIiwiY3VzdG9tIjoxLjV9LCJ1c2VyIjp7Im5hbWUiOiJBbm4gTcO8bGxlciIsImVtYWlsIjoiYW5uQGV"
    "4YW1wbGUudGVzdCIsImVtYWlsVmVyaWZpZWQiOmZhbHNlLCJpbWFnZSI6bnVsbCwiY3JlYXRlZEF0IjoiMjAyNS0wNi0xNVQxNTowNjo0MC4wM"
    "DBaIiwidXBkYXRlZEF0IjoiMjAyNS0wNi0xNVQxNTowNjo0MC4wMDBaIiwiaWQiOiJ1MSJ9LCJ1cGRhdGVkQXQiOjE3NTAwMDAwMDAwMDAsInZ"
    "lcnNpb24iOiIxIiwiaWF0IjoxNzUwMDAwMDAwLCJleHAiOjE3NTAwMDAzMDB9.Lybgm5e5oplFzXG5ZQzzv9WpeP5Bg4R74uQcS-lNlPM";
constexpr std::string_view kJwe =
    "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIiwia2lkIjoiQjlWWEF4VDFfdDhUcWEtNjI1Um5aTzJIR05wVDBkZkdBVGFnRjNNOU"
    "FLZyJ9.._QHhAbrbKxEK-l7-1gnDOQ.nuCYHQat464xlcExV_i-fY8HqcjYmls3VweY3ZDik0rFsPwEJHHEygngItNKkI1oVT-jbGxvdiuwJ1K"
    "-jF1CwebVFfcItT5T67uMUNqq2jQyx3prlhqsJffcZtqrT99ls7oUpg4daI6CeTM6MKC_UBTIag5pvboeeKcLTFHcub_4VxKbUlOwc6F-TrD19"
    "ts_l565J4QGVT2irjsrlWyyBSBBHl5oycXKlCt9tYRg_ZsS5nQeQ9mdRTjTz2LNT-gTS_7wd5uvDvRRR-s4JPMrzxNmOgOj8LldFjRYYShP7_n"
    "4d6X61XlxhVAvVBwCQOaPoBlh9OOdMRm2f6egMnKoTlPVg2XwKrR5OBAYtu0JoJYBzOJ5Ev-ghya1VHVNQBX1PSUKVj_zinQl4QmRjpjseWojo"
    "GCm69-BD6KtMaHKyRWAnBXIEaiZnSg2jUagQGGVVX2z13U4JQNvyADT7XfFJGig4NusY3qP0aU8IjWjr-3hEJynFHenLnZ_jdXyqyG9AKLajBJ"
    "5kiOnUyi49_8mwjwewnLhGUMItDB_cvFb17e2leE5UQ9Y8l4Ga_vxmoCzznOMFi_PycCAiKKpBh-n8DjKX6qVcO3y0gAO3rPzWIkvx0_ecyAK-"
    "KeCvRqWLKpm9JBQBblUeg4tdyqVuVW8JfYfhRouRIfOGgS8UqFGo9cq67Red1ukaXL37Q9LjL3paUDhawKbFgWNZqBC8iTpVN7LatDFDwyF7kK"
    "Ry0NHZKXUa-YmY02w9Wqa5wuoLZiH.Ot3NViyls5aMkmEIHAaXoRxN2ehWLa1lmC3WfQeJRuc";

SystemRandom& random_source() {
  static SystemRandom random;
  return random;
}

CookieCache make_cache(Strategy strategy, std::string version = "1", Secrets secrets = Secrets({}, kSecret)) {
  return CookieCache({.enabled = true, .strategy = strategy, .version = std::move(version)}, secrets, random_source());
}

std::string_view value_of(Strategy strategy) {
  return strategy == Strategy::compact ? kCompact : strategy == Strategy::jwt ? kJwt : kJwe;
}

Identity make_identity() {
  Identity identity;
  identity.session = {"s1", std::string(kToken), "u1", kNow + 24h, kNow, kNow, "192.0.2.1", "Test/1.0"};
  identity.user = {"u1", "Ann \"A\"\n\x01 Müller", "ann@example.test", true, std::nullopt, kNow, kNow, std::nullopt};
  return identity;
}

std::string make_value(const CookieCache& cache, bool remember = true) {
  const Identity identity = make_identity();
  return cache.make(identity.session, identity.user, remember, kNow);
}

constexpr Strategy kAll[] = {Strategy::compact, Strategy::jwt, Strategy::jwe};

}  // namespace

TEST_CASE("CookieCache believes what Better Auth wrote, in each form, until its end") {
  for (const auto strategy : kAll) {
    CAPTURE(static_cast<int>(strategy));
    const auto cache = make_cache(strategy);
    const auto identity = cache.open(value_of(strategy), kToken, kNow);
    REQUIRE(identity);
    CHECK(identity->session.id == "s1");
    CHECK(identity->session.user_agent == "Test/1.0 \"q\" \x7f é\u2028");
    CHECK(identity->user.name == "Ann Müller");
    CHECK(cache.open(value_of(strategy), kToken, kNow + 300s));
    CHECK_FALSE(cache.open(value_of(strategy), kToken, kNow + 301s));
  }
}

TEST_CASE("CookieCache believes what it wrote, in each form, until its end") {
  for (const auto strategy : kAll) {
    CAPTURE(static_cast<int>(strategy));
    const auto cache = make_cache(strategy);
    const auto identity = cache.open(make_value(cache), kToken, kNow + 300s);
    REQUIRE(identity);
    CHECK(identity->user.name == "Ann \"A\"\n\x01 Müller");
    CHECK(identity->session.expires_at == kNow + 24h);
    CHECK_FALSE(cache.open(make_value(cache), kToken, kNow + 301s));
  }
}

TEST_CASE("what ends with the browser is believed for a minute in the compact form, for five in the others") {
  for (const auto strategy : kAll) {
    CAPTURE(static_cast<int>(strategy));
    const auto cache = make_cache(strategy);
    const auto life = strategy == Strategy::compact ? 60s : 300s;
    CHECK(cache.open(make_value(cache, false), kToken, kNow + life));
    CHECK_FALSE(cache.open(make_value(cache, false), kToken, kNow + life + 1s));
  }
}

TEST_CASE("CookieCache believes nothing of another session, version, form or secret") {
  for (const auto strategy : kAll) {
    CAPTURE(static_cast<int>(strategy));
    const auto value = value_of(strategy);
    CHECK_FALSE(make_cache(strategy).open(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ012346", kNow));
    CHECK_FALSE(make_cache(strategy).open(value, "", kNow));
    CHECK_FALSE(make_cache(strategy, "2").open(value, kToken, kNow));
    for (const auto other : kAll) {
      if (other != strategy) CHECK_FALSE(make_cache(other).open(value, kToken, kNow));
    }
    const Secrets another({}, Secret("another secret of at least 32 bytes"));
    CHECK_FALSE(make_cache(strategy, "1", another).open(value, kToken, kNow));
    const Secrets rotated({{2, Secret("another secret of at least 32 bytes")}, {1, kSecret}}, kSecret);
    CHECK_FALSE(make_cache(strategy, "1", rotated).open(value, kToken, kNow));
  }
}

TEST_CASE("CookieCache believes nothing of which a character was changed, cut or added") {
  for (const auto strategy : kAll) {
    const auto cache = make_cache(strategy);
    const std::string value(value_of(strategy));
    for (std::size_t i = 0; i < value.size(); ++i) {
      std::string changed = value;
      changed[i] = changed[i] == 'A' ? 'B' : 'A';
      CAPTURE(i);
      CHECK_FALSE(cache.open(changed, kToken, kNow));
    }
    CHECK_FALSE(cache.open(value.substr(0, value.size() - 1), kToken, kNow));
    CHECK_FALSE(cache.open(value + "A", kToken, kNow));
    CHECK_FALSE(cache.open("", kToken, kNow));
    CHECK_FALSE(cache.open("garbage", kToken, kNow));
  }
}

TEST_CASE("a session that has ended is not believed, however long its cookie would be") {
  for (const auto strategy : kAll) {
    CAPTURE(static_cast<int>(strategy));
    const auto cache = make_cache(strategy);
    Identity identity = make_identity();
    identity.session.expires_at = kNow + 10s;
    const auto value = cache.make(identity.session, identity.user, true, kNow);
    CHECK(cache.open(value, kToken, kNow + 10s));
    CHECK_FALSE(cache.open(value, kToken, kNow + 11s));
  }
}

TEST_CASE("a token without an end, or for something else, is no cookie cache") {
  const auto cache = make_cache(Strategy::jwt);
  for (const char* claims : {"{}", "[]", "x", "", R"({"exp":1750000300})", R"({"exp":"1750000300"})",
                             R"({"exp":1750000300.5,"session":{},"user":{}})", R"({"email":"ann@example.test"})"}) {
    CAPTURE(claims);
    CHECK_FALSE(cache.open(crypto::sign_jwt(kSecret.reveal(), claims), kToken, kNow));
  }
}

TEST_CASE("the compact form is taken apart at its end, and a signed text that is no payload is refused") {
  const auto cache = make_cache(Strategy::compact);
  const auto sign = [](std::string_view text) {
    const auto digest = crypto::HmacSha256(kSecret.reveal()).sign(text);
    return base64url_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
  };
  const auto wrap = [&](const std::string& payload, const std::string& end) {
    const auto signature = sign(payload.substr(0, payload.size() - 1) + ",\"expiresAt\":" + end + "}");
    return base64url_encode("{\"session\":" + payload + ",\"expiresAt\":" + end + ",\"signature\":\"" + signature +
                            "\"}");
  };
  const std::string payload =
      R"({"session":{"expiresAt":"2025-06-22T15:06:40.000Z","token":"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345","createdAt":"2025-06-15T15:06:40.000Z","updatedAt":"2025-06-15T15:06:40.000Z","userId":"u1","id":"s1"},"user":{"name":"A","email":"a@b.test","emailVerified":false,"createdAt":"2025-06-15T15:06:40.000Z","updatedAt":"2025-06-15T15:06:40.000Z","id":"u1"},"updatedAt":1750000000000})";
  CHECK(cache.open(wrap(payload, "1750000300000"), kToken, kNow));
  for (const char* end : {"", "99999999999999999999", "-1", "1750000300000.5"}) {
    CAPTURE(end);
    CHECK_FALSE(cache.open(wrap(payload, end), kToken, kNow));
  }
  for (const char* other : {"{}", "[]", "{\"session\":{}}"}) {
    CAPTURE(other);
    CHECK_FALSE(cache.open(wrap(other, "1750000300000"), kToken, kNow));
  }
}

TEST_CASE("to_script_json writes what JSON.stringify writes") {
  const boost::json::value value = boost::json::object{{"text", "\"\\/\b\t\n\f\r\x01\x1f\x7fé\u2028"},
                                                       {"empty", boost::json::array{}},
                                                       {"none", nullptr},
                                                       {"object", boost::json::object{}},
                                                       {"list", {1, -2, true, false}},
                                                       {"zero", 0.0},
                                                       {"tenth", 0.1},
                                                       {"half", -1.5},
                                                       {"whole", 3.0},
                                                       {"hundred", 100.0},
                                                       {"small", 0.000001},
                                                       {"smaller", 0.0000001},
                                                       {"large", 123456789012345680000.0},
                                                       {"larger", 1e21},
                                                       {"long", 1.7976931348623157e308}};
  CHECK(to_script_json(value) ==
        "{\"text\":\"\\\"\\\\/\\b\\t\\n\\f\\r\\u0001\\u001f\x7fé\u2028\",\"empty\":[],\"none\":null,\"object\":{},"
        "\"list\":[1,-2,true,false],\"zero\":0,\"tenth\":0.1,\"half\":-1.5,\"whole\":3,\"hundred\":100,"
        "\"small\":0.000001,\"smaller\":1e-7,\"large\":123456789012345680000,\"larger\":1e+21,"
        "\"long\":1.7976931348623157e+308}");
}
