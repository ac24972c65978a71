// An HttpClient that answers in place of Cloudflare's siteverify, at once and on the caller's thread.
#pragma once
#include <string>
#include <vector>

#include "base/failure.hpp"
#include "outbound/http_client.hpp"

namespace gatehouse::tests {

class ScriptedSiteverify final : public outbound::HttpClient {
 public:
  void start(outbound::HttpRequest request, Completion completion) override {
    requests.push_back(request);
    if (failures.size() >= requests.size()) {
      const std::string reason = failures[requests.size() - 1];
      completion(std::make_exception_ptr(Failure(502, reason, "siteverify is away")), {});
    } else {
      completion(nullptr, answer);
    }
  }
  void say(std::string body, int status = 200) { answer = {status, "application/json", std::move(body)}; }

  std::vector<outbound::HttpRequest> requests;
  std::vector<std::string> failures;  // of the first requests
  outbound::HttpResponse answer;
};

}  // namespace gatehouse::tests
