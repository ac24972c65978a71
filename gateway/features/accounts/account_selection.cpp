#include "features/accounts/account_selection.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <vector>

namespace gatehouse::features {

namespace json = boost::json;

namespace {

// One form of the union: whether its own fields fit, and which keys it does not know.
struct Attempt {
  bool fits = false;
  std::vector<std::string> unknown;
};

Attempt attempt(const json::object& object, std::string_view field, bool (*is_right)(const json::value&)) {
  const json::value* value = object.if_contains(field);
  const json::value* user = object.if_contains("userId");
  Attempt result{value != nullptr && is_right(*value) && (user == nullptr || user->is_string()), {}};
  for (const auto& member : object) {
    if (member.key() != field && member.key() != "userId") result.unknown.emplace_back(member.key());
  }
  return result;
}

std::optional<std::string> judge(const json::object& object, std::string_view place) {
  const std::string prefix = "[" + std::string(place) + "] ";
  const Attempt by_id = attempt(object, "accountId", [](const json::value& value) { return value.is_string(); });
  const Attempt by_cookie =
      attempt(object, "useAccountCookie", [](const json::value& value) { return value.is_bool() && value.get_bool(); });
  for (const Attempt* one : {&by_id, &by_cookie}) {
    if (one->fits && one->unknown.empty()) return std::nullopt;
  }
  if (by_id.fits == by_cookie.fits) return prefix + "Invalid input";
  const auto& unknown = (by_id.fits ? by_id : by_cookie).unknown;
  std::string message = prefix + (unknown.size() == 1 ? "Unrecognized key: " : "Unrecognized keys: ");
  for (const auto& name : unknown) message += (&name == &unknown.front() ? "\"" : ", \"") + name + "\"";
  return message;
}

}  // namespace

std::optional<std::string> judge_account_selection(const json::value* body) {
  if (body == nullptr || !body->is_object()) return "[body] Invalid input";
  return judge(body->get_object(), "body");
}

std::optional<std::string> judge_account_selection(const auth::UrlQuery& query) {
  json::object object;
  for (const auto& [name, value] : query.pairs()) {
    object[name] = query.is_repeated(name) ? json::value(json::array()) : json::value(value);
  }
  return judge(object, "query");
}

}  // namespace gatehouse::features
