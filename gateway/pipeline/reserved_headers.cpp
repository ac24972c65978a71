#include "pipeline/reserved_headers.hpp"

#include <array>

#include "base/ascii.hpp"

namespace gatehouse::pipeline {

namespace {

// Those with "ip" are the names by which other edges tell the client's address: frameworks behind them believe these
// before X-Forwarded-For. The last row are those that delimit a message or belong to a connection: what comes here
// under such a name is a look-alike, for example Transfer_Encoding.
constexpr std::array<std::string_view, 18> kOutsideX{
    "authorization",    "forwarded",          "traceparent",      "proxy",         "client-ip", "true-client-ip",
    "cf-connecting-ip", "cf-connecting-ipv6", "fastly-client-ip", "fly-client-ip", "cookie",    "host",
    "content-length",   "transfer-encoding",  "connection",       "trailer",       "te",        "upgrade"};

// Behind "x-".
constexpr std::array<std::string_view, 21> kNames{"real-ip",           "client-ip",
                                                  "cluster-client-ip", "originating-ip",
                                                  "remote-ip",         "remote-addr",
                                                  "proxyuser-ip",      "azure-clientip",
                                                  "appengine-user-ip", "envoy-external-address",
                                                  "request-id",        "original-url",
                                                  "rewrite-url",       "original-uri",
                                                  "original-host",     "original-forwarded-for",
                                                  "http-method",       "http-method-override",
                                                  "method-override",   "host",
                                                  "api-user"};
constexpr std::array<std::string_view, 7> kFamilies{"forwarded", "user",      "session",     "organization",
                                                    "org",       "gatehouse", "auth-request"};

bool is_in_family(std::string_view name, std::string_view family) {
  return name.starts_with(family) && (name.size() == family.size() || name[family.size()] == '-');
}

// Only so much of it is looked at: a longer name can only be of a family.
class Folded {
 public:
  explicit Folded(std::string_view name) {
    for (const char c : name) {
      if (size_ == text_.size()) break;
      if (is_alphanumeric(c)) {
        text_[size_++] = ascii_lower(c);
      } else if (size_ > 0 && text_[size_ - 1] != '-') {
        text_[size_++] = '-';
      }
    }
    while (size_ > 0 && text_[size_ - 1] == '-') --size_;
  }
  std::string_view view() const { return {text_.data(), size_}; }

 private:
  std::array<char, 64> text_;
  std::size_t size_ = 0;
};

}  // namespace

bool folds_alike(std::string_view left, std::string_view right) {
  return Folded(left).view() == Folded(right).view();
}

bool is_reserved(std::string_view name) {
  const Folded folded(name);
  std::string_view text = folded.view();
  if (!text.starts_with("x-")) {
    for (const auto reserved : kOutsideX) {
      if (text == reserved) return true;
    }
    return false;
  }
  text.remove_prefix(2);
  for (const auto reserved : kNames) {
    if (text == reserved) return true;
  }
  for (const auto family : kFamilies) {
    if (is_in_family(text, family)) return true;
  }
  return false;
}

}  // namespace gatehouse::pipeline
