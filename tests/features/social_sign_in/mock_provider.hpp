// An identity provider in process: answers the gateway's calls, and plays the user at its sign-in page. Three ways lead
// to it, as in an installation: gitlab (built in), oidc (discovery) and plain (explicit endpoints).
#pragma once
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "tests/features/auth_server.hpp"

namespace gatehouse::tests {

class MockProvider {
 public:
  explicit MockProvider(AuthServer& server);
  ~MockProvider();

  static config::AuthSettings settings();

  // Who signs in next.
  boost::json::object user{{"sub", "sub-1"},
                           {"email", "ann@example.test"},
                           {"email_verified", true},
                           {"name", "Ann of the provider"},
                           {"picture", "https://img.example.test/ann.png"}};
  // What an ID token says instead of the truth.
  boost::json::object wrong_claims;
  bool wrong_signature = false;
  // Instead of the answer of a path.
  std::map<std::string, outbound::HttpResponse> instead;
  std::map<std::string, int> calls;  // by path
  std::string last_form;             // of the token endpoint

  // The way of the browser: the provider approves, and sends it back with a code.
  std::string approve(std::string_view authorization_url);

  std::string sign(const boost::json::object& claims) const;
  boost::json::object claims(std::string nonce) const;
  // Of the code challenge that was sent, whether the verifier fits.
  const std::string& challenge() const { return challenge_; }

  void rotate_keys();
  std::string sign_with_next(const boost::json::object& claims) const;

 private:
  struct Keys;

  outbound::HttpResponse answer(const outbound::HttpRequest& request);
  boost::json::value document(const std::string& path, const outbound::HttpRequest& request);
  boost::json::value tokens(const outbound::HttpRequest& request);

  AuthServer& server_;
  const std::unique_ptr<Keys> keys_;
  std::string published_key_;
  std::string nonce_, challenge_;
  int tokens_ = 0;
};

struct SocialWorld {
  explicit SocialWorld(config::AuthSettings settings = MockProvider::settings());

  // Starts a flow; the provider's address.
  std::string start(Browser& browser, std::string_view provider_id, boost::json::object more = {},
                    std::string path = "/sign-in/social");
  // The whole way; where the browser ends.
  std::string sign_in(Browser& browser, std::string_view provider_id, boost::json::object more = {},
                      std::string path = "/sign-in/social");

  AuthServer server;
  MockProvider provider;
};

}  // namespace gatehouse::tests
