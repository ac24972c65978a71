// What a JWT of the gateway says, read out of its claims' text (crypto/jwt.hpp): the tokens of links in mails.
#pragma once
#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace gatehouse::auth {

class TokenClaims {
 public:
  // Absent: no JSON object.
  static std::optional<TokenClaims> parse(std::string_view text);

  // Absent: there is none, or it is no text.
  std::optional<std::string> text(std::string_view name) const;
  // Whether the name is there with something that is no text.
  bool is_mistyped(std::string_view name) const;
  // `exp`. Absent: there is none, or it is no time.
  std::optional<WallTime> expires_at() const;

 private:
  boost::json::object claims_;
};

}  // namespace gatehouse::auth
