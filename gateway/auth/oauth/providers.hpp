// All identity providers of the configuration. One for the process: discovery documents and key sets are read once for
// all threads. Must live until its HttpClient has stopped.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "auth/oauth/provider.hpp"
#include "base/clock.hpp"
#include "config/configuration.hpp"

namespace gatehouse::auth::oauth {

class Providers {
 public:
  // The settings outlive the object. Throws std::invalid_argument where a private key is none.
  Providers(const config::AuthSettings& settings, outbound::HttpClient& http, const Clock& clock);

  // nullptr: there is none of that name, or its discovery document cannot be had.
  Awaitable<ProviderPtr> find(std::string id);
  // Whether there is one of that name, without asking anybody.
  bool is_configured(std::string_view id) const { return entries_.contains(id); }

  // For pages: the ids with the names for people, built-in ones first.
  const std::vector<std::pair<std::string, std::string>>& names() const { return names_; }

 private:
  struct Entry {
    ProviderPtr ready;                                     // without a discovery document
    std::unique_ptr<RemoteDocument<Provider>> discovered;  // with one
  };
  ProviderPtr make_built_in(const config::ProviderSettings& settings);
  ProviderPtr make_explicit(const config::ProviderSettings& settings);
  ProviderPtr make_discovered(const config::ProviderSettings& settings, const std::string& document);
  std::shared_ptr<KeySource> keys_at(const std::string& url, outbound::Reach reach);

  outbound::HttpClient& http_;
  const Clock& clock_;
  std::map<std::string, Entry, std::less<>> entries_;
  std::vector<std::pair<std::string, std::string>> names_;
  std::mutex mutex_;                                                                // guards keys_
  std::map<std::tuple<std::string, bool, bool>, std::shared_ptr<KeySource>> keys_;  // by URL and reach
};

}  // namespace gatehouse::auth::oauth
