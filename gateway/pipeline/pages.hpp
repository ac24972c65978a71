// The hosted pages (/sign-in, /account, ...): a destination of the pipeline for paths that no declared route names
// (Site::find_page).
// Made once from the configuration; the files in pages/ are part of the binary, and everything that they load lies
// under kAssetPrefix.
//
// The pages hold no secret and no session: they call the auth endpoints of their own origin with fetch.
#pragma once
#include <map>
#include <string>
#include <string_view>

#include "config/configuration.hpp"

namespace gatehouse::pipeline {

inline constexpr std::string_view kAssetPrefix = "/.gatehouse/";

// The query parameter that tells the sign-in page where to go afterwards. Only a path of this origin is followed.
inline constexpr std::string_view kReturnParameter = "return_to";

struct Page {
  std::string_view content_type;
  std::string body;
  std::string etag;          // strong, with its quotes
  std::string header_lines;  // all fields of the answer, "name: value\r\n" each: type, policy, caching and the etag
};

class HostedPages {
 public:
  // Without pages.enabled there are none; those that could not do what they are for are left out.
  explicit HostedPages(const config::Gateway& gateway);

  // What a GET or HEAD of that canonical path answers with; null: no page. Lives as long as this.
  const Page* find_page(std::string_view path) const;

 private:
  std::map<std::string, Page, std::less<>> pages_;  // by path
};

// Whether an If-None-Match header names the page's etag (RFC 9110 13.1.2): then 304 without body answers.
bool matches_etag(std::string_view if_none_match, std::string_view etag);

// Where a navigation without a session is sent: the sign-in page, told to come back to `path_and_query`. `sign_in` is
// pages.sign_in, a path or a URL.
std::string make_sign_in_location(std::string_view sign_in, std::string_view path_and_query);

// `template_text` with each {{name}} replaced by its value, escaped for HTML text and quoted attributes. A name without
// a value is a mistake of ours and ends the process.
std::string render_template(std::string_view template_text,
                            const std::map<std::string, std::string, std::less<>>& values);

}  // namespace gatehouse::pipeline
