// Any bytes as the body, the query and a redirect of an auth endpoint: what is read can be validated and written again.
#include <boost/json/serialize.hpp>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "auth/request_body.hpp"
#include "auth/trusted_origins.hpp"
#include "auth/url_query.hpp"
#include "auth/validation.hpp"
#include "auth/web_url.hpp"
#include "base/utf8.hpp"
#include "features/social_sign_in/start_request.hpp"

using namespace gatehouse;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using Kind = auth::BodySchema::Kind;
  static const auth::BodySchema schema{Kind::object_and_record,
                                       {{"name"},
                                        {"email", auth::FieldType::email},
                                        {"password", auth::FieldType::string, false, 1},
                                        {"rememberMe", auth::FieldType::boolean, true}}};
  static const auth::TrustedOrigins origins({"https", "auth.example.test", 443},
                                            {"https://*.wild.example.test", "myapp://cb/x", "10.*"});
  const std::string text(reinterpret_cast<const char*>(data), size);

  const auto value = auth::parse_json(text);
  if (value) {
    auth::find_problems(schema, value);
    auth::find_problems(features::kSignInSocialBody, value);
    auth::find_problems(features::kLinkSocialBody, value);
    const std::string written = boost::json::serialize(*value);
    if (!is_utf8(written) || !auth::parse_json(written)) std::abort();
  }
  auth::find_problems(schema, auth::parse_form(text));
  const auth::UrlQuery query(text);
  for (const auto& [name, one] : query.pairs()) {
    if (!is_utf8(name) || !is_utf8(one)) std::abort();
    auth::encode_form_value(one);
  }
  const auto url = auth::parse_web_url(text);
  if (url && url->is_http()) {
    const auto again = auth::parse_web_url(url->origin());
    if (!again || again->origin() != url->origin()) std::abort();
  }
  origins.trusts_origin(text);
  // What may be redirected to stays on our own origin or on one that is trusted.
  if (origins.trusts_redirect(text) && (text.starts_with("//") || text.find_first_of("\r\n\t") != std::string::npos))
    std::abort();
  auth::is_email(text);
  return 0;
}
