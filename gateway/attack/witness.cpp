#include "attack/witness.hpp"

#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "attack/answer.hpp"
#include "base/ascii.hpp"

namespace gatehouse::attack {

namespace {

namespace json = boost::json;

constexpr std::chrono::seconds kPatience{15};

std::string text_of(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value && value->is_string() ? std::string(value->as_string()) : std::string();
}

std::optional<std::uint64_t> number_of(const json::value& value) {
  boost::system::error_code error;
  const auto number = value.to_number<std::uint64_t>(error);
  return error ? std::nullopt : std::optional(number);
}

void add_field(Arrival& arrival, std::string_view name, const json::value& value) {
  if (value.is_array()) {
    for (const auto& one : value.as_array()) add_field(arrival, name, one);
  } else if (value.is_string()) {
    arrival.fields.emplace_back(name, value.as_string());
  }
}

std::optional<Arrival> read_arrival(const json::value& value) {
  const auto* object = value.if_object();
  if (!object || !object->contains("path")) return std::nullopt;
  Arrival arrival;
  arrival.method = text_of(*object, "method");
  arrival.path = text_of(*object, "path");
  arrival.query = text_of(*object, "query");
  arrival.body = text_of(*object, "body");
  arrival.malformed = text_of(*object, "malformed");
  if (const auto* size = object->if_contains("body_bytes")) {
    const auto bytes = number_of(*size);
    if (!bytes) return std::nullopt;
    arrival.body_bytes = *bytes;
  }
  if (const auto* canonical = object->if_contains("canonical")) {
    if (!canonical->is_bool()) return std::nullopt;
    arrival.canonical = canonical->get_bool();
  }
  arrival.broken = object->contains("broken");
  if (const auto* headers = object->if_contains("headers")) {
    if (!headers->is_object()) return std::nullopt;
    for (const auto& [name, field] : headers->as_object()) add_field(arrival, name, field);
  }
  const auto probes = arrival.find_all("probe");
  if (!probes.empty()) arrival.probe = probes.front();
  return arrival;
}

}  // namespace

std::vector<std::string_view> Arrival::find_all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& field : fields) {
    if (iequals(field.first, name)) values.emplace_back(field.second);
  }
  return values;
}

std::optional<Arrival> parse_arrival(std::string_view text) {
  boost::system::error_code error;
  const auto value = json::parse(boost::json::string_view(text.data(), text.size()), error);
  if (error) return std::nullopt;
  return read_arrival(value);
}

std::string Witness::ask() {
  const SteadyTime deadline = std::chrono::steady_clock::now() + kPatience;
  if (!connection_) connection_ = std::make_unique<Connection>(dialer_);
  const std::string request =
      fmt::format("GET /received?after={} HTTP/1.1\r\nHost: {}\r\n\r\n", next_, dialer_.endpoint().authority());
  connection_->send(request, deadline);
  std::string bytes;
  for (;;) {
    const auto answers = parse_answers(bytes);
    if (!answers.list.empty()) return answers.list.front().body;
    if (connection_->read(bytes, deadline) != Connection::Read::data) {
      connection_ = nullptr;
      return {};
    }
  }
}

std::vector<Arrival> Witness::take_new() {
  std::string text = ask();
  if (text.empty()) text = ask();  // the connection may have been idle for too long
  boost::system::error_code error;
  const auto value = json::parse(text, error);
  const auto* object = error ? nullptr : value.if_object();
  const auto* received = object ? object->if_contains("received") : nullptr;
  const auto* lost = object ? object->if_contains("lost") : nullptr;
  const auto next = object && object->contains("next") ? number_of(object->at("next")) : std::nullopt;
  if (!received || !received->is_array() || !lost || !lost->is_bool() || !next)
    throw Unreachable(
        fmt::format("{}: does not answer as the --witness of `gatehouse echo`", dialer_.endpoint().authority()));
  if (!is_first_ && lost->get_bool())
    throw Unreachable("the witness has lost some of what it received: is somebody else using it?");
  is_first_ = false;
  next_ = *next;
  std::vector<Arrival> arrivals;
  for (const auto& row : received->get_array()) {
    if (auto arrival = read_arrival(row)) arrivals.push_back(*std::move(arrival));
  }
  return arrivals;
}

}  // namespace gatehouse::attack
