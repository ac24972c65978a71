// Any bytes as a provider's discovery document: what is taken over leads to the web alone, and can stand in a header.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "auth/oauth/discovery.hpp"

using namespace gatehouse::auth::oauth;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const bool insecure_http : {false, true}) {
    const auto found = parse_discovery(text, insecure_http);
    if (!found) continue;
    for (const auto* url : {&found->authorization_url, &found->token_url, &found->profile_url, &found->keys_url,
                            &found->end_session_url}) {
      const bool is_web = url->starts_with("https://") || (insecure_http && url->starts_with("http://"));
      if (!url->empty() && !is_web) std::abort();
      for (const char c : *url)
        if (c <= ' ' || c == '\x7F') std::abort();
    }
  }
  return 0;
}
