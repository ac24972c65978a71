#include "auth/breached_passwords.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "auth/error_codes.hpp"
#include "base/ascii.hpp"
#include "base/encoding.hpp"
#include "base/failure.hpp"
#include "base/log.hpp"
#include "crypto/digest.hpp"

namespace gatehouse::auth {

namespace {

constexpr unsigned kFailuresMax = 3;
constexpr std::chrono::seconds kPause{10};
constexpr std::size_t kPrefixLength = 5;
constexpr std::size_t kSuffixLength = 35;

std::string sha1_upper_hex(std::string_view text) {
  const auto digest = crypto::sha1(text);
  std::string hex = hex_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
  std::ranges::transform(hex, hex.begin(), [](char c) { return c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c; });
  return hex;
}

// What is written in the configuration may be a mirror of one's own, wherever it is.
outbound::Reach reach_of(const config::BreachedPasswordSettings& settings) {
  if (settings.insecure_url.empty()) return {.private_network = settings.url != config::kBreachedPasswordUrl};
  return {.insecure_http = settings.insecure_url.starts_with("http://"), .private_network = true};
}

}  // namespace

BreachedPasswords::BreachedPasswords(const config::BreachedPasswordSettings& settings, outbound::HttpClient& http,
                                     const Clock& clock)
    : url_(settings.insecure_url.empty() ? settings.url : settings.insecure_url),
      reach_(reach_of(settings)),
      http_(http),
      clock_(clock) {}

Awaitable<bool> BreachedPasswords::contains(std::string password) {
  if (clock_.steady() < asked_from_.load(std::memory_order_relaxed)) {
    unanswered_.fetch_add(1, std::memory_order_relaxed);
    co_return false;
  }
  const std::string digest = sha1_upper_hex(password);
  outbound::HttpRequest request{.url = fmt::format("{}/{}", url_, digest.substr(0, kPrefixLength))};
  // Padding hides from who sees the length of the answer which range it was.
  request.headers = {{"Add-Padding", "true"}};
  request.reach = reach_;
  request.timeout = kBreachedPasswordTime;
  request.answer_max = kBreachedPasswordAnswerMax;
  try {
    const outbound::HttpResponse response = co_await http_.send(std::move(request));
    const auto found =
        response.status == 200 ? find_in_range(response.body, digest.substr(kPrefixLength)) : std::nullopt;
    if (!found) throw Failure(502, "breached_passwords", fmt::format("no such answer, status {}", response.status));
    if (failures_.exchange(0, std::memory_order_relaxed) > 0) log::info("breached passwords are looked for again");
    (*found ? breached_ : clean_).fetch_add(1, std::memory_order_relaxed);
    co_return *found;
  } catch (const std::exception& error) {
    note_failure(error.what());
  }
  co_return false;
}

// Nobody has to wait a second each for a service that is away.
void BreachedPasswords::note_failure(const char* what) {
  unanswered_.fetch_add(1, std::memory_order_relaxed);
  const unsigned failures = failures_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (failures == 1) log::warn("breached passwords cannot be looked for, all are let through: {}", what);
  if (failures >= kFailuresMax) asked_from_.store(clock_.steady() + kPause, std::memory_order_relaxed);
}

BreachedPasswords::Counts BreachedPasswords::counts() const {
  return {clean_.load(std::memory_order_relaxed), breached_.load(std::memory_order_relaxed),
          unanswered_.load(std::memory_order_relaxed), failures_.load(std::memory_order_relaxed) == 0};
}

Awaitable<Result<void>> check_breached(const EndpointCall& call, std::string password) {
  BreachedPasswords* const breached = call.services.breached;
  if (breached == nullptr) co_return Result<void>();
  const bool known = co_await breached->contains(std::move(password));
  if (known) co_return fail(400, error::kPasswordCompromised);
  co_return Result<void>();
}

std::optional<bool> find_in_range(std::string_view answer, std::string_view suffix) {
  std::optional<bool> found;
  while (!answer.empty()) {
    const auto end = std::min(answer.find('\n'), answer.size());
    std::string_view line = answer.substr(0, end);
    answer.remove_prefix(std::min(end + 1, answer.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    if (line.size() < kSuffixLength + 2 || line[kSuffixLength] != ':') return std::nullopt;
    const std::string_view count = line.substr(kSuffixLength + 1);
    if (!std::ranges::all_of(count, [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
    const bool is_padding = count.find_first_not_of('0') == std::string_view::npos;
    const bool is_it = !is_padding && iequals(line.substr(0, kSuffixLength), suffix);
    found = found.value_or(false) || is_it;
  }
  return found;
}

}  // namespace gatehouse::auth
