// What the client did wrong is a value (STYLE: three kinds of errors). What the world did wrong is an exception:
// failure.hpp.
#pragma once
#include <expected>
#include <string>

namespace gatehouse {

// Answered as JSON {"code", "message"}; an empty code leaves that key out, and both empty mean an answer without a
// body.
struct ApiError {
  int status = 500;
  std::string code;
  std::string message;
};

template <class T>
using Result = std::expected<T, ApiError>;

inline std::unexpected<ApiError> fail(int status, std::string code, std::string message) {
  return std::unexpected(ApiError{status, std::move(code), std::move(message)});
}

}  // namespace gatehouse
