// The keys of a whole file.
#include "config/keys.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace gatehouse::config {

namespace {

void read_version(Reader& reader, const Node& node, void*) {
  const auto version = read_value<CountValue>(reader, node);
  if (version && *version != 1) reader.add(Code::range, node, "this gateway reads version 1");
}

void read_upstreams(Reader& reader, const Node& node, void* object) {
  auto& upstreams = static_cast<Configuration*>(object)->upstreams;
  if (node.kind != Node::Kind::map && node.kind != Node::Kind::null)
    return reader.add(Code::type, node, "takes a mapping of names to upstreams");
  for (const Entry& entry : node.entries) {
    const Reader::Step step(reader, entry.key, entry.line, entry.column);
    const bool number = entry.key.find_first_not_of("0123456789") == std::string::npos;
    if (!NameValue::parse(entry.key) || number || is_own_destination(entry.key))
      reader.add_at(Code::value, entry.line, entry.column, reader.path(),
                    "is no name for an upstream: letters, digits, _ and -, neither a number nor auth, jwks or pages");
    Upstream& upstream = upstreams.emplace_back();
    upstream.name = entry.key;
    upstream.place = {reader.file(), entry.line, entry.column};
    Node value = entry.value;
    if (value.kind == Node::Kind::null) value.line = entry.line, value.column = entry.column;
    read_table(reader, value, upstream_keys(), &upstream);
    if (upstream.assertion.audience.empty()) upstream.assertion.audience = upstream.name;
  }
}

// A route starts as what `defaults` says.
void read_routes(Reader& reader, const Node& node, void* object) {
  auto& configuration = *static_cast<Configuration*>(object);
  if (node.kind != Node::Kind::list && node.kind != Node::Kind::null)
    return reader.add(Code::type, node, "takes a list of routes");
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const Reader::Step step(reader, i, node.items[i]);
    Route& route = configuration.routes.emplace_back(configuration.defaults);
    route.place = reader.place(node.items[i]);
    route.index = i;
    read_table(reader, node.items[i], route_keys(), &route);
  }
}

void read_tests(Reader& reader, const Node& node, void* object) {
  auto& tests = static_cast<Configuration*>(object)->tests;
  if (node.kind != Node::Kind::list && node.kind != Node::Kind::null)
    return reader.add(Code::type, node, "takes a list of tests");
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const Reader::Step step(reader, i, node.items[i]);
    TestRow& row = tests.emplace_back();
    row.place = reader.place(node.items[i]);
    read_table(reader, node.items[i], test_keys(), &row);
  }
}

// Everything but `gateway` is written by people who must not reach the gateway's secrets.
Key untrusted(Key key) {
  key.read = [read = std::move(key.read)](Reader& reader, const Node& node, void* object) {
    reader.set_trust(Reader::Trust::routes);
    read(reader, node, object);
    reader.set_trust(Reader::Trust::gateway);
  };
  return key;
}

}  // namespace

const Table& file_keys() {
  static const Table table = [] {
    Key version{.name = "version", .doc = "Of this format", .type = CountValue::type()};
    version.options.fallback = "1";
    version.read = read_version;
    Key upstreams{.name = "upstreams", .doc = "Services behind the gateway, by name", .form = Key::Form::map};
    upstreams.table = upstream_keys;
    upstreams.read = read_upstreams;
    Key routes{.name = "routes", .doc = "Which requests go where, and who may make them", .form = Key::Form::sections};
    routes.table = route_keys;
    routes.read = read_routes;
    Key tests{.name = "tests",
              .doc = "What requests must come to; checked at start, at reload and by `gatehouse check`",
              .form = Key::Form::sections};
    tests.table = test_keys;
    tests.read = read_tests;
    return Table{{
        version,
        section("gateway", &Configuration::gateway, gateway_keys,
                "Settings of the process, here or in a file of their own (`--gateway FILE`)", {.restart = true}),
        untrusted(section("defaults", &Configuration::defaults, default_keys, "What every route starts with")),
        untrusted(upstreams),
        untrusted(routes),
        untrusted(tests),
    }};
  }();
  return table;
}

}  // namespace gatehouse::config
