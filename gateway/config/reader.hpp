// Walks a file's tree on behalf of the key tables: knows where it is (for messages), replaces references, collects
// problems.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/problem.hpp"
#include "config/references.hpp"
#include "config/yaml_node.hpp"

namespace gatehouse::config {

struct Table;

class Reader {
 public:
  // `root` is the table of the whole file: a key that is unknown in one place is looked for in the others.
  Reader(std::string file, Environment environment, ReadFile read_file, const Table& root,
         std::vector<Problem>& problems);

  // One step into a key or list item, while it lives.
  class Step {
   public:
    Step(Reader& reader, const std::string& key, int line, int column);
    Step(Reader& reader, const std::string& key);  // not written in the file
    Step(Reader& reader, std::size_t index, const Node& node);
    ~Step();
    Step(const Step&) = delete;

   private:
    Reader& reader_;
    std::size_t length_;
  };

  const std::string& path() const { return path_; }  // routes[1].require
  const std::string& file() const { return file_; }
  Place place(const Node& node) const { return {file_, node.line, node.column}; }

  void add(Code code, const Node& node, std::string text);
  void add_at(Code code, int line, int column, const std::string& key, std::string text);

  // The text of a scalar with its references replaced. Absent when there is none: a problem was added, or all of it is
  // an optional reference that is missing.
  std::optional<std::string> scalar(const Node& node, bool secret);

  // "'written'" for a message, references as they were written; "the value" of a secret.
  std::string quoted(const Node& node, bool secret) const;

  // Whether the node is one optional reference that is missing: then its key counts as not written.
  bool is_absent(const Node& node);

  // Between these, references of secrets are remembered or refused (see load.cpp).
  enum class Trust { gateway, routes };
  void set_trust(Trust trust) { trust_ = trust; }

  const Environment& environment() const { return environment_; }
  const Table& root() const { return root_; }

  // Where each key that was read stands, by its path.
  const std::map<std::string, Place>& places() const { return places_; }
  // References of the gateway's secrets; whoever reads the other sections hands them in.
  std::vector<std::string> gateway_secrets;
  // What was given and has no effect.
  std::vector<std::string> notes;
  // How many keys around this place are refused as not available.
  int refused = 0;

 private:
  bool refuse_gateway_secret(const Node& node, const std::vector<std::string>& names);

  std::string file_;
  Environment environment_;
  ReadFile read_file_;
  const Table& root_;
  std::vector<Problem>& problems_;
  std::map<std::string, Place> places_;
  std::string path_;
  Trust trust_ = Trust::gateway;
};

}  // namespace gatehouse::config
