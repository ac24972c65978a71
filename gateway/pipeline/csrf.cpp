#include "pipeline/csrf.hpp"

namespace gatehouse::pipeline {

bool is_safe_method(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE";
}

bool is_cross_site(const http::RequestHead& head, bool upgrade, const auth::TrustedOrigins& origins) {
  if (is_safe_method(head.method) && !upgrade) return false;
  bool has_origin = false;
  for (const auto& field : head.fields) {
    if (field.known != http::Name::origin) continue;
    has_origin = true;
    if (!origins.trusts_serialized(field.value)) return true;  // every one of them, should there be several
  }
  if (has_origin) return false;
  if (const auto site = head.find(http::Name::sec_fetch_site)) return *site != "same-origin" && *site != "none";
  return false;
}

}  // namespace gatehouse::pipeline
