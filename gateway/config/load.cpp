#include "config/load.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

#include "base/ascii.hpp"
#include "base/encoding.hpp"
#include "config/keys.hpp"
#include "config/validate.hpp"
#include "config/yaml_node.hpp"

namespace gatehouse::config {

namespace {

// DB_HOST and its like as one URL; absent where DB_HOST is not set.
std::optional<std::string> database_url_of_parts(const Environment& environment) {
  const auto get = [&](const char* name) { return environment(name).value_or(""); };
  std::string host = get("DB_HOST");
  if (host.empty()) return std::nullopt;
  if (host.starts_with('/')) {
    host = encode_uri_component(host);  // the folder of a socket
  } else if (host.find(':') != std::string::npos && !host.starts_with('[')) {
    host = "[" + host + "]";
  }
  std::string url = "postgres://";
  const auto user = get("DB_USER"), password = get("DB_PASSWORD");
  url += encode_uri_component(user);
  if (!password.empty()) url += ":" + encode_uri_component(password);
  if (!user.empty() || !password.empty()) url += "@";
  url += host;
  if (const auto port = get("DB_PORT"); !port.empty()) url += ":" + port;
  return url + "/" + encode_uri_component(get("DB_NAME"));
}

class Loader {
 public:
  explicit Loader(const Sources& sources) : sources_(sources) {}

  std::expected<Configuration, std::vector<Problem>> load() {
    if (sources_.gateway) read_gateway_file(*sources_.gateway);
    read_routes_file();
    if (!syntax_failed_) {
      use_database_defaults();
      add_providers_of_environment(configuration_.gateway.auth, sources_.environment, notes_);
      validate(configuration_, {places_, sources_.environment, sources_.dev}, problems_);
    }
    configuration_.notes.insert(configuration_.notes.end(), notes_.begin(), notes_.end());
    if (problems_.empty()) return std::move(configuration_);
    finish_problems();
    return std::unexpected(std::move(problems_));
  }

 private:
  std::optional<Node> read_tree(const std::string& file) {
    auto text = sources_.read_file(file);
    if (!text) {
      problems_.push_back({Code::file, {file, 0, 0}, {}, "cannot be read: " + text.error(), {}});
      syntax_failed_ = true;
      return std::nullopt;
    }
    const auto before = problems_.size();
    Node root = parse_yaml(*text, file, problems_);
    texts_[file] = *std::move(text);
    const bool broken =
        std::any_of(problems_.begin() + static_cast<std::ptrdiff_t>(before), problems_.end(), [](auto& p) {
          return p.code == Code::syntax || p.code == Code::too_large || p.code == Code::several_documents;
        });
    if (!broken && (root.kind == Node::Kind::map || root.kind == Node::Kind::null)) {
      root.line = std::max(root.line, 1);
      root.column = std::max(root.column, 1);
      return root;
    }
    if (!broken)
      problems_.push_back({Code::type, {file, 1, 1}, {}, "the file must be a mapping of keys and values", {}});
    syntax_failed_ = true;
    return std::nullopt;
  }

  void read_with(Reader& reader, const Node& root, const Table& table) {
    places_[""] = {reader.file(), 1, 1};
    reader.gateway_secrets = gateway_secrets_;
    read_table(reader, root, table, &configuration_);
    gateway_secrets_ = reader.gateway_secrets;
    places_.insert(reader.places().begin(), reader.places().end());
    notes_.insert(notes_.end(), reader.notes.begin(), reader.notes.end());
  }

  // The file of the platform team: version and gateway.
  void read_gateway_file(const std::string& file) {
    auto root = read_tree(file);
    if (!root) return;
    Table table{{*file_keys().find("version"), *file_keys().find("gateway")}};
    Reader reader(file, sources_.environment, sources_.read_file, file_keys(), problems_);
    drop_entries(*root, file, [](const std::string& key) {
      const bool known = file_keys().find(key) && key != "version" && key != "gateway";
      return known ? std::optional("belongs in the file of the routes") : std::nullopt;
    });
    read_with(reader, *root, table);
    places_.try_emplace("gateway", Place{file, 1, 1});
  }

  void read_routes_file() {
    auto root = read_tree(sources_.routes);
    if (!root) return;
    Table table = file_keys();
    if (sources_.gateway) {
      std::erase_if(table.keys, [](const Key& key) { return key.name == "gateway"; });
      drop_entries(*root, sources_.routes, [&](const std::string& key) {
        return key == "gateway" ? std::optional(fmt::format("is in {} and may not be here", *sources_.gateway))
                                : std::nullopt;
      });
    }
    Reader reader(sources_.routes, sources_.environment, sources_.read_file, file_keys(), problems_);
    read_with(reader, *root, table);
  }

  template <class Reason>
  void drop_entries(Node& root, const std::string& file, Reason reason) {
    std::erase_if(root.entries, [&](const Entry& entry) {
      const auto text = reason(entry.key);
      if (text)
        problems_.push_back({Code::misplaced_key, {file, entry.line, entry.column}, entry.key, std::string(*text), {}});
      return text.has_value();
    });
  }

  void use_database_defaults() {
    auto& url = configuration_.gateway.database.url;
    if (!url.empty()) return;
    if (auto made = database_url_of_parts(sources_.environment)) {
      url = Secret(*std::move(made));
    } else if (!sources_.dev) {
      url = Secret("sqlite:data/gatehouse.db");
    }
  }

  void finish_problems() {
    std::sort(problems_.begin(), problems_.end(), [&](const Problem& a, const Problem& b) {
      return std::tuple(rank(a), a.place.line, a.place.column, a.key, a.text) <
             std::tuple(rank(b), b.place.line, b.place.column, b.key, b.text);
    });
    std::map<std::string, std::vector<std::string_view>> lines;
    for (const auto& [file, text] : texts_) lines[file] = split_lines(text);
    for (Problem& problem : problems_)
      if (const auto at = lines.find(problem.place.file); at != lines.end())
        problem.source_line = excerpt(at->second, problem);
  }

  int rank(const Problem& problem) const {
    if (sources_.gateway && problem.place.file == *sources_.gateway) return 0;
    return problem.place.file == sources_.routes ? 1 : 2;
  }

  const Sources& sources_;
  Configuration configuration_;
  std::vector<Problem> problems_;
  std::vector<std::string> notes_;
  std::map<std::string, Place> places_;
  std::map<std::string, std::string> texts_;
  std::vector<std::string> gateway_secrets_;
  bool syntax_failed_ = false;
};

void collect_secret_names(const Table& table, std::set<std::string, std::less<>>& names) {
  for (const Key& key : table.keys) {
    if (key.type.secret) names.insert(key.name);
    if (key.table) collect_secret_names(key.table(), names);
  }
}

// Where the value of a key begins whose name is in `names`, or npos.
std::size_t find_secret_value(std::string_view line, const std::set<std::string, std::less<>>& names) {
  for (auto colon = line.find(':'); colon != std::string_view::npos; colon = line.find(':', colon + 1)) {
    auto end = colon;
    while (end > 0 && (line[end - 1] == ' ' || line[end - 1] == '"' || line[end - 1] == '\'')) --end;
    auto start = end;
    while (start > 0 && (is_alphanumeric(line[start - 1]) || line[start - 1] == '_')) --start;
    if (names.contains(line.substr(start, end - start))) return colon + 1;
  }
  return std::string_view::npos;
}

// Whether the last line belongs to the value of a secret key in a line above it.
bool is_below_secret(std::span<const std::string_view> lines, const std::set<std::string, std::less<>>& names) {
  auto indent = lines.back().find_first_not_of(' ');
  if (indent == std::string_view::npos) return false;
  // A list may stand at its key's own indentation.
  if (lines.back()[indent] == '-') ++indent;
  for (auto line = lines.rbegin() + 1; line != lines.rend(); ++line) {
    const auto above = line->find_first_not_of(' ');
    if (above == std::string_view::npos || above >= indent) continue;
    return find_secret_value(*line, names) != std::string_view::npos;
  }
  return false;
}

}  // namespace

std::expected<Configuration, std::vector<Problem>> load(const Sources& sources) {
  return Loader(sources).load();
}

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (true) {
    const auto end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (lines.back().ends_with('\r')) lines.back().remove_suffix(1);
    if (end == std::string_view::npos) return lines;
    text.remove_prefix(end + 1);
  }
}

std::string excerpt(std::span<const std::string_view> lines, const Problem& problem) {
  constexpr std::size_t kLineBytesMax = 200;
  static const auto kSecretNames = [] {
    std::set<std::string, std::less<>> names;
    collect_secret_names(file_keys(), names);
    return names;
  }();
  // What is missing from the whole file is in no line.
  if (problem.code == Code::missing && problem.place.line == 1 && problem.place.column == 1) return {};
  if (problem.place.line < 1 || lines.size() < static_cast<std::size_t>(problem.place.line)) return {};
  lines = lines.first(static_cast<std::size_t>(problem.place.line));
  const std::string_view line = lines.back();
  if (is_below_secret(lines, kSecretNames)) return {};
  auto cut = find_secret_value(line, kSecretNames);
  // Nobody knows what an unknown key holds, except that no key of a route is a secret.
  const bool misspelt =
      problem.code == Code::unknown_key || problem.code == Code::misplaced_key || problem.code == Code::duplicate_key;
  if (misspelt && !problem.key.starts_with("routes[") && !problem.key.starts_with("defaults") &&
      !problem.key.starts_with("tests[")) {
    const auto colon = line.find(':', static_cast<std::size_t>(std::max(0, problem.place.column - 1)));
    if (colon != std::string_view::npos) cut = std::min(cut, colon + 1);
  }
  if (cut < line.size()) return std::string(line.substr(0, cut)) + " ***";
  if (line.size() > kLineBytesMax) return std::string(line.substr(0, kLineBytesMax)) + "…";
  return std::string(line);
}

}  // namespace gatehouse::config
