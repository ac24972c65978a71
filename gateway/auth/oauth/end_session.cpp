#include "auth/oauth/end_session.hpp"

#include <algorithm>

#include "auth/oauth/providers.hpp"

namespace gatehouse::auth::oauth {

namespace {

std::string absolute(const EndpointCall& call, std::string_view url) {
  return url.starts_with('/') ? call.services.base_url.to_string() + std::string(url) : std::string(url);
}

}  // namespace

Awaitable<std::string> end_session_url(EndpointCall& call, std::string user_id) {
  auto accounts = co_await call.services.accounts.list(std::move(user_id));
  std::ranges::sort(accounts, std::ranges::greater(), &Account::updated_at);
  const std::string callback = absolute(call, call.text("callbackURL").value_or(""));
  for (const Account& account : accounts) {
    if (!call.services.providers.is_configured(account.provider_id)) continue;
    const auto provider = co_await call.services.providers.find(account.provider_id);
    if (!provider) continue;
    const std::string& configured = provider->settings.post_logout_redirect_uri;
    auto url =
        make_end_session_url(*provider, account.id_token, callback.empty() ? absolute(call, configured) : callback,
                             call.text("state").value_or(""));
    if (!url.empty()) co_return url;
  }
  co_return std::string();
}

}  // namespace gatehouse::auth::oauth
