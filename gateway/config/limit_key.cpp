#include "config/limit_key.hpp"

#include <string_view>
#include <utility>

namespace gatehouse::config {

std::string to_string(LimitKey key) {
  static constexpr std::pair<LimitPart, std::string_view> kNames[] = {
      {LimitPart::user, "user"}, {LimitPart::session, "session"}, {LimitPart::ip, "ip"}, {LimitPart::route, "route"}};
  std::string text;
  for (const auto& [part, name] : kNames) {
    if (key.has(part)) text.append(text.empty() ? "" : "+").append(name);
  }
  return text;
}

}  // namespace gatehouse::config
