#include "pipeline/pages.hpp"

#include <doctest/doctest.h>

#include "pipeline/page_settings.hpp"

using gatehouse::config::Gateway;
using gatehouse::pipeline::HostedPages;
using gatehouse::pipeline::make_page_settings;
using gatehouse::pipeline::make_sign_in_location;
using gatehouse::pipeline::matches_etag;
using gatehouse::pipeline::render_template;

namespace {

bool holds(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

TEST_CASE("find_page knows the pages and what they load, and nothing else") {
  const HostedPages pages(Gateway{});
  for (const auto* path : {"/sign-in", "/account", "/.gatehouse/page.css", "/.gatehouse/sign_in.js",
                           "/.gatehouse/return_to.js", "/.gatehouse/mark.svg"}) {
    CAPTURE(path);
    CHECK(pages.find_page(path) != nullptr);
  }
  for (const auto* path : {"", "/", "/sign-in/", "/sign_in", "/Sign-In", "/sign-in.html", "/.gatehouse/",
                           "/.gatehouse/sign_in.html", "/page.css"}) {
    CAPTURE(path);
    CHECK(pages.find_page(path) == nullptr);
  }
}

TEST_CASE("a page is served where it can do what it is for") {
  const auto served = [](const Gateway& gateway, const char* path) {
    return HostedPages(gateway).find_page(path) != nullptr;
  };
  Gateway gateway;
  for (const auto* path : {"/sign-up", "/verify-email", "/forgot-password", "/reset-password"}) {
    CAPTURE(path);
    CHECK_FALSE(served(gateway, path));
  }

  gateway.auth.email_and_password.enabled = true;
  CHECK(served(gateway, "/sign-up"));
  for (const auto* path : {"/verify-email", "/forgot-password", "/reset-password"}) {
    CAPTURE(path);
    CHECK_FALSE(served(gateway, path));
  }
  gateway.mail.host = "mail.inside";
  for (const auto* path : {"/verify-email", "/forgot-password", "/reset-password"}) {
    CAPTURE(path);
    CHECK(served(gateway, path));
  }
  gateway.auth.disabled_paths = {"/verify-email", "/request-password-reset", "/reset-password", "/sign-up/email"};
  for (const auto* path : {"/verify-email", "/forgot-password", "/reset-password", "/sign-up"}) {
    CAPTURE(path);
    CHECK_FALSE(served(gateway, path));
  }

  gateway.auth.disabled_paths.clear();
  gateway.auth.email_and_password.enabled = false;
  gateway.mail.host.clear();
  gateway.mail.outbox = "outbox";
  CHECK(served(gateway, "/verify-email"));
  CHECK_FALSE(served(gateway, "/forgot-password"));
}

TEST_CASE("an account can be created with a password or with a provider, as far as they allow it") {
  const auto served = [](const Gateway& gateway) { return HostedPages(gateway).find_page("/sign-up") != nullptr; };
  Gateway gateway;
  gateway.auth.email_and_password.enabled = true;
  gateway.auth.email_and_password.disable_sign_up = true;
  CHECK_FALSE(served(gateway));
  gateway.auth.generic_oauth.resize(1);
  gateway.auth.generic_oauth[0].id = "company";
  CHECK(served(gateway));
  gateway.auth.generic_oauth[0].disable_sign_up = true;
  CHECK_FALSE(served(gateway));
  gateway.auth.generic_oauth[0].disable_sign_up = false;
  gateway.auth.disabled_paths = {"/sign-in/social"};
  CHECK_FALSE(served(gateway));
}

TEST_CASE("pages that are switched off are not found") {
  Gateway gateway;
  gateway.pages.enabled = false;
  const HostedPages pages(gateway);
  CHECK(pages.find_page("/sign-in") == nullptr);
  CHECK(pages.find_page("/.gatehouse/page.css") == nullptr);
}

TEST_CASE("a page carries the configuration, escaped") {
  Gateway gateway;
  auto& auth = gateway.auth;
  auth.app_name = "<Tom & \"Jerry's\">";
  auth.base_path = "/auth/v1";
  auth.email_and_password.min_password_length = 12;
  auth.email_and_password.enabled = true;
  const HostedPages pages(gateway);
  const auto& page = *pages.find_page("/sign-up");
  CHECK(page.content_type == "text/html; charset=utf-8");
  CHECK(holds(page.body, "<title>Create an account · &lt;Tom &amp; &quot;Jerry&#39;s&quot;&gt;</title>"));
  CHECK(holds(page.body, "<meta name=\"gatehouse-auth\" content=\"/auth/v1\">"));
  CHECK(holds(page.body, "minlength=\"12\""));
  CHECK_FALSE(holds(page.body, "{{"));
  CHECK_FALSE(holds(page.body, "<Tom"));
}

TEST_CASE("the pages are told what is configured, and no secret") {
  Gateway gateway;
  gateway.secret = gatehouse::Secret("secret-1");
  gateway.mail.host = "mail.inside";
  gateway.auth.user.delete_user.enabled = true;
  gateway.auth.disabled_paths = {"/sign-up/email"};
  gateway.auth.social_providers.resize(1);
  gateway.auth.social_providers[0].id = "github";
  gateway.auth.social_providers[0].client_id = "client-1";
  gateway.auth.social_providers[0].client_secret = gatehouse::Secret("secret-2");
  gateway.auth.generic_oauth.resize(1);
  gateway.auth.generic_oauth[0].id = "company";
  gateway.auth.generic_oauth[0].discovery_url = "https://id.inside/";
  gateway.auth.generic_oauth[0].generic = true;
  gateway.auth.generic_oauth[0].disable_sign_up = true;
  const std::string settings = make_page_settings(gateway, {"sign-in", "account"});
  CHECK(settings == R"({"pages":["sign-in","account"],"signIn":"/sign-in",)"
                    R"("password":{"enabled":false,"signUp":false,"min":8,"max":128,"mustVerify":false},)"
                    R"("reset":{"linkSeconds":3600,"endsSessions":true},"mail":true,)"
                    R"("changeEmail":false,"deleteUser":true,"deleteByMail":false,"linking":true,"unlinkingAll":false,)"
                    R"("providers":[{"id":"github","name":"GitHub","signIn":true,"signUp":true},)"
                    R"({"id":"company","name":"company","signIn":true,"signUp":false}]})");
  const HostedPages pages(gateway);
  CHECK(holds(pages.find_page("/sign-in")->body,
              "<meta name=\"gatehouse-settings\" content=\"{&quot;pages&quot;:[&quot;"));
  gateway.auth.email_and_password.enabled = true;
  gateway.auth.disabled_paths = {"/delete-user", "/link-social"};
  CHECK(holds(make_page_settings(gateway, {}), R"("signUp":true)"));
  CHECK(holds(make_page_settings(gateway, {}), R"("deleteUser":false)"));
  CHECK(holds(make_page_settings(gateway, {}), R"("linking":false)"));
}

TEST_CASE("a page forbids everything that is inline, foreign or framed") {
  const HostedPages pages(Gateway{});
  const auto& page = *pages.find_page("/sign-in");
  CHECK(holds(page.header_lines,
              "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
              "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'\r\n"));
  CHECK(holds(page.header_lines, "x-content-type-options: nosniff\r\n"));
  CHECK(holds(page.header_lines, "referrer-policy: same-origin\r\n"));
  CHECK(holds(page.header_lines, "content-type: text/html; charset=utf-8\r\n"));
  CHECK(holds(page.header_lines, "etag: " + page.etag + "\r\n"));
  CHECK(page.header_lines.ends_with("\r\n"));
  CHECK_FALSE(holds(page.body, "<script>"));
  CHECK_FALSE(holds(page.body, "<style"));
  CHECK_FALSE(holds(page.body, "style="));
  CHECK_FALSE(holds(page.body, " onclick="));
}

TEST_CASE("a page that asks for a token may load the widget, and no other page may") {
  Gateway gateway;
  gateway.auth.email_and_password.enabled = true;
  gateway.mail.host = "mail.inside";
  gateway.turnstile.secret_key = gatehouse::Secret("secret-1");
  gateway.turnstile.site_key = "site-1";
  gateway.turnstile.action = "login";
  const HostedPages pages(gateway);
  for (const auto* path : {"/sign-in", "/sign-up", "/forgot-password"}) {
    CAPTURE(path);
    const auto& page = *pages.find_page(path);
    CHECK(holds(page.header_lines,
                "content-security-policy: default-src 'none'; script-src 'self' https://challenges.cloudflare.com; "
                "frame-src https://challenges.cloudflare.com; style-src 'self'; connect-src 'self'; img-src 'self' "
                "data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'\r\n"));
    CHECK(holds(page.body, "site-1"));
    CHECK_FALSE(holds(page.body, "secret-1"));
  }
  for (const auto* path : {"/account", "/reset-password", "/verify-email", "/.gatehouse/turnstile.js"}) {
    CAPTURE(path);
    CHECK_FALSE(holds(pages.find_page(path)->header_lines, "cloudflare"));
  }
  CHECK(holds(make_page_settings(gateway, {"sign-in", "sign-up", "account"}),
              R"("turnstile":{"siteKey":"site-1","action":"login","always":true,)"
              R"("pages":{"sign-in":["/sign-in/email"],"sign-up":["/sign-up/email"]}}})"));

  gateway.turnstile.mode = gatehouse::config::TurnstileMode::on_risk;
  gateway.turnstile.endpoints = {"/sign-in/*"};
  CHECK(holds(
      make_page_settings(gateway, {"sign-in", "sign-up"}),
      R"("always":false,"pages":{"sign-in":["/sign-in/email","/sign-in/social"],"sign-up":["/sign-in/social"]}}})"));

  gateway.turnstile.mode = gatehouse::config::TurnstileMode::off;
  CHECK_FALSE(holds(make_page_settings(gateway, {"sign-in"}), "turnstile"));
  CHECK_FALSE(holds(HostedPages(gateway).find_page("/sign-in")->header_lines, "cloudflare"));
}

TEST_CASE("the etag changes with the content") {
  Gateway other;
  other.auth.app_name = "Other";
  const HostedPages first(Gateway{});
  const HostedPages same(Gateway{});
  const HostedPages second(other);
  CHECK(first.find_page("/sign-in")->etag == same.find_page("/sign-in")->etag);
  CHECK(first.find_page("/sign-in")->etag != second.find_page("/sign-in")->etag);
  CHECK(first.find_page("/.gatehouse/page.css")->etag == second.find_page("/.gatehouse/page.css")->etag);
}

TEST_CASE("matches_etag takes lists, weak forms and the star") {
  CHECK(matches_etag("\"a\"", "\"a\""));
  CHECK(matches_etag("\"x\", W/\"a\"", "\"a\""));
  CHECK(matches_etag("*", "\"a\""));
  CHECK_FALSE(matches_etag("\"b\"", "\"a\""));
  CHECK_FALSE(matches_etag("a", "\"a\""));
  CHECK_FALSE(matches_etag("", "\"a\""));
}

TEST_CASE("the way to the sign-in page says where to come back to") {
  CHECK(make_sign_in_location("/sign-in", "/app?a=1&b=2") == "/sign-in?return_to=%2Fapp%3Fa%3D1%26b%3D2");
  CHECK(make_sign_in_location("https://www.example.com/login?theme=dark", "/") ==
        "https://www.example.com/login?theme=dark&return_to=%2F");
}

TEST_CASE("render_template escapes values and leaves the rest alone") {
  CHECK(render_template("a {{x}} b {{x}}{{y}}", {{"x", "<"}, {"y", "{{x}}"}}) == "a &lt; b &lt;{{x}}");
  CHECK(render_template("", {}) == "");
}
