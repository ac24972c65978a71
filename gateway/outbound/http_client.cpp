#include "outbound/http_client.hpp"

#include "base/failure.hpp"
#include "base/resumption.hpp"

namespace gatehouse::outbound {

Awaitable<HttpResponse> HttpClient::send(HttpRequest request) {
  auto begin = [this, request = std::move(request)](Resumption<HttpResponse> waiter) mutable {
    start(std::move(request), [waiter = std::move(waiter)](std::exception_ptr error, HttpResponse response) mutable {
      if (error) {
        waiter.fail(std::move(error));
      } else {
        waiter.resume(std::move(response));
      }
    });
  };
  auto response = co_await suspend_until_resumed<HttpResponse>(std::move(begin));
  co_return response;
}

void NoHttpClient::start(HttpRequest, Completion completion) {
  completion(std::make_exception_ptr(Failure(502, "outbound_unreachable", "there is no way out")), {});
}

namespace {

bool is_in(const IpAddress& address, std::initializer_list<const char*> networks) {
  for (const char* text : networks) {
    if (parse_cidr(text)->contains(address)) return true;
  }
  return false;
}

IpAddress embedded_v4(const IpAddress& address, std::size_t first) {
  const auto& bytes = address.bytes();
  std::uint32_t value = 0;
  for (std::size_t i = first; i < first + 4; ++i) value = value << 8 | bytes[i];
  return IpAddress::v4(value);
}

}  // namespace

bool is_public(const IpAddress& address) {
  if (address.is_v4()) {
    return !is_in(address, {"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
                            "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
                            "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"});
  }
  if (is_in(address, {"64:ff9b::/96"})) return is_public(embedded_v4(address, 12));  // NAT64
  if (!is_in(address, {"2000::/3"})) return false;
  if (is_in(address, {"2002::/16"})) return is_public(embedded_v4(address, 2));  // 6to4
  return !is_in(address, {"2001::/23", "2001:db8::/32", "3fff::/20"});
}

}  // namespace gatehouse::outbound
