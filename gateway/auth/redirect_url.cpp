#include "auth/redirect_url.hpp"

#include "auth/url_query.hpp"

namespace gatehouse::auth {

namespace {

// "https://host" is "https://host/" to a browser; other schemes stay as they are.
std::string with_root(std::string_view url) {
  const auto authority = url.starts_with("https://") ? 8u : url.starts_with("http://") ? 7u : 0u;
  const bool is_bare = authority > 0 && url.find('/', authority) == std::string_view::npos;
  return std::string(url) + (is_bare ? "/" : "");
}

std::string absolute(std::string_view url, const config::Origin& base) {
  return url.starts_with('/') ? base.to_string() + std::string(url) : with_root(url);
}

}  // namespace

std::string with_parameter(std::string_view url, const config::Origin& base, std::string_view name,
                           std::string_view value) {
  const auto fragment_at = std::min(url.find('#'), url.size());
  const auto fragment = url.substr(fragment_at);
  url = url.substr(0, fragment_at);
  const auto query_at = std::min(url.find('?'), url.size());
  std::string result = absolute(url.substr(0, query_at), base);
  char separator = '?';
  const auto append = [&](std::string_view key, std::string_view text) {
    result += separator + encode_form_value(key) + "=" + encode_form_value(text);
    separator = '&';
  };
  const UrlQuery query(query_at < url.size() ? url.substr(query_at + 1) : std::string_view());
  bool is_set = false;
  for (const auto& [key, text] : query.pairs()) {
    if (key != name) {
      append(key, text);
    } else if (!is_set) {
      append(name, value);
      is_set = true;
    }
  }
  if (!is_set) append(name, value);
  return result += fragment;
}

std::string with_appended(std::string_view url, std::string_view name, std::string_view value) {
  const auto fragment_at = std::min(url.find('#'), url.size());
  const auto fragment = url.substr(fragment_at);
  url = url.substr(0, fragment_at);
  const auto query_at = std::min(url.find('?'), url.size());
  std::string result = with_root(url.substr(0, query_at));
  const auto query = url.substr(std::min(query_at + 1, url.size()));
  result += '?';
  result += query;
  if (!query.empty() && !query.ends_with('&')) result += '&';
  result += encode_form_value(name) + "=" + encode_form_value(value);
  return result += fragment;
}

}  // namespace gatehouse::auth
