// What an endpoint's body must look like, declared as a table, and the check, which answers with zod's texts in zod's
// order (Better Auth clients show them).
#pragma once
#include <boost/json/value.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::auth {

enum class FieldType { string, boolean, email };

struct Field {
  std::string_view name;
  FieldType type = FieldType::string;
  bool optional = false;           // may be absent; null is not absent
  std::size_t characters_min = 0;  // of a string
};

struct BodySchema {
  enum class Kind {
    any,                // not looked at
    object,             // an object with these fields; others are ignored
    optional_object,    // the same, or no body
    record,             // an object of any fields
    object_and_record,  // Better Auth checks the body twice, and so tells twice that it is no object
    judged,             // by `judge` alone
  };
  // nullptr: the body is undefined.
  using Judge = std::optional<std::string> (*)(const boost::json::value* body);
  Kind kind = Kind::any;
  std::vector<Field> fields = {};
  Judge judge = nullptr;
};

// The message of a VALIDATION_ERROR, or nothing if the body fits. An absent body is JavaScript's undefined.
std::optional<std::string> find_problems(const BodySchema& schema, const std::optional<boost::json::value>& body);

// "Invalid input: expected string, received number"; nullptr is undefined.
std::string wrong_type(std::string_view expected, const boost::json::value* value);

// zod 4's idea of an address: atoms of [A-Za-z0-9_'+-] joined by single dots, a domain with at least one dot and a top
// level of letters.
bool is_email(std::string_view text);

}  // namespace gatehouse::auth
