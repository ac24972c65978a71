// The query of a request's target, or a form's body: WHATWG's application/x-www-form-urlencoded, decoded.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::auth {

class UrlQuery {
 public:
  UrlQuery() = default;
  explicit UrlQuery(std::string_view text);  // without the '?'

  // The first value of the name, as URLSearchParams.get gives it.
  std::optional<std::string_view> find(std::string_view name) const;
  // More than one value: Better Auth sees an array.
  bool is_repeated(std::string_view name) const;
  // JavaScript's truth of the value: absent and "" are false; any other text is true, also "false" and "0".
  bool is_truthy(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& pairs() const { return pairs_; }

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

// As URLSearchParams writes a value: blanks as '+', all but A-Z a-z 0-9 * - . _ percent-encoded.
std::string encode_form_value(std::string_view text);

}  // namespace gatehouse::auth
