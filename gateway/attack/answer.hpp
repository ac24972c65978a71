// The answers that the gateway gave on one connection, out of its raw bytes.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::attack {

struct Answer {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> fields;  // names in lower case
  std::string body;

  // Empty without one.
  std::string_view find(std::string_view lower_name) const;
};

struct Answers {
  std::vector<Answer> list;  // complete ones, without interim ones (1xx); a 101 is one
  std::vector<int> interim;  // their statuses
  std::string rest;          // what is no complete answer, or follows a 101
  bool malformed = false;    // the rest can never become an answer
};

// `first_is_bodiless`: the first answer is one to HEAD.
Answers parse_answers(std::string_view bytes, bool first_is_bodiless = false);

}  // namespace gatehouse::attack
