#include "auth/query_check.hpp"

namespace gatehouse::auth {

std::optional<std::string> find_query_problems(const UrlQuery& query, std::initializer_list<QueryField> fields) {
  std::string problems;
  for (const QueryField& field : fields) {
    const bool missing = !query.find(field.name);
    if (missing ? field.optional : !query.is_repeated(field.name)) continue;
    if (!problems.empty()) problems += "; ";
    problems.append("[query.").append(field.name).append("] Invalid input: expected string, received ");
    problems.append(missing ? "undefined" : "array");
  }
  if (problems.empty()) return std::nullopt;
  return problems;
}

}  // namespace gatehouse::auth
