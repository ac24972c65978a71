// Any bytes as the answers of an identity provider, one line each: its tokens, and its profiles. The first byte says
// which provider. Neither may do more than sign nobody in, and whoever signs in has a subject.
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "auth/oauth/exchange.hpp"
#include "auth/oauth/providers.hpp"
#include "tests/support/run_coroutine.hpp"

using namespace gatehouse;
using namespace gatehouse::auth;

namespace {

class Lines final : public outbound::HttpClient {
 public:
  void start(outbound::HttpRequest, Completion completion) override {
    const auto end = rest.find('\n');
    outbound::HttpResponse response{200, "application/json", std::string(rest.substr(0, end))};
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    completion(nullptr, std::move(response));
  }
  std::string_view rest;
};

config::AuthSettings make_settings() {
  config::AuthSettings settings;
  config::ProviderSettings one;
  one.client_id = "app";
  one.client_secret = Secret("secret");
  for (const auto id : config::kBuiltInProviders) {
    one.id = id;
    settings.social_providers.push_back(one);
  }
  one.id = "generic";
  one.generic = true;
  one.authorization_url = "https://id.example/authorize";
  one.token_url = "https://id.example/token";
  one.user_info_url = "https://id.example/userinfo";
  settings.generic_oauth = {one};
  return settings;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const config::AuthSettings settings = make_settings();
  static Lines http;
  static ManualClock clock;
  static oauth::Providers providers(settings, http, clock);
  static asio::io_context context;
  if (size == 0) return 0;
  const std::string id = providers.names()[data[0] % providers.names().size()].first;
  http.rest = std::string_view(reinterpret_cast<const char*>(data), size).substr(1);
  const auto provider = tests::run_coroutine(context, providers.find(id));
  oauth::Exchange exchange(http, clock);
  auto tokens =
      tests::run_coroutine(context, exchange.tokens_for_code(*provider, "code", "verifier", "https://a.example"));
  if (!tokens) return 0;
  if (tokens->scopes) static_cast<void>(join_scopes(*tokens->scopes));
  // An ID token that is the whole profile is read as one out of the store: no input has a signature.
  const auto profile = tests::run_coroutine(context, exchange.stored_profile(*provider, std::move(*tokens)));
  if (profile && profile->subject.empty()) std::abort();
  return 0;
}
