#include "pipeline/pages.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/ascii.hpp"
#include "base/check.hpp"
#include "base/encoding.hpp"
#include "base/html_text.hpp"
#include "gatehouse_pages.hpp"
#include "pipeline/page_settings.hpp"

namespace gatehouse::pipeline {

namespace {

// Nothing inline, nothing foreign, no frames: what a hole in a page could do ends here.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

// Of a page that shows the widget of Turnstile: its script and its frame, as Cloudflare asks for, and nothing else.
constexpr std::string_view kPolicyWithTurnstile =
    "default-src 'none'; script-src 'self' https://challenges.cloudflare.com; frame-src "
    "https://challenges.cloudflare.com; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

std::string_view find_content_type(std::string_view file) {
  static constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {".html", "text/html; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".svg", "image/svg+xml"},
  };
  for (const auto& [ending, type] : kTypes) {
    if (file.ends_with(ending)) return type;
  }
  return {};
}

// FNV-1a: tells versions of our own files apart; nobody gains by making two alike.
std::string make_etag(std::string_view body) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : body) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return fmt::format("\"{:016x}\"", hash);
}

Page make_page(std::string_view content_type, std::string body, std::string_view policy = kPolicy) {
  Page page{content_type, std::move(body), {}, {}};
  page.etag = make_etag(page.body);
  // Referrer-Policy: with no-referrer, browsers would send `Origin: null` in places; same-origin tells strangers
  // nothing either.
  page.header_lines = fmt::format(
      "content-type: {}\r\n"
      "content-security-policy: {}\r\n"
      "x-content-type-options: nosniff\r\n"
      "x-frame-options: DENY\r\n"
      "referrer-policy: same-origin\r\n"
      "cross-origin-opener-policy: same-origin\r\n"
      "cross-origin-resource-policy: same-origin\r\n"
      "cache-control: no-cache\r\n"
      "etag: {}\r\n",
      content_type, policy, page.etag);
  return page;
}

// A page is called as its file, with hyphens: sign_in.html is sign-in.
std::string make_page_name(std::string_view file) {
  std::string name(file.substr(0, file.rfind('.')));
  std::ranges::replace(name, '_', '-');
  return name;
}

std::vector<std::string> list_pages_of_use(const config::Gateway& gateway) {
  std::vector<std::string> names;
  for (const auto& file : gatehouse_pages()) {
    if (!file.path.ends_with(".html")) continue;
    auto name = make_page_name(file.path);
    if (is_page_of_use(gateway, name)) names.push_back(std::move(name));
  }
  return names;
}

}  // namespace

std::string render_template(std::string_view template_text,
                            const std::map<std::string, std::string, std::less<>>& values) {
  std::string out;
  out.reserve(template_text.size() + 256);
  for (;;) {
    const auto open = template_text.find("{{");
    out += template_text.substr(0, open);
    if (open == std::string_view::npos) return out;
    template_text.remove_prefix(open + 2);
    const auto close = template_text.find("}}");
    GATEHOUSE_CHECK(close != std::string_view::npos);
    const auto value = values.find(template_text.substr(0, close));
    GATEHOUSE_CHECK(value != values.end());
    append_html_text(out, value->second);
    template_text.remove_prefix(close + 2);
  }
}

HostedPages::HostedPages(const config::Gateway& gateway) {
  if (!gateway.pages.enabled) return;
  const config::AuthSettings& auth = gateway.auth;
  const auto names = list_pages_of_use(gateway);
  const std::map<std::string, std::string, std::less<>> values{
      {"app_name", auth.app_name},
      {"auth_base_path", auth.base_path},
      {"password_min", std::to_string(auth.email_and_password.min_password_length)},
      {"password_max", std::to_string(auth.email_and_password.max_password_length)},
      {"settings", make_page_settings(gateway, names)},
  };
  for (const auto& file : gatehouse_pages()) {
    const auto content_type = find_content_type(file.path);
    GATEHOUSE_CHECK(!content_type.empty());
    if (!file.path.ends_with(".html")) {
      pages_.emplace(std::string(kAssetPrefix) + std::string(file.path),
                     make_page(content_type, std::string(file.content)));
    } else if (const auto name = make_page_name(file.path); std::ranges::find(names, name) != names.end()) {
      const auto policy = list_guarded_calls(gateway, name).empty() ? kPolicy : kPolicyWithTurnstile;
      pages_.emplace("/" + name, make_page(content_type, render_template(file.content, values), policy));
    }
  }
}

const Page* HostedPages::find_page(std::string_view path) const {
  const auto found = pages_.find(path);
  return found == pages_.end() ? nullptr : &found->second;
}

bool matches_etag(std::string_view if_none_match, std::string_view etag) {
  bool matches = false;
  for_each_in_list(if_none_match, [&](std::string_view one) {
    if (one.starts_with("W/")) one.remove_prefix(2);
    matches = matches || one == "*" || one == etag;
  });
  return matches;
}

std::string make_sign_in_location(std::string_view sign_in, std::string_view path_and_query) {
  const char joint = sign_in.find('?') == std::string_view::npos ? '?' : '&';
  return fmt::format("{}{}{}={}", sign_in, joint, kReturnParameter, encode_uri_component(path_and_query));
}

}  // namespace gatehouse::pipeline
