#include "outbound/turnstile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/ascii.hpp"
#include "base/failure.hpp"

namespace gatehouse::outbound {

namespace json = boost::json;
using std::chrono::steady_clock;

namespace {

constexpr std::size_t kAnswerMax = 16 * 1024;

Failure make_unavailable(std::string_view detail) {
  return Failure(503, "turnstile_unavailable", fmt::format("siteverify: {}", detail));
}

// RFC 9562 section 5.4.
std::string make_uuid(Random& random) {
  std::array<unsigned char, 16> b;
  random.fill(std::as_writable_bytes(std::span(b)));
  b[6] = static_cast<unsigned char>((b[6] & 0x0F) | 0x40);
  b[8] = static_cast<unsigned char>((b[8] & 0x3F) | 0x80);
  return fmt::format(
      "{:02x}{:02x}{:02x}{:02x}-{:02x}{:02x}-{:02x}{:02x}-{:02x}{:02x}-{:02x}{:02x}{:02x}{:02x}{:02x}{:02x}", b[0],
      b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

Reach reach_of(const std::string& url) {
  if (url.empty()) return {};
  return {.insecure_http = url.starts_with("http://"), .private_network = true};
}

std::string_view text_of(const json::object& answer, std::string_view name) {
  const auto* value = answer.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

bool has_code(const json::object& answer, std::initializer_list<std::string_view> codes) {
  const auto* list = answer.if_contains("error-codes");
  if (list == nullptr || !list->is_array()) return false;
  return std::ranges::any_of(list->get_array(), [&](const json::value& code) {
    return code.is_string() && std::ranges::find(codes, std::string_view(code.get_string())) != codes.end();
  });
}

// Host of "https://www.example.com:8443"; "" of a pattern.
std::string_view host_of(std::string_view origin) {
  const auto scheme_end = origin.find("://");
  if (scheme_end == std::string_view::npos || origin.find_first_of("*?") != std::string_view::npos) return {};
  origin.remove_prefix(scheme_end + 3);
  return origin.substr(0, origin.starts_with('[') ? origin.find(']') + 1 : origin.find(':'));
}

}  // namespace

Turnstile::Turnstile(const config::Gateway& gateway, HttpClient& http, Random& random)
    : url_(gateway.turnstile.insecure_siteverify_url.empty() ? std::string(kSiteverifyUrl)
                                                             : gateway.turnstile.insecure_siteverify_url),
      reach_(reach_of(gateway.turnstile.insecure_siteverify_url)),
      secret_key_(gateway.turnstile.secret_key),
      hostnames_(list_turnstile_hostnames(gateway)),
      action_(gateway.turnstile.action),
      http_(http),
      random_(random) {}

Awaitable<Turnstile::Verdict> Turnstile::verify(std::string token, std::string remote_address) const {
  if (!can_be_turnstile_token(token)) co_return Verdict::refused;
  json::object question{{"secret", secret_key_.reveal()}, {"response", token}};
  if (!remote_address.empty()) question["remoteip"] = remote_address;
  question["idempotency_key"] = make_uuid(random_);
  HttpRequest request{.method = "POST", .url = url_};
  request.headers = {{"Content-Type", "application/json"}, {"Accept", "application/json"}};
  request.body = json::serialize(question);
  request.reach = reach_;
  request.answer_max = kAnswerMax;
  const auto deadline = steady_clock::now() + kTurnstileTime;
  // A kept connection may just have been closed; with its idempotency key the same question may be asked once more.
  for (int attempt = 1;; ++attempt) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - steady_clock::now());
    if (left.count() <= 0) throw make_unavailable("no answer in time");
    request.timeout = left;
    HttpRequest copy = request;
    HttpResponse response;
    try {
      response = co_await http_.send(std::move(copy));
    } catch (const Failure& failure) {
      if (failure.reason() != "outbound_unreachable" || attempt == 2) throw make_unavailable(failure.what());
      continue;
    }
    co_return judge(response);
  }
}

Turnstile::Verdict Turnstile::judge(const HttpResponse& response) const {
  if (response.status < 200 || response.status > 299)
    throw make_unavailable(fmt::format("answered with status {}", response.status));
  if (response.body.empty()) throw make_unavailable("answered with nothing");
  boost::system::error_code broken;
  const json::value value = json::parse(response.body, broken);
  if (broken || !value.is_object()) return Verdict::refused;
  const json::object& answer = value.get_object();
  const auto* success = answer.if_contains("success");
  // The text "true" is no yes.
  if (success == nullptr || !success->is_bool() || !success->get_bool()) {
    if (has_code(answer, {"missing-input-secret", "invalid-input-secret"}))
      throw Failure(503, "turnstile_misconfigured", "siteverify does not know gateway.turnstile.secret_key");
    if (has_code(answer, {"internal-error"})) throw make_unavailable("answered internal-error");
    return Verdict::refused;
  }
  if (std::ranges::find(hostnames_, to_lower(text_of(answer, "hostname"))) == hostnames_.end())
    return Verdict::wrong_hostname;
  if (!action_.empty() && text_of(answer, "action") != action_) return Verdict::wrong_action;
  return Verdict::passed;
}

bool can_be_turnstile_token(std::string_view text) {
  return !text.empty() && text.size() <= kTurnstileTokenMax &&
         std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
}

std::vector<std::string> list_turnstile_hostnames(const config::Gateway& gateway) {
  if (!gateway.turnstile.hostnames.empty()) return gateway.turnstile.hostnames;
  std::vector<std::string> names = gateway.hosts;
  names.push_back(gateway.base_url.host);
  for (const auto& origin : gateway.trusted_origins) {
    if (const auto host = host_of(origin); !host.empty()) names.push_back(to_lower(host));
  }
  return names;
}

std::string_view reason_of(Turnstile::Verdict verdict) {
  switch (verdict) {
    case Turnstile::Verdict::passed:
      break;
    case Turnstile::Verdict::refused:
      return "turnstile_refused";
    case Turnstile::Verdict::wrong_hostname:
      return "turnstile_hostname";
    case Turnstile::Verdict::wrong_action:
      return "turnstile_action";
  }
  return {};
}

}  // namespace gatehouse::outbound
