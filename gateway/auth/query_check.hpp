// What the query of an endpoint must look like, and the check: as find_problems() of validation.hpp, for endpoints that
// a link leads to.
#pragma once
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "auth/url_query.hpp"

namespace gatehouse::auth {

struct QueryField {
  std::string_view name;
  bool optional = false;
};

// The message of a VALIDATION_ERROR, or nothing if each field stands there once.
std::optional<std::string> find_query_problems(const UrlQuery& query, std::initializer_list<QueryField> fields);

}  // namespace gatehouse::auth
