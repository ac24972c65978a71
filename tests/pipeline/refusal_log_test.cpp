// What the access log says of requests that the edge refuses, and of failures that many requests share.
#include <doctest/doctest.h>

#include <fstream>

#include "tests/pipeline/pipeline_world.hpp"

using namespace gatehouse;
using tests::PipelineWorld;

namespace {

struct World : PipelineWorld {
  World() : PipelineWorld("  - {path: /public/**, upstream: demo, auth: public}\n") {}

  void refuse(std::string_view method, std::string_view target) {
    pipeline.on_refusal({.refusal = http::kBadHost, .method = method, .target = target, .peer = IpAddress::v4(1)});
  }
};

}  // namespace

TEST_CASE_FIXTURE(World, "a refusal has method and path in its line, without what could be a secret") {
  const std::pair<std::string, std::string> table[] = {
      {"/orders/7?token=hidden", "/orders/7"},
      {"/a#hidden", "/a"},
      {"https://user:hidden@host/path?x", "/path"},
      {"https://user:hidden@host", ""},
      {"/api/auth/reset-password/abcdefghijklmnopqrstuvwx", "/api/auth/reset-password/…"},
      {"/API//auth/%72eset-password/abcdefghijklmnopqrstuvwx/more", "/API//auth/%72eset-password/…/more"},
      {"/\xFF\x01\"x", "/\xEF\xBF\xBD\x01\"x"},
      {"/" + std::string(20'000, 'x'), "/…"},
      {"*", "*"},
      {"", ""}};
  for (const auto& [target, logged] : table) refuse("GET", target);
  refuse("GET", std::string(9'000, '/'));
  refuse("", "");
  const auto lines = log_lines();
  for (std::size_t i = 0; i < std::size(table); ++i) {
    CAPTURE(table[i].first);
    CHECK(lines.at(i).at("method") == "GET");
    CHECK(lines.at(i).at("reason") == "bad_host");
    const auto* path = lines.at(i).if_contains("path");
    CHECK((path ? std::string(path->as_string()) : std::string()) == table[i].second);
  }
  CHECK(lines.at(std::size(table)).at("path").as_string().size() == 259);
  CHECK_FALSE(lines.at(std::size(table) + 1).contains("method"));
  std::ifstream file(log_path());
  const std::string all{std::istreambuf_iterator<char>(file), {}};
  CHECK(all.find("hidden") == std::string::npos);
  CHECK(all.find("abcdefghij") == std::string::npos);
}
