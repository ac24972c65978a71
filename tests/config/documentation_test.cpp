#include "config/documentation.hpp"

#include <fstream>
#include <sstream>

#include <doctest/doctest.h>

#include "config/keys.hpp"
#include "config/schema.hpp"
#include "tests/config/loading.hpp"

using namespace gatehouse::config;

namespace {

std::string file_of(const std::string& path) {
  std::ifstream file(std::string(GATEHOUSE_SOURCE_DIR) + "/" + path);
  REQUIRE_MESSAGE(file, path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Every key of a table and below it, with its path.
void for_each_key(const Table& table, const std::string& path,
                  const std::function<void(const Key&, const std::string&)>& f) {
  for (const Key& key : table.keys) {
    f(key, path + key.name);
    if (key.table) for_each_key(key.table(), path + key.name + ".", f);
  }
}

}  // namespace

TEST_CASE("the documents are what the key tables make (otherwise: cmake --build --preset dev --target update_docs)") {
  CHECK(file_of("docs/routes.reference.yaml") == reference_yaml());
  const auto page = file_of("docs/configuration.md");
  const std::string begin = "<!-- keys: begin -->\n";
  const auto start = page.find(begin) + begin.size();
  CHECK(page.substr(start, page.find("<!-- keys: end -->") - start) == keys_markdown());
}

TEST_CASE("the reference file loads") {
  Loading loading;
  loading.environment["DATABASE_URL"] = "sqlite:data/x.db";
  loading.environment["SMTP_PASSWORD"] = "for a test";
  loading.environment["TURNSTILE_SECRET_KEY"] = "for a test";
  CHECK(problems_of(reference_yaml(), loading) == "");
}

TEST_CASE("every key has a text without a full stop, and only letters, digits and underscores in its name") {
  for_each_key(file_keys(), "", [](const Key& key, const std::string& path) {
    CAPTURE(path);
    CHECK_FALSE(key.doc.empty());
    CHECK_FALSE(key.doc.ends_with('.'));
    CHECK(key.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos);
    CHECK(key.read != nullptr);
  });
}

TEST_CASE("every key of a section stands once") {
  for_each_key(file_keys(), "", [](const Key& key, const std::string& path) {
    if (!key.table) return;
    const Table& table = key.table();
    for (const Key& inner : table.keys) {
      CAPTURE(path + "." + inner.name);
      CHECK(table.find(inner.name) == &inner);
    }
  });
}

TEST_CASE("json_schema closes every mapping and knows the keys") {
  const auto schema = json_schema();
  CHECK(schema.starts_with("{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"));
  CHECK(schema.find("\"strip_prefix\": {\n") != std::string::npos);
  CHECK(schema.find("\"additionalProperties\": false") != std::string::npos);
  CHECK(schema.find(R"("enum": ["required","optional","public"])") != std::string::npos);
}
