// A file that the build put into the binary (cmake/embed.cmake): migrations, hosted pages.
#pragma once
#include <string_view>

namespace gatehouse {

struct EmbeddedFile {
  std::string_view path;     // relative to the embedded folder, with forward slashes
  std::string_view content;  // static storage
};

}  // namespace gatehouse
