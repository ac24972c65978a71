// Any bytes as siteverify's answer: only a clear yes, for one of our hosts and the right action, lets somebody through.
// The first byte says with which status it comes.
#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/ascii.hpp"
#include "base/check.hpp"
#include "base/failure.hpp"
#include "outbound/turnstile.hpp"
#include "tests/support/run_coroutine.hpp"

using namespace gatehouse;
using outbound::Turnstile;

namespace {

class OneAnswer final : public outbound::HttpClient {
 public:
  void start(outbound::HttpRequest, Completion completion) override { completion(nullptr, answer); }
  outbound::HttpResponse answer;
};

config::Gateway make_settings() {
  config::Gateway gateway;
  gateway.turnstile.secret_key = Secret("key");
  gateway.turnstile.hostnames = {"app.example.test"};
  gateway.turnstile.action = "login";
  return gateway;
}

bool is_clear_yes(const std::string& body) {
  boost::system::error_code error;
  const auto value = boost::json::parse(body, error);
  if (error || !value.is_object()) return false;
  const auto& answer = value.get_object();
  const auto says = [&](const char* name, std::string_view wanted) {
    const auto* one = answer.if_contains(name);
    return one != nullptr && one->is_string() && iequals(std::string_view(one->get_string()), wanted);
  };
  const auto* success = answer.if_contains("success");
  return success != nullptr && success->is_bool() && success->get_bool() && says("hostname", "app.example.test") &&
         says("action", "login") && answer.at("action").get_string() == "login";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static OneAnswer http;
  static SystemRandom random;
  static const Turnstile turnstile(make_settings(), http, random);
  static asio::io_context context;
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  http.answer = {data[0] % 8 == 0 ? 100 + 2 * data[0] : 200, "application/json", text};
  bool passed = false;
  try {
    passed = tests::run_coroutine(context, turnstile.verify("token", "192.0.2.1")) == Turnstile::Verdict::passed;
  } catch (const Failure& failure) {
    GATEHOUSE_CHECK(failure.status() == 503);
  }
  GATEHOUSE_CHECK(!passed || is_clear_yes(text));
  if (http.answer.status == 200 && is_clear_yes(text)) GATEHOUSE_CHECK(passed);
  if (outbound::can_be_turnstile_token(text))
    GATEHOUSE_CHECK(!text.empty() && text.find_first_of(std::string_view(" \t\r\n\0", 5)) == std::string::npos);
  return 0;
}
