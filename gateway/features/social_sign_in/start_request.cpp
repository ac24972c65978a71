#include "features/social_sign_in/start_request.hpp"

#include <boost/json/serialize.hpp>

#include "auth/oauth/provider.hpp"

namespace gatehouse::features {

using namespace auth;
namespace json = boost::json;

namespace {

constexpr std::size_t kAdditionalDataBytesMax = 16 * 1024;

// The issues of one body.
class Judgement {
 public:
  explicit Judgement(const json::object& body) : body_(body) {}

  void string(std::string_view name) {
    typed("string", name, [](const json::value& value) { return value.is_string(); });
  }
  void boolean(std::string_view name) {
    typed("boolean", name, [](const json::value& value) { return value.is_bool(); });
  }

  // A union of the providers' names and any text: it says no more than that nothing of it fits.
  void provider() {
    const json::value* value = body_.if_contains("provider");
    if (value == nullptr || !value->is_string()) add("provider", "Invalid input");
  }

  void scopes() {
    const json::value* list = body_.if_contains("scopes");
    if (list == nullptr) return;
    if (!list->is_array()) return add("scopes", wrong_type("array", list));
    for (std::size_t i = 0; i < list->get_array().size(); ++i) {
      const json::value& one = list->get_array()[i];
      if (!one.is_string()) add("scopes." + std::to_string(i), wrong_type("string", &one));
    }
  }

  void additional_params() {
    const json::value* record = body_.if_contains("additionalParams");
    if (record == nullptr) return;
    if (!record->is_object()) return add("additionalParams", wrong_type("record", record));
    bool fits = true, reserved = false;
    for (const auto& member : record->get_object()) {
      const std::string name(member.key());
      if (!member.value().is_string()) {
        add("additionalParams." + name, wrong_type("string", &member.value()));
        fits = false;
      }
      reserved = reserved || oauth::is_reserved_parameter(name);
    }
    if (fits && reserved)
      add("additionalParams",
          "additionalParams cannot include reserved OAuth parameters: state, client_id, redirect_uri, response_type, "
          "code_challenge, code_challenge_method, nonce, scope");
  }

  // Differs from Better Auth: it is bounded, because a stranger can have it stored.
  void additional_data() {
    const json::value* record = body_.if_contains("additionalData");
    if (record == nullptr) return;
    if (!record->is_object()) return add("additionalData", wrong_type("record", record));
    if (json::serialize(*record).size() > kAdditionalDataBytesMax) add("additionalData", "Too big");
  }

  void id_token(bool with_expiry_and_user) {
    const json::value* value = body_.if_contains("idToken");
    if (value == nullptr) return;
    if (!value->is_object()) return add("idToken", wrong_type("object", value));
    Judgement inner(value->get_object());
    inner.prefix_ = "idToken.";
    if (!value->get_object().contains("token")) {
      inner.add("token", wrong_type("string", nullptr));
    } else {
      inner.string("token");
    }
    for (const auto* name : {"nonce", "accessToken", "refreshToken"}) inner.string(name);
    if (with_expiry_and_user) {
      inner.typed("number", "expiresAt", [](const json::value& one) { return one.is_number(); });
      inner.typed("object", "user", [](const json::value& one) { return one.is_object(); });
    }
    append(inner.message_);
  }

  std::optional<std::string> message() const { return message_.empty() ? std::nullopt : std::optional(message_); }

 private:
  template <class Fits>
  void typed(std::string_view type, std::string_view name, Fits fits) {
    const json::value* value = body_.if_contains(name);
    if (value != nullptr && !fits(*value)) add(name, wrong_type(type, value));
  }
  void add(std::string_view path, std::string_view text) {
    append("[body." + prefix_ + std::string(path) + "] " + std::string(text));
  }
  void append(std::string_view more) {
    if (more.empty()) return;
    if (!message_.empty()) message_ += "; ";
    message_ += more;
  }

  const json::object& body_;
  std::string prefix_;
  std::string message_;
};

std::optional<std::string> judge_sign_in(const json::value* body) {
  if (body == nullptr || !body->is_object()) return "[body] " + wrong_type("object", body);
  Judgement judgement(body->get_object());
  for (const auto* name : {"callbackURL", "newUserCallbackURL", "errorCallbackURL"}) judgement.string(name);
  judgement.provider();
  judgement.boolean("disableRedirect");
  judgement.id_token(true);
  judgement.scopes();
  judgement.boolean("requestSignUp");
  judgement.string("loginHint");
  judgement.additional_params();
  judgement.additional_data();
  return judgement.message();
}

std::optional<std::string> judge_link(const json::value* body) {
  if (body == nullptr || !body->is_object()) return "[body] " + wrong_type("object", body);
  Judgement judgement(body->get_object());
  judgement.string("callbackURL");
  judgement.provider();
  judgement.id_token(false);
  judgement.boolean("requestSignUp");
  judgement.scopes();
  judgement.string("errorCallbackURL");
  judgement.boolean("disableRedirect");
  judgement.string("loginHint");
  judgement.additional_params();
  judgement.additional_data();
  return judgement.message();
}

const json::value* find(const EndpointCall& call, std::string_view field) {
  return call.body->get_object().if_contains(field);
}

std::optional<std::string> text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::optional<std::string>(value->get_string()) : std::nullopt;
}

}  // namespace

const BodySchema kSignInSocialBody{BodySchema::Kind::judged, {}, judge_sign_in};
const BodySchema kLinkSocialBody{BodySchema::Kind::judged, {}, judge_link};

std::vector<std::string> requested_scopes(const EndpointCall& call) {
  std::vector<std::string> scopes;
  if (const json::value* list = find(call, "scopes"))
    for (const auto& one : list->get_array()) scopes.emplace_back(one.get_string());
  return scopes;
}

std::vector<std::pair<std::string, std::string>> additional_params(const EndpointCall& call) {
  std::vector<std::pair<std::string, std::string>> params;
  if (const json::value* record = find(call, "additionalParams"))
    for (const auto& member : record->get_object()) params.emplace_back(member.key(), member.value().get_string());
  return params;
}

json::object additional_data(const EndpointCall& call) {
  const json::value* record = find(call, "additionalData");
  return record != nullptr ? record->get_object() : json::object();
}

std::optional<BroughtToken> brought_token(const EndpointCall& call) {
  const json::value* found = find(call, "idToken");
  if (found == nullptr) return std::nullopt;
  const auto& object = found->get_object();
  BroughtToken brought{.token = text_of(object, "token").value_or(""),
                       .nonce = text_of(object, "nonce"),
                       .access_token = text_of(object, "accessToken"),
                       .refresh_token = text_of(object, "refreshToken"),
                       .user = {}};
  if (const json::value* user = object.if_contains("user")) brought.user = json::serialize(*user);
  return brought;
}

}  // namespace gatehouse::features
