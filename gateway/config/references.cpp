#include "config/references.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include <fmt/format.h>

#include "base/ascii.hpp"
#include "config/yaml_node.hpp"

namespace gatehouse::config {

namespace {

struct Reference {
  enum class Source { environment, file };
  Source source = Source::environment;
  std::string name;
  std::optional<std::string> fallback;
  bool optional = false;
};

bool is_variable_name(std::string_view name) {
  if (name.empty() || is_digit(name.front())) return false;
  for (const char c : name)
    if (!is_alphanumeric(c) && c != '_') return false;
  return true;
}

// `inner`: what stands between the braces.
std::optional<Reference> parse_reference(std::string_view inner) {
  Reference reference;
  if (inner.starts_with("env:")) {
    inner.remove_prefix(4);
    if (const auto dash = inner.find(":-"); dash != std::string_view::npos) {
      reference.fallback = std::string(inner.substr(dash + 2));
      inner = inner.substr(0, dash);
    } else if (inner.ends_with('?')) {
      reference.optional = true;
      inner.remove_suffix(1);
    }
    reference.name = std::string(inner);
    if (is_variable_name(inner)) return reference;
  } else if (inner.starts_with("file:")) {
    inner.remove_prefix(5);
    reference.source = Reference::Source::file;
    if (inner.ends_with('?')) {
      reference.optional = true;
      inner.remove_suffix(1);
    }
    reference.name = std::string(inner);
    if (!inner.empty()) return reference;
  }
  return std::nullopt;
}

// Absent: not there, which only an optional reference may be.
std::expected<std::optional<std::string>, ReferenceProblem> look_up(const Reference& reference,
                                                                    const Environment& environment,
                                                                    const ReadFile& read_file) {
  if (reference.source == Reference::Source::environment) {
    auto value = environment(reference.name);
    if (value && !value->empty()) return value;
    if (reference.fallback) return reference.fallback;
    if (reference.optional) return std::nullopt;
    return std::unexpected(
        ReferenceProblem{Code::unset, fmt::format("the environment variable {} is not set", reference.name)});
  }
  auto content = read_file(reference.name);
  if (content) {
    if (content->ends_with('\n')) content->pop_back();
    if (content->ends_with('\r')) content->pop_back();
    return *std::move(content);
  }
  if (reference.optional) return std::nullopt;
  return std::unexpected(
      ReferenceProblem{Code::unset, fmt::format("the file {} cannot be read: {}", reference.name, content.error())});
}

}  // namespace

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value ? std::optional<std::string>(value) : std::nullopt;
  };
}

ReadFile file_system() {
  return [](const std::string& path) -> std::expected<std::string, std::string> {
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    if (!file) return std::unexpected(std::string(std::strerror(errno)));
    std::string content(kFileBytesMax + 1, '\0');
    file.read(content.data(), static_cast<std::streamsize>(content.size()));
    content.resize(static_cast<std::size_t>(file.gcount()));
    if (file.bad()) return std::unexpected(std::string(std::strerror(errno)));
    return content;
  };
}

std::expected<Replaced, ReferenceProblem> replace_references(std::string_view text, const Environment& environment,
                                                             const ReadFile& read_file) {
  Replaced replaced{std::string(), {}};
  const std::string_view whole = text;
  while (true) {
    const auto dollar = text.find('$');
    *replaced.text += text.substr(0, dollar);
    if (dollar == std::string_view::npos || dollar + 1 == text.size()) {
      if (dollar != std::string_view::npos) *replaced.text += '$';
      return replaced;
    }
    text.remove_prefix(dollar + 1);
    if (text.front() == '$') {
      *replaced.text += '$';
      text.remove_prefix(1);
      continue;
    }
    if (text.front() != '{') {
      *replaced.text += '$';
      continue;
    }
    const auto brace = text.find('}');
    const auto reference = brace == std::string_view::npos ? std::nullopt : parse_reference(text.substr(1, brace - 1));
    if (!reference)
      return std::unexpected(ReferenceProblem{
          Code::reference, "write ${env:NAME}, ${env:NAME:-default} or ${file:/path}, and $$ for a dollar sign"});
    auto value = look_up(*reference, environment, read_file);
    if (!value) return std::unexpected(value.error());
    replaced.names.push_back((reference->source == Reference::Source::file ? "file:" : "env:") + reference->name);
    if (*value) {
      *replaced.text += **value;
    } else if (brace + 2 == whole.size()) {
      return Replaced{std::nullopt, std::move(replaced.names)};
    }
    text.remove_prefix(brace + 1);
  }
}

}  // namespace gatehouse::config
