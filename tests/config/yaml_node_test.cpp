#include "config/yaml_node.hpp"

#include <doctest/doctest.h>

using namespace gatehouse::config;

namespace {

// The problems as "line:column CODE text;".
std::string problems_in(std::string_view text) {
  std::vector<Problem> problems;
  parse_yaml(text, "f", problems);
  std::string out;
  for (const auto& problem : problems)
    out += std::to_string(problem.place.line) + ":" + std::to_string(problem.place.column) + " " +
           std::string(to_text(problem.code)) + " " + problem.text + ";";
  return out;
}

}  // namespace

TEST_CASE("parse_yaml keeps scalars as text and knows every place") {
  std::vector<Problem> problems;
  const Node root = parse_yaml("a: 007\nb:\n  - on\n  - \"x y\"\nc: {d: ~, é: ü, e: f}\n", "f", problems);
  CHECK(problems.empty());
  REQUIRE(root.kind == Node::Kind::map);
  CHECK(root.find("a")->text == "007");
  REQUIRE(root.find("b")->items.size() == 2);
  CHECK(root.find("b")->items[0].text == "on");
  CHECK(root.find("b")->items[1].text == "x y");
  CHECK(root.find("b")->items[1].line == 4);
  CHECK(root.find("b")->items[1].column == 5);
  const Node* c = root.find("c");
  CHECK(c->find("d")->kind == Node::Kind::null);
  // Characters, not bytes.
  CHECK(c->entries[2].key == "e");
  CHECK(c->entries[2].column == 17);
  CHECK(root.find("x") == nullptr);
}

TEST_CASE("parse_yaml refuses what lets a file say other than it shows") {
  CHECK(problems_in("a: 1\nb: 2\na: 3\n") == "3:1 GH-CONFIG-DUPLICATE-KEY 'a' is already in line 1;");
  CHECK(problems_in("x: {a: 1, a: 2}\n") == "1:11 GH-CONFIG-DUPLICATE-KEY 'a' is already in line 1;");
  CHECK(problems_in("a: &x 1\n") == "1:4 GH-CONFIG-ANCHOR anchors are not used here;");
  CHECK(problems_in("a: &x 1\nb: *x\n") ==
        "1:4 GH-CONFIG-ANCHOR anchors are not used here;2:4 GH-CONFIG-ANCHOR aliases are not used here;");
  CHECK(problems_in("a: {b: 1}\n<<: {c: 2}\n") == "2:1 GH-CONFIG-ANCHOR merge keys are not used here;");
  CHECK(problems_in("a: !!str 1\n") == "1:4 GH-CONFIG-TAG tags are not used here;");
  CHECK(problems_in("a: !mine {b: 1}\n") == "1:4 GH-CONFIG-TAG tags are not used here;");
  CHECK(problems_in("a: 1\n---\nb: 2\n") == "2:1 GH-CONFIG-SEVERAL-DOCUMENTS a file holds one document;");
  CHECK(problems_in("[a, b]: 1\n").find("GH-CONFIG-TYPE a key must be a plain word;") != std::string::npos);
}

TEST_CASE("parse_yaml bounds depth, keys and size") {
  CHECK(problems_in(std::string(100'000, '[')) == "1:9 GH-CONFIG-TOO-LARGE more than 16 levels deep;");
  CHECK(problems_in(std::string(kFileBytesMax + 1, ' ')) == "1:1 GH-CONFIG-TOO-LARGE larger than 1024 KiB;");
  std::string keys;
  for (int i = 0; i < 4097; ++i) keys += "k" + std::to_string(i) + ": 1\n";
  CHECK(problems_in(keys) == "4097:1 GH-CONFIG-TOO-LARGE more than 4096 keys in one mapping;");
}

TEST_CASE("parse_yaml refuses other encodings and broken syntax with a place") {
  CHECK(problems_in("\xff\xfe"
                    "a") == "1:1 GH-CONFIG-SYNTAX not UTF-8 text;");
  CHECK(problems_in(std::string_view("a: b\0c", 6)) == "1:1 GH-CONFIG-SYNTAX not UTF-8 text;");
  CHECK(problems_in("a: [1\nb: 2\n").find("GH-CONFIG-SYNTAX") != std::string::npos);
  CHECK(problems_in("a: 'x\n").find("GH-CONFIG-SYNTAX") != std::string::npos);
  CHECK(problems_in("\ta: 1\n").find("GH-CONFIG-SYNTAX") != std::string::npos);
}

TEST_CASE("parse_yaml takes an empty file and one of comments") {
  CHECK(problems_in("") == "");
  CHECK(problems_in("# nothing\n") == "");
}
