// A string that must never be shown: keys, passwords, connection URLs with passwords. It cannot be formatted or
// streamed; whoever needs the bytes says reveal().
#pragma once
#include <string>
#include <utility>

namespace gatehouse {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  const std::string& reveal() const { return value_; }
  bool empty() const { return value_.empty(); }
  bool operator==(const Secret&) const = default;

 private:
  std::string value_;
};

}  // namespace gatehouse
