#include "config/validate.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "base/ascii.hpp"
#include "base/iso_time.hpp"
#include "config/redis_url.hpp"
#include "config/validate_routes.hpp"
#include "config/values.hpp"

namespace gatehouse::config {

Place find_place(const ValidationInput& input, std::string path) {
  while (true) {
    if (const auto at = input.places.find(path); at != input.places.end()) return at->second;
    const auto end = path.find_last_of(".[");
    if (end == std::string::npos) return input.places.begin()->second;
    path.resize(end);
  }
}

namespace {

constexpr std::size_t kSecretBytesMin = 32;

class Validator {
 public:
  Validator(Configuration& configuration, const ValidationInput& input, std::vector<Problem>& problems)
      : configuration_(configuration), gateway_(configuration.gateway), input_(input), problems_(problems) {}

  void run() {
    check_secret();
    check_public_side();
    add_trusted_origins();
    check_session();
    check_mail();
    check_turnstile();
    if (gateway_.pages.enabled) gateway_.auth.email_and_password.reset_page = "/reset-password";
    check_additional_fields();
    check_cookies();
    check_auth_rate_limit();
    check_abuse_ladder();
    check_breached_passwords();
    check_providers();
    check_upstream_keys();
    collect_unsafe();
  }

 private:
  void add(Code code, const std::string& path, std::string text) {
    Place place = find_place(input_, path);
    if (place.line == 0) place.file = "environment";
    problems_.push_back({code, std::move(place), path, std::move(text), {}});
  }
  bool is_written(const std::string& path) const { return input_.places.contains(path); }

  void check_secret() {
    // An older secret may have been too short: that is a reason to replace it.
    const auto& versions = gateway_.secrets.list;
    const auto size = (versions.empty() ? gateway_.secret : versions.front().value).reveal().size();
    if (size == 0) {
      if (!input_.dev && !is_written("gateway.secrets"))
        add(Code::missing, "gateway.secret", "is missing: set BETTER_AUTH_SECRET to at least 32 random bytes");
    } else if (size < kSecretBytesMin) {
      add(Code::weak_secret, versions.empty() ? "gateway.secret" : "gateway.secrets",
          fmt::format("has {} bytes, at least {} are needed", size, kSecretBytesMin));
    }
    if (const auto& url = gateway_.database.url.reveal(); !url.empty()) {
      if (!url.starts_with("sqlite:") && !url.starts_with("postgres://") && !url.starts_with("postgresql://"))
        add(Code::value, "gateway.database.url", "is neither postgres://… nor sqlite:FILE");
      if (url == "sqlite:") add(Code::value, "gateway.database.url", "names no file");
    }
    check_redis();
  }

  void check_redis() {
    const auto& url = gateway_.redis.reveal();
    if (url.empty()) {
      if (!gateway_.auth.session.store_in_database)
        add(Code::value, "gateway.auth.session.store_in_database", "is false, but there is no gateway.redis");
      if (!gateway_.auth.verification.store_in_database)
        add(Code::value, "gateway.auth.verification.store_in_database", "is false, but there is no gateway.redis");
      return;
    }
    const auto parsed = parse_redis_url(url);
    if (!parsed) {
      add(Code::value, "gateway.redis", parsed.error());
    } else if (parsed->insecure_skip_verify) {
      configuration_.unsafe.push_back("redis: insecure_skip_verify: anybody may pose as the server");
    }
  }

  void check_public_side() {
    const Listen& listen = gateway_.listen;
    const bool tried = is_written("gateway.listen.https") || is_written("gateway.listen.insecure_http");
    if (!tried && !input_.dev)
      add(Code::missing, "gateway.listen", "has no address to serve: set https, for example \"0.0.0.0:8443\"");
    if (listen.proxy_protocol && gateway_.trusted_proxies.empty() && !is_written("gateway.trusted_proxies[0]"))
      add(Code::missing, "gateway.listen.proxy_protocol", "needs gateway.trusted_proxies: nobody could connect");
    if (listen.https && gateway_.tls.empty() && !is_written("gateway.tls[0]") && !input_.dev)
      add(Code::missing, "gateway.tls", "is missing: listen.https needs a certificate and its key");
    if (gateway_.base_url.host.empty()) {
      if (!input_.dev && !is_written("gateway.base_url"))
        add(Code::missing, "gateway.base_url", "is missing: set it, or BETTER_AUTH_URL, to the public origin");
    } else if (gateway_.base_url.scheme == "http" && !listen.insecure_http) {
      add(Code::value, "gateway.base_url", "is http, but only listen.insecure_http serves that");
    }
    if (gateway_.auth.base_path == "/")
      add(Code::path, "gateway.auth.base_path", "must not be the root: nothing could be routed");
  }

  void check_cookies() {
    const auto& shared = gateway_.auth.cross_sub_domain_cookies;
    const auto& host = gateway_.base_url.host;
    if (shared.enabled && !shared.domain.empty() && !host.empty() && host != shared.domain &&
        !host.ends_with("." + shared.domain))
      add(Code::value, "gateway.auth.advanced.cross_sub_domain_cookies.domain",
          fmt::format("is neither {} nor above it: browsers would refuse every cookie", host));
  }

  void check_session() {
    const auto& session = gateway_.auth.session;
    if (session.cookie_cache.refresh_cache)
      configuration_.notes.push_back(
          "gateway.auth.session.cookie_cache.refresh_cache has no effect: sessions are in a store");
    if (session.preserve_session_in_database && !session.store_in_database)
      add(Code::value, "gateway.auth.session.preserve_session_in_database",
          "is true, but store_in_database is false: there are no rows");
    if (session.update_age > session.expires_in)
      add(Code::range, "gateway.auth.session.update_age", "is longer than expires_in: sessions would end unprolonged");
    const auto& passwords = gateway_.auth.email_and_password;
    if (passwords.min_password_length > passwords.max_password_length)
      add(Code::range, "gateway.auth.email_and_password.min_password_length", "is larger than max_password_length");
  }

  // What was asked for and needs mails must not fail silently for every user; a link to reset a password is offered
  // where it can be sent.
  void check_mail() {
    const MailSettings& mail = gateway_.mail;
    if (mail.host.empty()) {
      if (input_.dev) return;
      for (const char* key : {"user", "password", "from"})
        if (is_written(std::string("gateway.mail.") + key))
          add(Code::missing, "gateway.mail.host", "is missing: set it, or SMTP_HOST, to the mail server");
      check_needs_of_mails();
      if (gateway_.auth.email_and_password.enabled)
        configuration_.notes.push_back("gateway.mail has no host: nobody can reset a forgotten password");
      return;
    }
    if (mail.from.address.empty() && !is_written("gateway.mail.from"))
      add(Code::missing, "gateway.mail.from", "is missing: set it, or SMTP_FROM, to the sender of mails");
    if (!mail.user.empty() && mail.password.empty())
      add(Code::missing, "gateway.mail.password", "is missing: set it, or SMTP_PASSWORD, for the user");
    if (mail.insecure_plain && mail.tls) add(Code::value, "gateway.mail.tls", "is asked for, but insecure_plain is on");
  }

  void check_needs_of_mails() {
    const auto& auth = gateway_.auth;
    const auto needs = [&](bool wanted, const char* key) {
      if (wanted) add(Code::missing, std::string("gateway.auth.") + key, "is on, but there is no gateway.mail");
    };
    needs(auth.email_and_password.require_email_verification, "email_and_password.require_email_verification");
    needs(auth.email_verification.send_on_sign_up == true, "email_verification.send_on_sign_up");
    needs(auth.email_verification.send_on_sign_in, "email_verification.send_on_sign_in");
    needs(auth.user.change_email.send_change_email_confirmation, "user.change_email.send_change_email_confirmation");
    needs(auth.user.delete_user.send_delete_account_verification, "user.delete_user.send_delete_account_verification");
  }

  void check_abuse_ladder() {
    const AbuseLadder& ladder = gateway_.auth.abuse_ladder;
    if (ladder.free_attempts >= ladder.lock_after)
      add(Code::range, "gateway.auth.abuse_ladder.free_attempts", "is not below lock_after: nobody would have to wait");
    if (ladder.lock > ladder.lock_max) add(Code::range, "gateway.auth.abuse_ladder.lock", "is longer than lock_max");
  }

  void check_breached_passwords() {
    const BreachedPasswordSettings& breached = gateway_.auth.breached_passwords;
    if (!breached.url.starts_with("https://"))
      add(Code::value, "gateway.auth.breached_passwords.url", "is no https URL");
    if (breached.insecure_url.starts_with('/'))
      add(Code::value, "gateway.auth.breached_passwords.insecure_url", "is no http(s) URL");
  }

  // Half of the keys would refuse everybody, or nobody.
  void check_turnstile() {
    const TurnstileSettings& turnstile = gateway_.turnstile;
    if (turnstile.insecure_siteverify_url.starts_with('/'))
      add(Code::value, "gateway.turnstile.insecure_siteverify_url", "is no http(s) URL");
    const auto miss = [&](const char* key, const char* text) {
      const std::string path = std::string("gateway.turnstile.") + key;
      if (is_written(path)) return;  // what is wrong with it has been told
      if (input_.dev) {
        configuration_.notes.push_back(path + " " + text);
      } else {
        add(Code::missing, path, text);
      }
    };
    if (!turnstile.is_configured()) {
      if (!turnstile.site_key.empty()) miss("secret_key", "is missing: set it, or TURNSTILE_SECRET_KEY");
    } else if (turnstile.site_key.empty() && turnstile.mode != TurnstileMode::off && gateway_.pages.enabled) {
      miss("site_key",
           "is missing: nobody could sign in on the hosted pages. Set it, or TURNSTILE_SITE_KEY, or "
           "gateway.pages.enabled: false");
    }
  }

  void check_additional_fields() {
    using Names = std::vector<std::string_view>;
    check_fields("gateway.auth.user.additional_fields", gateway_.auth.user.additional_fields,
                 Names{"id", "name", "email", "emailVerified", "image", "createdAt", "updatedAt", "password",
                       "callbackURL", "rememberMe"});
    check_fields("gateway.auth.session.additional_fields", gateway_.auth.session.additional_fields,
                 Names{"id", "expiresAt", "token", "createdAt", "updatedAt", "ipAddress", "userAgent", "userId"});
  }

  void check_fields(const std::string& path, const std::vector<AdditionalField>& fields,
                    std::vector<std::string_view> taken) {
    for (const AdditionalField& field : fields) {
      const std::string at = path + "." + field.name;
      for (const auto& name : {field.name, field.column()})
        if (std::ranges::find(taken, name) != taken.end())
          add(Code::value, at, fmt::format("{} has a meaning of its own already", name));
      taken.push_back(field.column());
      if (field.default_value && !is_default_of(field.type, *field.default_value))
        add(Code::value, at + ".default_value", "is no value of the field's type");
    }
  }

  static bool is_default_of(AdditionalField::Type type, const std::string& text) {
    using Type = AdditionalField::Type;
    if (type == Type::string) return true;
    if (type == Type::boolean) return text == "true" || text == "false";
    if (type == Type::date) return parse_iso(text).has_value();
    if (type != Type::number) return text.starts_with('[') && text.ends_with(']');
    double number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    return failed == std::errc{} && end == text.data() + text.size() && std::isfinite(number);
  }

  // As in Better Auth, those of the variable come on top of those that are written.
  void add_trusted_origins() {
    if (!is_written("gateway.trusted_origins")) return;  // then they are its default
    const auto value = input_.environment("BETTER_AUTH_TRUSTED_ORIGINS");
    for_each_in_list(value.value_or(""), [&](std::string_view text) {
      auto pattern = OriginPatternValue::parse(text);
      if (!pattern) {
        add(Code::value, "gateway.trusted_origins",
            fmt::format("BETTER_AUTH_TRUSTED_ORIGINS: '{}' {}", text, pattern.error()));
      } else if (std::ranges::find(gateway_.trusted_origins, *pattern) == gateway_.trusted_origins.end()) {
        gateway_.trusted_origins.push_back(*std::move(pattern));
      }
    });
  }

  void check_auth_rate_limit() {
    using Storage = AuthRateLimit::Storage;
    AuthRateLimit& limit = gateway_.auth.rate_limit;
    const bool has_redis = !gateway_.redis.reveal().empty();
    if (!limit.enabled) limit.enabled = !input_.dev;
    if (!limit.storage) limit.storage = has_redis ? Storage::secondary_storage : Storage::memory;
    if (*limit.storage == Storage::secondary_storage && !has_redis)
      add(Code::value, "gateway.auth.rate_limit.storage", "is secondary-storage, but there is no gateway.redis");
  }

  void check_providers() {
    const auto& auth = gateway_.auth;
    for (const auto& provider : auth.social_providers) {
      const std::string path = "gateway.auth.social_providers." + provider.id;
      const bool makes_secret = check_private_key(provider, path);
      if (provider.client_secret.empty() && !makes_secret && !input_.dev)
        add(Code::missing, path, "has no client_secret");
      check_provider_url(provider, path + ".issuer", provider.issuer);
    }
    for (const auto& provider : auth.generic_oauth) {
      const std::string path = "gateway.auth.generic_oauth." + provider.id;
      const bool is_explicit = !provider.authorization_url.empty() && !provider.token_url.empty();
      if (provider.discovery_url.empty() && !is_explicit)
        add(Code::missing, path, "needs discovery_url, or authorization_url and token_url");
      if (provider.authentication == ProviderSettings::Authentication::basic && provider.client_secret.empty())
        add(Code::missing, path, "has no client_secret, which authentication: basic needs");
      if (std::ranges::find(auth.social_providers, provider.id, &ProviderSettings::id) != auth.social_providers.end())
        add(Code::value, path, "is the name of one of social_providers as well");
      check_provider_url(provider, path + ".discovery_url", provider.discovery_url);
      check_provider_url(provider, path + ".authorization_url", provider.authorization_url);
      check_provider_url(provider, path + ".token_url", provider.token_url);
      check_provider_url(provider, path + ".user_info_url", provider.user_info_url);
    }
  }

  // Whether the client secret is made of a key.
  bool check_private_key(const ProviderSettings& provider, const std::string& path) {
    const bool has_key = !provider.private_key.empty();
    if (!has_key && provider.team_id.empty() && provider.key_id.empty()) return false;
    if (provider.id != "apple") {
      add(Code::value, path, "has a team_id, key_id or private_key, which only apple has");
    } else if (!has_key || provider.team_id.empty() || provider.key_id.empty()) {
      add(Code::missing, path, "needs team_id, key_id and private_key together");
    } else if (!provider.client_secret.empty()) {
      add(Code::value, path, "has both a client_secret and a private_key to make one of");
    }
    return true;
  }

  void check_provider_url(const ProviderSettings& provider, const std::string& path, const std::string& url) {
    if (url.starts_with("http://") && !provider.insecure_http)
      add(Code::value, path, "is http: write https, or insecure_http: true beside it");
  }

  void check_upstream_keys() {
    auto& upstreams = configuration_.upstreams;
    const auto shared = input_.environment("INTERNAL_API_KEY");
    for (Upstream& upstream : upstreams) {
      const std::string path = "upstreams." + upstream.name;
      if (upstream.servers.empty() && is_written(path + ".servers") && !is_written(path + ".servers[0]"))
        add(Code::missing, path + ".servers", "needs at least one server");
      check_servers(upstream, path);
      check_upstream_tls(upstream, path + ".tls");
      if (upstream.key.empty() && !is_written(path + ".key")) use_shared_key(upstream, path, shared);
      check_key(upstream, path);
    }
    if (gateway_.insecure_shared_key) return;
    for (auto a = upstreams.begin(); a != upstreams.end(); ++a)
      for (auto b = upstreams.begin(); b != a; ++b)
        if (!a->key.empty() && a->key == b->key && is_written("upstreams." + a->name + ".key"))
          add(Code::shared_key, "upstreams." + a->name + ".key",
              fmt::format(
                  "is also the key of '{}': who holds it can speak as the gateway to both. Give each its own, or write "
                  "gateway.insecure_shared_key: true",
                  b->name));
  }

  void check_servers(const Upstream& upstream, const std::string& path) {
    if (upstream.servers.size() > kServersMax)
      add(Code::range, path + ".servers", fmt::format("are more than {}", kServersMax));
    for (auto a = upstream.servers.begin(); a != upstream.servers.end(); ++a)
      if (std::find(upstream.servers.begin(), a, *a) != a)
        add(Code::value, path + ".servers", fmt::format("'{}' is there twice", ServerValue::print(*a)));
  }

  void check_upstream_tls(const Upstream& upstream, const std::string& path) {
    if (upstream.tls.cert.empty() != upstream.tls.key.empty()) add(Code::missing, path, "needs cert and key together");
    if (upstream.tls != UpstreamTls{} && !upstream.servers.empty() && !upstream.uses_tls())
      add(Code::value, path, "is for servers that are written with https: none is");
  }

  void use_shared_key(Upstream& upstream, const std::string& path, const std::optional<std::string>& shared) {
    const bool alone = configuration_.upstreams.size() == 1 || gateway_.insecure_shared_key;
    if (shared && !shared->empty() && alone) {
      upstream.key = Secret(*shared);
    } else if (!input_.dev) {
      add(alone ? Code::missing : Code::shared_key, path,
          alone ? "has no key: write it, or set INTERNAL_API_KEY"
                : "has no key of its own. INTERNAL_API_KEY serves one upstream; for several write "
                  "gateway.insecure_shared_key: true");
    }
  }

  void check_key(const Upstream& upstream, const std::string& path) {
    const auto visible = [](const Secret& secret) {
      return std::all_of(secret.reveal().begin(), secret.reveal().end(), [](char c) { return c > 0x20 && c < 0x7f; });
    };
    if (!visible(upstream.key)) add(Code::value, path + ".key", "must be visible ASCII: it is sent in a header field");
    if (upstream.previous_key && !visible(*upstream.previous_key))
      add(Code::value, path + ".previous_key", "must be visible ASCII: it is sent in a header field");
    if (upstream.assertion.algorithm == Assertion::Algorithm::hs256 && !upstream.key.empty() &&
        upstream.key.reveal().size() < kSecretBytesMin)
      add(Code::weak_secret, path + ".key", "is too short for HS256: at least 32 bytes");
  }

  void collect_unsafe() {
    auto& unsafe = configuration_.unsafe;
    if (gateway_.listen.insecure_http)
      unsafe.push_back(fmt::format("listen.insecure_http: everything is served without TLS on {}:{}",
                                   gateway_.listen.insecure_http->host, gateway_.listen.insecure_http->port));
    if (gateway_.insecure_shared_key)
      unsafe.push_back(
          "insecure_shared_key: an upstream that has the shared key can speak as the gateway to the others");
    if (gateway_.mail.insecure_plain && !gateway_.mail.host.empty())
      unsafe.push_back(
          fmt::format("mail.insecure_plain: mails go to {}:{} without TLS", gateway_.mail.host, gateway_.mail.port));
    if (gateway_.mail.insecure_skip_verify)
      unsafe.push_back("mail.insecure_skip_verify: anybody may pose as the mail server");
    if (!gateway_.turnstile.insecure_siteverify_url.empty())
      unsafe.push_back("turnstile.insecure_siteverify_url: whoever answers there decides who is a person");
    if (!gateway_.auth.breached_passwords.insecure_url.empty())
      unsafe.push_back("auth.breached_passwords.insecure_url: whoever is on the way there may let every password pass");
    for (const auto* providers : {&gateway_.auth.social_providers, &gateway_.auth.generic_oauth})
      for (const auto& provider : *providers)
        if (provider.insecure_http)
          unsafe.push_back(
              fmt::format("{}: insecure_http: its tokens and profiles may travel without TLS", provider.id));
    if (gateway_.auth.account.skip_state_cookie_check)
      unsafe.push_back("account.skip_state_cookie_check: an OAuth flow can be finished in another browser");
    for (const Route& route : configuration_.routes)
      if (route.insecure_public_root)
        unsafe.push_back(fmt::format("routes[{}].insecure_public_root: {} is public", route.index, route.path));
  }

  Configuration& configuration_;
  Gateway& gateway_;
  const ValidationInput& input_;
  std::vector<Problem>& problems_;
};

}  // namespace

void validate(Configuration& configuration, const ValidationInput& input, std::vector<Problem>& problems) {
  Validator(configuration, input, problems).run();
  validate_routes(configuration, input, problems);
}

}  // namespace gatehouse::config
