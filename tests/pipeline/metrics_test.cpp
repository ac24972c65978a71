#include "pipeline/metrics.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>
#include <sstream>

using namespace gatehouse;
using namespace std::chrono_literals;
using pipeline::Destination;

namespace {

bool holds(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("all threads' counters are added up") {
  pipeline::Metrics metrics;
  auto& one = metrics.add_thread();
  auto& two = metrics.add_thread();
  one.count_exchange(Destination::proxy, 200, 3ms);
  two.count_exchange(Destination::proxy, 204, 3ms);
  two.count_exchange(Destination::proxy, 404, 3ms);
  two.count_exchange(Destination::auth, 0, 3ms);
  two.count_exchange(Destination::none, 999, 3ms);
  one.count_reason("no_session");
  two.count_reason("no_session");
  const auto text = metrics.to_text();
  CHECK(holds(text, "gatehouse_exchanges_total{destination=\"proxy\",status=\"2xx\"} 2"));
  CHECK(holds(text, "gatehouse_exchanges_total{destination=\"proxy\",status=\"4xx\"} 1"));
  CHECK(holds(text, "gatehouse_exchanges_total{destination=\"auth\",status=\"0xx\"} 1"));
  CHECK(holds(text, "gatehouse_exchanges_total{destination=\"none\",status=\"5xx\"} 1"));
  CHECK(holds(text, "gatehouse_reasons_total{reason=\"no_session\"} 2"));
}

TEST_CASE("the histogram is cumulative, and its bounds belong to the bucket below") {
  pipeline::Metrics metrics;
  auto& thread = metrics.add_thread();
  for (const auto time : {500us, 1'000us, 1'001us, 30'000us, 20'000'000us})
    thread.count_exchange(Destination::proxy, 200, time);
  const auto text = metrics.to_text();
  const std::string bucket = "gatehouse_exchange_duration_seconds_bucket{destination=\"proxy\",le=";
  CHECK(holds(text, bucket + "\"0.001\"} 2"));
  CHECK(holds(text, bucket + "\"0.005\"} 3"));
  CHECK(holds(text, bucket + "\"0.025\"} 3"));
  CHECK(holds(text, bucket + "\"0.05\"} 4"));
  CHECK(text.find("le=\"10") != std::string::npos);
  CHECK(holds(text, bucket + "\"+Inf\"} 5"));
  CHECK(holds(text, "gatehouse_exchange_duration_seconds_count{destination=\"proxy\"} 5"));
  CHECK(holds(text, "gatehouse_exchange_duration_seconds_sum{destination=\"proxy\"} 20.032501"));
}

TEST_CASE("the text is valid: one HELP and one TYPE for each name, before its samples") {
  pipeline::Metrics metrics;
  auto& thread = metrics.add_thread();
  metrics.add_value("gatehouse_connections_open", "Open connections.", "gauge", [] { return 7.0; });
  int asked = 0;
  metrics.add_samples("gatehouse_upstream_server_up", "Servers.", "gauge", [&] {
    ++asked;
    return std::vector<pipeline::Metrics::Sample>{{"server=\"a\"", 1}, {"server=\"b\"", 0}};
  });
  thread.count_exchange(Destination::page, 200, 1ms);
  thread.count_reason("no_route");
  const auto text = metrics.to_text();
  CHECK(text.ends_with("\n"));
  std::map<std::string, std::string> types;
  std::set<std::string> helps, samples;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    CAPTURE(line);
    std::istringstream words(line);
    std::string first, kind, name, type;
    words >> first;
    if (first == "#") {
      words >> kind >> name >> type;
      CHECK((kind == "HELP" || kind == "TYPE"));
      if (kind == "HELP") CHECK(helps.insert(name).second);
      if (kind == "TYPE") CHECK(types.emplace(name, type).second);
      continue;
    }
    std::string family = first.substr(0, first.find('{'));
    for (const auto* suffix : {"_bucket", "_sum", "_count"}) {
      const auto base = family.substr(0, family.size() - std::string_view(suffix).size());
      if (family.ends_with(suffix) && types.contains(base)) family = base;
    }
    CHECK(types.contains(family));
    CHECK(samples.insert(first).second);
  }
  CHECK(types["gatehouse_exchange_duration_seconds"] == "histogram");
  CHECK(types["gatehouse_connections_open"] == "gauge");
  CHECK(samples.contains("gatehouse_connections_open"));
  CHECK(holds(text, "gatehouse_upstream_server_up{server=\"a\"} 1"));
  CHECK(holds(text, "gatehouse_upstream_server_up{server=\"b\"} 0"));
  CHECK(asked == 1);
}
