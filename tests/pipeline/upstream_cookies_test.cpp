// What an upstream may set at the browser: its own cookies, never the gateway's.
#include <doctest/doctest.h>

#include "tests/pipeline/pipeline_world.hpp"

using namespace gatehouse;
using tests::PipelineWorld;

namespace {

const std::string kRoutes = R"(
  - {path: /public/**, upstream: demo, auth: public}
  - {path: /orders/**, upstream: demo}
  - {path: /rendered/**, upstream: demo, forward_session_cookie: true}
)";

struct World : PipelineWorld {
  World() : PipelineWorld(kRoutes) {}

  // The Set-Cookie values that arrive of an answer with these.
  std::vector<std::string> arriving(const std::vector<std::string>& sent, std::string target = "/public/a",
                                    std::vector<std::pair<std::string, std::string>> fields = {}) {
    std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n";
    for (const auto& value : sent) head += "Set-Cookie: " + value + "\r\n";
    upstream.answer(head + "Connection: close\r\n\r\nhi");
    const auto client = get(std::move(target), std::move(fields));
    CHECK(client->status() == 200);
    std::vector<std::string> values;
    for (const auto& [name, value] : client->fields()) {
      if (iequals(name, "set-cookie")) values.push_back(value);
    }
    return values;
  }
};

}  // namespace

TEST_CASE_FIXTURE(World, "an upstream cannot set the gateway's own cookies, in whatever form their names are") {
  for (const std::string name :
       {"better-auth.session_token", "__Secure-better-auth.session_token", "__Host-better-auth.session_token",
        "better-auth.session_data", "__Secure-better-auth.session_data", "__Secure-better-auth.session_data.0",
        "__Secure-better-auth.session_data.12", "better-auth.dont_remember", "__Secure-better-auth.dont_remember",
        "__Secure-better-auth.account_data", "__Secure-better-auth.state", "__secure-better-auth.session_token"}) {
    CAPTURE(name);
    CHECK(arriving({name + "=planted; Path=/; HttpOnly"}).empty());
    CHECK(arriving({" " + name + " \t=planted"}).empty());
    // Without a name of its own, a browser sends the value alone: it would be read as name and value.
    CHECK(arriving({"=" + name + "=planted"}).empty());
    CHECK(arriving({name}).empty());
  }
}

TEST_CASE_FIXTURE(World, "neither on a protected route, nor where the upstream is shown the session cookie") {
  const std::string planted = "__Secure-better-auth.session_token=planted.signature; Path=/";
  const std::vector<std::pair<std::string, std::string>> cookie{{"Cookie", cookie_of(sign_in())}};
  CHECK(arriving({planted}, "/orders/7", cookie).empty());
  CHECK(arriving({planted}, "/rendered/7", cookie).empty());
}

TEST_CASE_FIXTURE(World, "an upstream's other cookies pass untouched and in order") {
  const std::vector<std::string> own{"theme=dark; Path=/; Max-Age=60",
                                     "session_token=1",
                                     "better-auth=1",
                                     "better-auth.other=2",
                                     "my-better-auth.session_token=3",
                                     "better-auth.session_token2=4",
                                     "a=better-auth.session_token=x",
                                     "=plain",
                                     "__Host-id=5; Secure; Path=/",
                                     "better-auth.session_data.x=6"};
  CHECK(arriving(own) == own);
  CHECK(arriving({"a=1", "better-auth.session_token=planted", "b=2"}) == std::vector<std::string>{"a=1", "b=2"});
}

TEST_CASE_FIXTURE(World, "the gateway's own renewal still arrives") {
  const auto session = sign_in("u1", std::chrono::hours(25));
  const auto values =
      arriving({"__Secure-better-auth.session_token=planted", "a=1"}, "/orders/7", {{"Cookie", cookie_of(session)}});
  REQUIRE(values.size() == 2);
  CHECK(values[0] == "a=1");
  CHECK(values[1].starts_with(cookie_of(session) + "; Max-Age=604800; "));
}
