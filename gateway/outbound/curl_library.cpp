#include "outbound/curl_library.hpp"

#include <curl/curl.h>

#include <mutex>

#include "base/check.hpp"

namespace gatehouse::outbound {

void start_curl() {
  static std::once_flag once;
  std::call_once(once, [] { GATEHOUSE_CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK); });
}

}  // namespace gatehouse::outbound
