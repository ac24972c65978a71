#include "config/yaml_node.hpp"

#include <algorithm>
#include <sstream>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "base/utf8.hpp"

namespace gatehouse::config {

namespace {

struct TooLarge {
  YAML::Mark mark;
  std::string text;
};

class Builder final : public YAML::EventHandler {
 public:
  Builder(const std::string& file, std::vector<Problem>& problems) : file_(file), problems_(problems) {}

  Node take() { return std::move(root_); }

  void add(Code code, const YAML::Mark& mark, std::string text) {
    problems_.push_back({code, {file_, mark.line + 1, mark.column + 1}, {}, std::move(text), {}});
  }

  void OnDocumentStart(const YAML::Mark& mark) override { start = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_extras(mark, "", anchor);
    put(make(Node::Kind::null, mark), mark);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    add(Code::anchor, mark, "aliases are not used here");
    put(make(Node::Kind::null, mark), mark);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_extras(mark, tag, anchor);
    Node node = make(Node::Kind::scalar, mark);
    node.text = value;
    put(std::move(node), mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Node::Kind::list, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Node::Kind::map, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

  YAML::Mark start;

 private:
  // A container that is being filled. `key` is set between a map's key and its value.
  struct Open {
    Node node;
    bool has_key = false;
    Entry entry;
  };

  static Node make(Node::Kind kind, const YAML::Mark& mark) {
    Node node;
    node.kind = kind;
    node.line = mark.line + 1;
    node.column = mark.column + 1;
    return node;
  }

  void refuse_extras(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) add(Code::anchor, mark, "anchors are not used here");
    // yaml-cpp says "?" for plain and "!" for quoted scalars without a tag.
    if (!tag.empty() && tag != "?" && tag != "!") add(Code::tag, mark, "tags are not used here");
  }

  void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    refuse_extras(mark, tag, anchor);
    if (stack_.size() >= static_cast<std::size_t>(kDepthMax))
      throw TooLarge{mark, fmt::format("more than {} levels deep", kDepthMax)};
    stack_.push_back({make(kind, mark), false, {}});
  }

  void close() {
    Node node = std::move(stack_.back().node);
    stack_.pop_back();
    YAML::Mark mark;
    mark.line = node.line - 1;
    mark.column = node.column - 1;
    put(std::move(node), mark);
  }

  void put(Node node, const YAML::Mark& mark) {
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& top = stack_.back();
    if (top.node.kind == Node::Kind::list) {
      top.node.items.push_back(std::move(node));
    } else if (!top.has_key) {
      start_entry(top, std::move(node), mark);
    } else {
      top.entry.value = std::move(node);
      top.has_key = false;
      if (!top.entry.key.empty()) top.node.entries.push_back(std::move(top.entry));
      top.entry = {};
    }
  }

  // A key that is refused is left out of the tree, so that its value is not complained about as well.
  void start_entry(Open& top, Node key, const YAML::Mark& mark) {
    top.has_key = true;
    top.entry = {};
    if (top.node.entries.size() >= kKeysMax)
      throw TooLarge{mark, fmt::format("more than {} keys in one mapping", kKeysMax)};
    if (key.kind != Node::Kind::scalar || key.text.empty()) {
      add(Code::type, mark, "a key must be a plain word");
    } else if (key.text == "<<") {
      add(Code::anchor, mark, "merge keys are not used here");
    } else if (const Entry* first = find_entry(top.node, key.text)) {
      add(Code::duplicate_key, mark, fmt::format("'{}' is already in line {}", key.text, first->line));
    } else {
      top.entry.key = std::move(key.text);
      top.entry.line = mark.line + 1;
      top.entry.column = mark.column + 1;
    }
  }

  static const Entry* find_entry(const Node& map, std::string_view key) {
    const auto at =
        std::find_if(map.entries.begin(), map.entries.end(), [&](const Entry& entry) { return entry.key == key; });
    return at == map.entries.end() ? nullptr : &*at;
  }

  const std::string& file_;
  std::vector<Problem>& problems_;
  std::vector<Open> stack_;
  Node root_;
};

bool refuse_bytes(std::string_view text, const std::string& file, std::vector<Problem>& problems) {
  const auto add = [&](Code code, std::string what) {
    problems.push_back({code, {file, 1, 1}, {}, std::move(what), {}});
  };
  if (text.size() > kFileBytesMax) {
    add(Code::too_large, fmt::format("larger than {} KiB", kFileBytesMax / 1024));
  } else if (!is_utf8(text) || text.find('\0') != std::string_view::npos) {
    add(Code::syntax, "not UTF-8 text");
  } else {
    return false;
  }
  return true;
}

// yaml-cpp counts bytes in a line; people count characters.
class Columns {
 public:
  explicit Columns(std::string_view text) {
    while (true) {
      const auto end = text.find('\n');
      lines_.push_back(text.substr(0, end));
      if (end == std::string_view::npos) return;
      text.remove_prefix(end + 1);
    }
  }
  void correct(int line, int& column) const {
    if (line < 1 || column < 1 || static_cast<std::size_t>(line) > lines_.size()) return;
    const auto before = lines_[static_cast<std::size_t>(line - 1)].substr(0, static_cast<std::size_t>(column - 1));
    column -= static_cast<int>(std::count_if(before.begin(), before.end(),
                                             [](char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }));
  }
  void correct(Node& node) const {
    correct(node.line, node.column);
    for (Node& item : node.items) correct(item);
    for (Entry& entry : node.entries) {
      correct(entry.line, entry.column);
      correct(entry.value);
    }
  }

 private:
  std::vector<std::string_view> lines_;
};

}  // namespace

const Node* Node::find(std::string_view key) const {
  const auto at = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.key == key; });
  return at == entries.end() ? nullptr : &at->value;
}

Node parse_yaml(std::string_view text, const std::string& file, std::vector<Problem>& problems) {
  if (refuse_bytes(text, file, problems)) return {};
  const auto first = problems.size();
  Builder builder(file, problems);
  try {
    // yaml-cpp takes a quote that is never closed for closed where the file ends with blanks.
    const auto length = text.find_last_not_of(" \t\r\n") + 1;
    std::istringstream stream{std::string(text.substr(0, length))};
    YAML::Parser parser(stream);
    parser.HandleNextDocument(builder);
    std::vector<Problem> of_second;
    Builder second(file, of_second);
    if (parser.HandleNextDocument(second))
      builder.add(Code::several_documents, second.start, "a file holds one document");
  } catch (const YAML::Exception& error) {
    builder.add(Code::syntax, error.mark.is_null() ? YAML::Mark{} : error.mark, error.msg);
  } catch (const TooLarge& large) {
    builder.add(Code::too_large, large.mark, large.text);
  }
  Node root = builder.take();
  if (std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; })) {
    const Columns columns(text);
    for (auto at = problems.begin() + static_cast<std::ptrdiff_t>(first); at != problems.end(); ++at)
      columns.correct(at->place.line, at->place.column);
    columns.correct(root);
  }
  return root;
}

}  // namespace gatehouse::config
