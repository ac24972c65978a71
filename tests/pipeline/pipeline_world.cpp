#include "tests/pipeline/pipeline_world.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <fstream>

#include "auth/query.hpp"
#include "storage/migrator.hpp"
#include "tests/config/loading.hpp"

namespace gatehouse::tests {

namespace {

Awaitable<Result<auth::Reply>> answer_ok(auth::EndpointCall&) {
  co_return auth::Reply{.status = 200, .content_type = "application/json", .body = "{\"ok\":true}"};
}

}  // namespace

Awaitable<storage::ResultSet> WatchedDatabase::query(storage::Statement statement, storage::Parameters parameters) {
  ++queries;
  if (is_down) throw Failure(503, "database_unavailable", "the test took the store away");
  if (is_broken) throw storage::StatementError("the test broke the statement");
  return behind_->query(statement, std::move(parameters));
}

Awaitable<std::unique_ptr<storage::Transaction>> WatchedDatabase::begin() {
  return behind_->begin();
}

auth::Feature test_feature() {
  auth::Feature feature;
  feature.name = "test";
  auth::Endpoint endpoint;
  endpoint.method = "GET";
  endpoint.path = "/ok";
  endpoint.handler = answer_ok;
  feature.endpoints.push_back(std::move(endpoint));
  endpoint = {};
  endpoint.method = "POST";
  endpoint.path = "/read";
  endpoint.body_kind = auth::BodyKind::json;
  endpoint.handler = answer_ok;
  feature.endpoints.push_back(std::move(endpoint));
  return feature;
}

config::Configuration configure(std::uint16_t upstream_port, const std::string& routes, const std::string& gateway) {
  return config::load_text("gateway: {listen: {insecure_http: \"127.0.0.1:0\"}" + gateway +
                           "}\nupstreams:\n  demo: {servers: [\"http://127.0.0.1:" + std::to_string(upstream_port) +
                           "\"]}\nroutes:\n" + routes);
}

PipelineWorld::PipelineWorld(const std::string& routes, const std::string& gateway)
    : configuration(configure(upstream.port(), routes, gateway)) {
  auto migrator = storage::make_migrator(database, clock);
  run_coroutine(io, migrator.apply());
  database.queries = 0;
  upstream.answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
}

PipelineWorld::~PipelineWorld() {
  cache.stop();
  io.shutdown();
}

PipelineWorld::Client PipelineWorld::make_client(MemoryRequest request) {
  if (request.host == "app.example") request.host = "www.example.com";
  auto client = std::make_unique<MemoryExchange>(io, std::move(request));
  client->exchange().started = clock.steady();
  return client;
}

PipelineWorld::Client PipelineWorld::send(MemoryRequest request) {
  auto client = make_client(std::move(request));
  run_coroutine(io, pipeline.handle(client->exchange()));
  return client;
}

PipelineWorld::Client PipelineWorld::get(std::string target, std::vector<std::pair<std::string, std::string>> fields) {
  return send({.target = std::move(target), .fields = std::move(fields)});
}

PipelineWorld::Client PipelineWorld::post(std::string target, std::vector<std::pair<std::string, std::string>> fields,
                                          std::string body) {
  return send({.method = "POST", .target = std::move(target), .fields = std::move(fields), .body = std::move(body)});
}

auth::Session PipelineWorld::sign_in(const std::string& id, std::chrono::seconds age) {
  auth::User user;
  user.id = id;
  user.name = "Ann";
  user.email = id + "@example.com";
  user.created_at = user.updated_at = clock.now();
  run_coroutine(io, auth::run(database, users.insert(user)));
  return sign_in_again(id, age);
}

auth::Session PipelineWorld::sign_in_again(const std::string& id, std::chrono::seconds age) {
  auth::NewSession values;
  values.user_id = id;
  auto session = sessions.make(std::move(values));
  session.created_at = session.updated_at = clock.now() - age;
  session.expires_at -= age;
  run_coroutine(io, auth::run(database, sessions.insert(session)));
  database.queries = 0;
  return session;
}

std::string PipelineWorld::cookie_of(const auth::Session& session) {
  const auto line = cookies.set_session(session.token, true);
  return line.substr(0, line.find(';'));
}

std::string PipelineWorld::upstream_saw() {
  const std::string all = upstream.connections() == 0 ? "" : upstream.peer(upstream.connections() - 1).received();
  const auto end = all.rfind("\r\n\r\n");
  if (end == std::string::npos) return "";
  const auto before = all.rfind("\r\n\r\n", end - 1);
  return all.substr(before == std::string::npos ? 0 : before + 4);
}

std::vector<boost::json::object> PipelineWorld::log_lines() {
  pipeline.tick();
  access_log.stop();
  std::ifstream file(log_path());
  std::vector<boost::json::object> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(boost::json::parse(line).as_object());
  return lines;
}

std::string PipelineWorld::log_path() const {
  return (folder_.path() / "access.log").string();
}

PipelineWorld::LogFile::LogFile(const std::string& path)
    : descriptor(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {}

PipelineWorld::LogFile::~LogFile() {
  ::close(descriptor);
}

}  // namespace gatehouse::tests
