// Which account a request for tokens speaks of (Better Auth 1.7.25, accountSelectionSchema): `{accountId}`, the id of
// its row, or `{useAccountCookie: true}`, each strict and with an optional userId, which is not looked at.
#pragma once
#include <boost/json/value.hpp>
#include <optional>
#include <string>

#include "auth/url_query.hpp"

namespace gatehouse::features {

// As BodySchema::Judge.
std::optional<std::string> judge_account_selection(const boost::json::value* body);
std::optional<std::string> judge_account_selection(const auth::UrlQuery& query);

}  // namespace gatehouse::features
