#include "auth/feature.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "base/ascii.hpp"

namespace gatehouse::auth {

namespace json = boost::json;

namespace {

const json::value* find_field(const std::optional<json::value>& body, std::string_view field) {
  return body && body->is_object() ? body->get_object().if_contains(field) : nullptr;
}

}  // namespace

std::optional<std::string_view> AuthRequest::header(std::string_view name) const {
  const auto found = std::ranges::find(headers, name, &Headers::value_type::first);
  return found == headers.end() ? std::nullopt : std::optional<std::string_view>(found->second);
}

std::string AuthRequest::cookies() const {
  std::string all;
  for (const auto& [name, value] : headers) {
    if (name != "cookie") continue;
    if (!all.empty()) all.append("; ");
    all.append(value);
  }
  return all;
}

void EndpointCall::add_cookie(std::string value) {
  const std::string_view line = value;
  const auto name = line.substr(0, line.find('='));
  const bool expires = line.substr(name.size()).starts_with("=;");
  std::erase_if(headers, [&](const auto& header) {
    if (header.first != "Set-Cookie" || !header.second.starts_with(name)) return false;
    const auto rest = std::string_view(header.second).substr(name.size());
    return rest.starts_with('=') || (expires && rest.size() > 1 && rest[0] == '.' && is_digit(rest[1]));
  });
  headers.emplace_back("Set-Cookie", std::move(value));
}

void EndpointCall::add_cookies(std::vector<std::string> values) {
  for (auto& value : values) add_cookie(std::move(value));
}

void EndpointCall::add_location(std::string_view url) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string value;
  for (const char c : url) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7F) {
      value.push_back(c);
    } else {
      value.append({'%', kHex[byte >> 4], kHex[byte & 15]});
    }
  }
  add_header("Location", std::move(value));
}

std::optional<std::string_view> EndpointCall::text(std::string_view field) const {
  const json::value* value = find_field(body, field);
  return value != nullptr && value->is_string() ? std::optional<std::string_view>(value->get_string()) : std::nullopt;
}

std::optional<bool> EndpointCall::boolean(std::string_view field) const {
  const json::value* value = find_field(body, field);
  return value != nullptr && value->is_bool() ? std::optional(value->get_bool()) : std::nullopt;
}

void EndpointCall::note(AuditNote what) const {
  services.audit.note(make_audit_entry(std::move(what), services.clock.now(), request));
}

AuditEntry make_audit_entry(AuditNote note, WallTime time, const AuthRequest& request) {
  return make_audit_entry(std::move(note), time, request.client_address, request.header("user-agent").value_or(""),
                          request.request_id);
}

Reply reply_json(const json::value& value) {
  return {200, "application/json", json::serialize(value)};
}

}  // namespace gatehouse::auth
