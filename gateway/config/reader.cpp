#include "config/reader.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace gatehouse::config {

namespace {

// Variables that hold the gateway's own secrets by convention, whether or not a key names them.
constexpr std::array<std::string_view, 9> kGatewayVariables{
    "env:BETTER_AUTH_SECRET", "env:BETTER_AUTH_SECRETS", "env:DATABASE_URL",         "env:DB_PASSWORD", "env:REDIS_URL",
    "env:SMTP_PASSWORD",      "env:SMTP_USER",           "env:TURNSTILE_SECRET_KEY", "env:DB_USER"};

bool is_gateway_variable(std::string_view name) {
  const bool provider = name.starts_with("env:AUTH_") && name.ends_with("_CLIENT_SECRET");
  return provider || std::find(kGatewayVariables.begin(), kGatewayVariables.end(), name) != kGatewayVariables.end();
}

}  // namespace

Reader::Reader(std::string file, Environment environment, ReadFile read_file, const Table& root,
               std::vector<Problem>& problems)
    : file_(std::move(file)),
      environment_(std::move(environment)),
      read_file_(std::move(read_file)),
      root_(root),
      problems_(problems) {}

Reader::Step::Step(Reader& reader, const std::string& key) : reader_(reader), length_(reader.path_.size()) {
  if (!reader.path_.empty()) reader.path_ += '.';
  reader.path_ += key;
}

Reader::Step::Step(Reader& reader, const std::string& key, int line, int column) : Step(reader, key) {
  reader.places_[reader.path_] = {reader.file_, line, column};
}

Reader::Step::Step(Reader& reader, std::size_t index, const Node& node)
    : reader_(reader), length_(reader.path_.size()) {
  reader.path_ += fmt::format("[{}]", index);
  reader.places_[reader.path_] = reader.place(node);
}

Reader::Step::~Step() {
  reader_.path_.resize(length_);
}

void Reader::add(Code code, const Node& node, std::string text) {
  add_at(code, node.line, node.column, path_, std::move(text));
}

void Reader::add_at(Code code, int line, int column, const std::string& key, std::string text) {
  problems_.push_back({code, {line > 0 ? file_ : "environment", line, column}, key, std::move(text), {}});
}

bool Reader::refuse_gateway_secret(const Node& node, const std::vector<std::string>& names) {
  for (const auto& name : names) {
    const bool used = std::find(gateway_secrets.begin(), gateway_secrets.end(), name) != gateway_secrets.end();
    if (!used && !is_gateway_variable(name)) continue;
    add(Code::secret_reference, node,
        fmt::format("{} is a secret of the gateway and may be used below `gateway` alone",
                    name.substr(name.find(':') + 1)));
    return true;
  }
  return false;
}

std::optional<std::string> Reader::scalar(const Node& node, bool secret) {
  if (node.kind == Node::Kind::null) {
    add(Code::missing, node, "has no value");
    return std::nullopt;
  }
  if (node.kind != Node::Kind::scalar) {
    // At the key's own place: the value must not be shown when it is a secret.
    const auto at = places_.find(path_);
    const Place key = at == places_.end() ? place(node) : at->second;
    add_at(Code::type, key.line, key.column, path_, "takes a single value");
    return std::nullopt;
  }
  // Line 0: the value of an environment variable, which is taken as it is.
  if (node.line == 0) return node.text;
  auto replaced = replace_references(node.text, environment_, read_file_);
  if (!replaced) {
    add(replaced.error().code, node, replaced.error().text);
    return std::nullopt;
  }
  if (trust_ == Trust::routes && refuse_gateway_secret(node, replaced->names)) return std::nullopt;
  if (trust_ == Trust::gateway && secret)
    gateway_secrets.insert(gateway_secrets.end(), replaced->names.begin(), replaced->names.end());
  return std::move(replaced->text);
}

std::string Reader::quoted(const Node& node, bool secret) const {
  if (secret || node.line == 0) return "the value";
  std::string text = node.text.substr(0, 80);
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  const bool reference = node.text.find("${") != std::string::npos;
  return fmt::format("{}'{}{}'", reference ? "the value of " : "", text, node.text.size() > 80 ? "…" : "");
}

bool Reader::is_absent(const Node& node) {
  if (node.kind != Node::Kind::scalar || node.line == 0) return false;
  const auto replaced = replace_references(node.text, environment_, read_file_);
  return replaced && !replaced->text;
}

}  // namespace gatehouse::config
