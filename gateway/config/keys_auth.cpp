// The keys below `gateway.auth`: Better Auth's options under their own names in snake_case.
#include "config/keys.hpp"

namespace gatehouse::config {

namespace {

const Table& email_and_password_keys() {
  using S = EmailAndPassword;
  static const Table table{{
      key("enabled", &S::enabled, "Sign-up and sign-in with e-mail and password"),
      key("disable_sign_up", &S::disable_sign_up, "Nobody new can sign up with a password"),
      key("auto_sign_in", &S::auto_sign_in, "Whoever signs up is signed in"),
      key("min_password_length", &S::min_password_length, "In UTF-16 code units", {.minimum = 1, .maximum = 1024}),
      key("max_password_length", &S::max_password_length, "In UTF-16 code units", {.minimum = 1, .maximum = 1024}),
      key("require_email_verification", &S::require_email_verification, "Sign-in only with a verified address"),
      key("reset_password_token_expires_in", &S::reset_password_token_expires_in,
          "How long a link to reset a password works", {.minimum = 60, .maximum = 7 * 24 * 3600}),
      key("revoke_sessions_on_password_reset", &S::revoke_sessions_on_password_reset,
          "A password reset ends all sessions of the user"),
  }};
  return table;
}

const Table& email_verification_keys() {
  using S = EmailVerification;
  static const Table table{{
      key("send_on_sign_up", &S::send_on_sign_up,
          "Send a verification mail at sign-up; where it is not written, as "
          "`email_and_password.require_email_verification` says"),
      key("send_on_sign_in", &S::send_on_sign_in, "Send a verification mail at a sign-in with an unverified address"),
      key("auto_sign_in_after_verification", &S::auto_sign_in_after_verification, "Following the link signs in"),
      key("expires_in", &S::expires_in, "How long the link works", {.minimum = 60}),
  }};
  return table;
}

struct FieldTypes {
  using Type = AdditionalField::Type;
  static constexpr std::array kWords{Word<Type>{"string", Type::string},    Word<Type>{"number", Type::number},
                                     Word<Type>{"boolean", Type::boolean},  Word<Type>{"date", Type::date},
                                     Word<Type>{"string[]", Type::strings}, Word<Type>{"number[]", Type::numbers}};
};

const Table& additional_field_keys() {
  using S = AdditionalField;
  static const Table table{{
      key<WordValue<FieldTypes>>("type", &S::type, "Type of the field"),
      key("required", &S::required, "Must be given at sign-up, unless it has a default"),
      key("input", &S::input, "May be set by the client"),
      key("returned", &S::returned, "Is shown in answers"),
      key("unique", &S::unique, "No two rows have the same value"),
      key("default_value", &S::default_value, "Value where none is given; lists and dates as JSON writes them"),
      key<NameValue>("field_name", &S::field_name, "Column of the database; as the field where it is not written"),
  }};
  return table;
}

// A mapping of names to fields.
template <class S>
Key additional_fields(std::vector<AdditionalField> S::* member, std::string doc) {
  Key key{.name = "additional_fields", .doc = std::move(doc), .form = Key::Form::map};
  key.table = additional_field_keys;
  key.options.restart = true;
  key.same = [member](const void* a, const void* b) {
    return static_cast<const S*>(a)->*member == static_cast<const S*>(b)->*member;
  };
  key.read = [member](Reader& reader, const Node& node, void* object) {
    auto& fields = static_cast<S*>(object)->*member;
    fields.clear();
    if (node.kind != Node::Kind::map && node.kind != Node::Kind::null)
      return reader.add(Code::type, node, "takes a mapping of names to fields");
    for (const Entry& entry : node.entries) {
      const Reader::Step step(reader, entry.key, entry.line, entry.column);
      if (!NameValue::parse(entry.key)) reader.add(Code::value, entry.value, "is no name for a field");
      AdditionalField& field = fields.emplace_back();
      read_table(reader, entry.value, additional_field_keys(), &field);
      field.name = entry.key;
    }
  };
  return key;
}

const Table& change_email_keys() {
  using S = ChangeEmail;
  static const Table table{{
      key("enabled", &S::enabled, "Users may change their address"),
      key("send_change_email_confirmation", &S::send_change_email_confirmation,
          "Whoever has a verified address confirms the change there first"),
      key("update_email_without_verification", &S::update_email_without_verification,
          "At once while the old address is unverified"),
  }};
  return table;
}

const Table& delete_user_keys() {
  using S = DeleteUser;
  static const Table table{{
      key("enabled", &S::enabled, "Users may delete themselves"),
      key("send_delete_account_verification", &S::send_delete_account_verification,
          "A user is deleted by following the link of a mail alone"),
      key("delete_token_expires_in", &S::delete_token_expires_in, "How long the link of that mail works",
          {.minimum = 60}),
  }};
  return table;
}

const Table& user_keys() {
  using S = UserSettings;
  static const Table table{{
      section("change_email", &S::change_email, change_email_keys, "Change of the e-mail address"),
      section("delete_user", &S::delete_user, delete_user_keys, "Deletion of one's own user"),
      additional_fields(&S::additional_fields, "Further columns of the user, by name"),
  }};
  return table;
}

struct CookieCacheWords {
  using Type = CookieCache::Strategy;
  static constexpr std::array kWords{Word<Type>{"compact", Type::compact}, Word<Type>{"jwt", Type::jwt},
                                     Word<Type>{"jwe", Type::jwe}};
};

const Table& cookie_cache_keys() {
  using S = CookieCache;
  static const Table table{{
      key("enabled", &S::enabled, "Keep the session in a cookie, `session_data`, too"),
      key("max_age", &S::max_age,
          "How long such a cookie is believed. A session that ended meanwhile still opens what endpoints take it for",
          {.minimum = 1, .maximum = 86'400}),
      key<WordValue<CookieCacheWords>>("strategy", &S::strategy,
                                       "Form of the cookie: `compact` and `jwt` are signed, `jwe` is encrypted"),
      key("refresh_cache", &S::refresh_cache,
          "Known, and without an effect: it is for servers without a store, and the gateway has one"),
      key("version", &S::version, "Change it to make all such cookies void"),
  }};
  return table;
}

const Table& session_binding_keys() {
  using S = SessionBinding;
  static const Table table{{
      key("user_agent", &S::user_agent, "A session works only with the `User-Agent` that it began with"),
      key("address_prefix", &S::address_prefix,
          "A session works only from the network that it began in: the /24 of an IPv4 address, the /64 of an IPv6 one"),
  }};
  return table;
}

const Table& session_keys() {
  using S = SessionSettings;
  static const Table table{{
      key("expires_in", &S::expires_in, "How long a session lasts without being used", {.minimum = 60}),
      key("update_age", &S::update_age, "A session in use is prolonged when this has passed since the last time"),
      key("fresh_age", &S::fresh_age, "How long a session counts as fresh after sign-in; 0 is always"),
      key("disable_session_refresh", &S::disable_session_refresh, "Never prolong sessions"),
      key("defer_session_refresh", &S::defer_session_refresh,
          "Prolong sessions only by POST /get-session; GET tells `needsRefresh`"),
      key("store_in_database", &S::store_in_database,
          "Keep sessions in the database also where Redis is used; `false` keeps them in Redis alone"),
      key("preserve_session_in_database", &S::preserve_session_in_database,
          "Keep the rows of sessions that were ended, with the time of it as `expiresAt`; expired sessions are then "
          "never "
          "purged"),
      key("staleness_max", &S::staleness_max,
          "Longest time from a change of a session or user, whoever makes it, until every gateway goes by it",
          {.minimum = 500, .maximum = 30'000}),
      key("serve_cached_on_outage", &S::serve_cached_on_outage,
          "While the store is down, how much longer than `staleness_max` cached sessions are believed; a session that "
          "is revoked meanwhile by somebody else is accepted for as long",
          {.maximum = 3'600'000}),
      section("cookie_cache", &S::cookie_cache, cookie_cache_keys,
              "Better Auth's cookie cache: auth endpoints may believe it, proxied routes never do"),
      section("bind", &S::bind, session_binding_keys,
              "A token that is used from elsewhere counts as none, on proxied routes and auth endpoints"),
      additional_fields(&S::additional_fields, "Further columns of the session, by name"),
  }};
  return table;
}

struct IdentifierWords {
  using Type = VerificationSettings::Identifier;
  static constexpr std::array kWords{Word<Type>{"plain", Type::plain}, Word<Type>{"hashed", Type::hashed}};
};

const Table& verification_keys() {
  using S = VerificationSettings;
  static const Table table{{
      key<WordValue<IdentifierWords>>("store_identifier", &S::store_identifier,
                                      "How identifiers, and with them the tokens of links, are stored: as they are, "
                                      "or their SHA-256"),
      key("store_in_database", &S::store_in_database,
          "Keep verifications in the database also where Redis is used; `false` keeps them in Redis alone"),
      key("disable_cleanup", &S::disable_cleanup, "Never delete expired verifications"),
  }};
  return table;
}

struct RateStorageWords {
  using Type = AuthRateLimit::Storage;
  static constexpr std::array kWords{Word<Type>{"memory", Type::memory}, Word<Type>{"database", Type::database},
                                     Word<Type>{"secondary-storage", Type::secondary_storage}};
};

constexpr std::int64_t kRateWindowMax = 86'400;

const Table& rate_limit_rule_keys() {
  using S = AuthRateRule;
  static const Table table{{
      key("window", &S::window, "Time in which requests are counted", {.minimum = 1, .maximum = kRateWindowMax}),
      key("max", &S::max, "Requests in a window", {.minimum = 1}),
  }};
  return table;
}

// Paths and their rules; `false` in place of a rule.
void read_custom_rules(Reader& reader, const Node& node, void* object) {
  auto& rules = static_cast<AuthRateLimit*>(object)->custom_rules;
  rules.clear();
  if (node.kind != Node::Kind::map && node.kind != Node::Kind::null)
    return reader.add(Code::type, node, "takes a mapping of paths to rules");
  for (const Entry& entry : node.entries) {
    const Reader::Step step(reader, entry.key, entry.line, entry.column);
    if (!entry.key.starts_with('/'))
      reader.add_at(Code::path, entry.line, entry.column, reader.path(), "is no path: it must begin with '/'");
    auto& custom = rules.emplace_back();
    custom.path = entry.key;
    const Node& value = entry.value;
    if (value.kind == Node::Kind::scalar && (value.text == "false" || value.text == "off")) continue;
    if (value.kind != Node::Kind::map) {
      reader.add_at(Code::type, entry.line, entry.column, reader.path(), "takes {window, max}, or false");
      continue;
    }
    read_table(reader, value, rate_limit_rule_keys(), &custom.rule.emplace());
  }
}

const Table& auth_rate_limit_keys() {
  using S = AuthRateLimit;
  static const Table table = [] {
    Key custom{.name = "custom_rules",
               .doc =
                   "Limits of single paths below the base path, as `/list-*: {window: 60s, max: 5}`, or `false`; the "
                   "first that matches counts. `*` stands for any run of characters, `**` for any segments",
               .form = Key::Form::map};
    custom.table = rate_limit_rule_keys;
    custom.options.example = "/list-*";
    custom.options.may_be_off = true;
    custom.read = read_custom_rules;
    custom.same = [](const void* a, const void* b) {
      return static_cast<const S*>(a)->custom_rules == static_cast<const S*>(b)->custom_rules;
    };
    return Table{{
        key("enabled", &S::enabled,
            "Limit the auth endpoints; where it is not written, they are limited unless in development mode"),
        key("window", &S::window, "Time in which requests of one address to one path are counted",
            {.minimum = 1, .maximum = kRateWindowMax}),
        key("max", &S::max, "Requests in a window", {.minimum = 1}),
        key<WordValue<RateStorageWords>>(
            "storage", &S::storage,
            "Where requests are counted: in each gateway, in the database, or in Redis (`secondary-storage`); where it "
            "is not written, in Redis if there is one, else in memory"),
        custom,
    }};
  }();
  return table;
}

const Table& ip_address_keys() {
  using S = IpAddressRule;
  static const Table table{{
      key<HeaderNameValue>("headers", &S::headers,
                           "Header fields that may hold the client's address, the first one counts"),
      key("trusted_proxies", &S::trusted_proxies,
          "Proxies that are skipped from the right; without any, a field counts only with "
          "exactly one address",
          {.example = "[10.0.0.0/8]"}),
      key("ipv6_subnet", &S::ipv6_subnet, "Bits of an IPv6 address that are kept", {.minimum = 1, .maximum = 128}),
      key("disable_ip_tracking", &S::disable_ip_tracking,
          "Read and store no addresses; `auth.rate_limit` then limits nobody, `rate_limit` of `defaults` still does"),
  }};
  return table;
}

const Table& cors_keys() {
  static const Table table{{
      key("enabled", &AuthSettings::cors_enabled,
          "Answer preflights of trusted origins and add CORS header fields for them, on every route"),
  }};
  return table;
}

const Table& cross_sub_domain_keys() {
  using S = CrossSubDomainCookies;
  static const Table table{{
      key("enabled", &S::enabled, "Cookies for all sub-domains"),
      key<HostValue>("domain", &S::domain, "Their `Domain`; the host of `base_url` where it is not written",
                     {.example = "example.com"}),
  }};
  return table;
}

const Table& advanced_keys() {
  using S = AuthSettings;
  static const Table table{{
      key<NameValue>("cookie_prefix", &S::cookie_prefix, "First part of every cookie's name"),
      key("use_secure_cookies", &S::use_secure_cookies,
          "`Secure` and the `__Secure-` prefix; where it is not written, as the scheme of `base_url` says"),
      section("cross_sub_domain_cookies", &S::cross_sub_domain_cookies, cross_sub_domain_keys,
              "Cookies that sub-domains share"),
  }};
  return table;
}

const Table& api_error_keys() {
  static const Table table{{
      key<PathOrUrlValue>("error_url", &AuthSettings::error_url,
                          "Where people are sent when a link or a sign-in at a provider fails, with `?error=CODE`; the "
                          "front-end's start page where it is not written",
                          {.example = "https://app.example.com/error"}),
  }};
  return table;
}

}  // namespace

const Table& auth_keys() {
  using S = AuthSettings;
  static const Table table = [] {
    Table keys{{
        key<PathValue>("base_path", &S::base_path, "Path of the auth endpoints; nothing below it can be declared"),
        key("app_name", &S::app_name, "Name of the application, in mails and pages"),
        section("email_and_password", &S::email_and_password, email_and_password_keys, "E-mail and password"),
        section("email_verification", &S::email_verification, email_verification_keys, "Verification of addresses"),
        section("user", &S::user, user_keys, "What users may do to themselves"),
        section("session", &S::session, session_keys, "Sessions"),
        account_key(),
        section("verification", &S::verification, verification_keys, "Short-lived proofs"),
        social_providers_key(),
        generic_oauth_key(),
        section("rate_limit", &S::rate_limit, auth_rate_limit_keys,
                "Better Auth's limit of the auth endpoints; the routes' own is `rate_limit` of a route"),
        section("abuse_ladder", &S::abuse_ladder, abuse_ladder_keys,
                "Guessing of passwords (docs/features/abuse_protection.md)"),
        section("password_hashing", &S::password_hashing, password_hashing_keys, "The pool that hashes passwords"),
        section("breached_passwords", &S::breached_passwords, breached_password_keys,
                "Passwords that are known from breaches, as Better Auth's plugin haveibeenpwned"),
        section("ip_address", &S::ip_address, ip_address_keys,
                "Better Auth's rule for the client's address, in place of the connection's own address"),
        group("cors", cors_keys, "Cross-origin requests of trusted origins"),
        group("advanced", advanced_keys, "Cookies"),
        key<PathValue>("disabled_paths", &S::disabled_paths,
                       "Auth endpoints that are switched off: paths below the base path",
                       {.example = "[/sign-up/email]"}),
        group("on_api_error", api_error_keys, "Errors of links"),
    }};
    for (const char* name : {"two_factor", "passkey", "magic_link", "email_otp", "username", "organization", "admin",
                             "jwt", "bearer", "api_key", "multi_session"})
      keys.keys.push_back(later_any(name, "A feature of its own"));
    return keys;
  }();
  return table;
}

}  // namespace gatehouse::config
