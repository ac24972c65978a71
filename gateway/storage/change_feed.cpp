#include "storage/change_feed.hpp"

namespace gatehouse::storage {

Change parse_change(std::string_view payload) {
  using Kind = Change::Kind;
  if (payload.size() < 3 || payload[1] != ' ') return {};
  const std::string subject(payload.substr(2));
  switch (payload[0]) {
    case 'e':
      return {Kind::session_ended, subject};
    case 's':
      return {Kind::sessions_ended, subject};
    case 'u':
      return {Kind::user_changed, subject};
    default:
      return {};
  }
}

std::string_view to_string(ChangeFeed::State state) {
  switch (state) {
    case ChangeFeed::State::connecting:
      return "connecting";
    case ChangeFeed::State::no_triggers:
      return "no triggers";
    case ChangeFeed::State::unheard:
      return "unheard";
    case ChangeFeed::State::following:
      break;
  }
  return "following";
}

}  // namespace gatehouse::storage
