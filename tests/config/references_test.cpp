#include "config/references.hpp"

#include <doctest/doctest.h>

using namespace gatehouse::config;

namespace {

// The replaced text, "absent", or the code of the problem.
std::string replace(std::string_view text) {
  const Environment environment = [](const std::string& name) -> std::optional<std::string> {
    if (name == "HOME") return "/home/me";
    if (name == "TRICKY") return "${env:HOME} [a, b]";
    if (name == "EMPTY") return "";
    return std::nullopt;
  };
  const ReadFile read_file = [](const std::string& path) -> std::expected<std::string, std::string> {
    if (path == "/key") return "abc\n";
    if (path == "/key-crlf") return "abc\n\r\n";
    return std::unexpected("No such file or directory");
  };
  const auto replaced = replace_references(text, environment, read_file);
  if (!replaced) return std::string(to_text(replaced.error().code)) + ": " + replaced.error().text;
  return replaced->text ? *replaced->text : "absent";
}

}  // namespace

TEST_CASE("references are replaced by variables and files") {
  CHECK(replace("plain") == "plain");
  CHECK(replace("${env:HOME}") == "/home/me");
  CHECK(replace("a${env:HOME}b${file:/key}c") == "a/home/mebabcc");
  CHECK(replace("${file:/key-crlf}") == "abc\n");
  CHECK(replace("${env:NOT_SET:-default text}") == "default text");
  CHECK(replace("${env:NOT_SET:-}") == "");
  CHECK(replace("${env:HOME:-other}") == "/home/me");
  CHECK(replace("${env:EMPTY:-other}") == "other");
}

TEST_CASE("what a reference brings is not looked at again") {
  CHECK(replace("${env:TRICKY}") == "${env:HOME} [a, b]");
}

TEST_CASE("two dollar signs are one, and a lone one stays") {
  CHECK(replace("$${env:HOME}") == "${env:HOME}");
  CHECK(replace("a$b$") == "a$b$");
  CHECK(replace("$$$$") == "$$");
}

TEST_CASE("an optional reference may be missing") {
  CHECK(replace("${env:NOT_SET?}") == "absent");
  CHECK(replace("${env:EMPTY?}") == "absent");
  CHECK(replace("${file:/none?}") == "absent");
  CHECK(replace("x${env:NOT_SET?}y") == "xy");
  CHECK(replace("${env:HOME?}") == "/home/me");
}

TEST_CASE("a missing or malformed reference is a problem") {
  CHECK(replace("${env:NOT_SET}") == "GH-CONFIG-UNSET: the environment variable NOT_SET is not set");
  CHECK(replace("${env:EMPTY}") == "GH-CONFIG-UNSET: the environment variable EMPTY is not set");
  CHECK(replace("${file:/none}") == "GH-CONFIG-UNSET: the file /none cannot be read: No such file or directory");
  for (const char* text :
       {"${HOME}", "${env:}", "${env:A B}", "${env:1A}", "${file:}", "${env:HOME", "${ENV:HOME}", "${}"}) {
    CAPTURE(text);
    CHECK(replace(text).starts_with("GH-CONFIG-REFERENCE: "));
  }
}
