// The fields that belong to one connection and are never passed on (RFC 9110 section 7.6.1), and those that frame a
// message, which each side writes anew.
#pragma once
#include "base/ascii.hpp"
#include "http/header_field.hpp"

namespace gatehouse::http {

class HopByHop {
 public:
  // Views into `fields`; at most a few Connection fields are looked at.
  explicit HopByHop(HeaderFields fields) : fields_(fields) {
    for (const HeaderField& field : fields) has_connection_ = has_connection_ || field.known == Name::connection;
  }

  bool contains(const HeaderField& field) const {
    switch (field.known) {
      case Name::connection:
      case Name::content_length:
      case Name::expect:
      case Name::http2_settings:
      case Name::keep_alive:
      case Name::proxy_authenticate:
      case Name::proxy_authorization:
      case Name::proxy_connection:
      case Name::te:
      case Name::trailer:
      case Name::transfer_encoding:
      case Name::upgrade:
        return true;
      default:
        return has_connection_ && is_listed(field.name);
    }
  }

 private:
  bool is_listed(std::string_view name) const {
    bool listed = false;
    for (const HeaderField& field : fields_) {
      if (field.known != Name::connection) continue;
      for_each_in_list(field.value, [&](std::string_view option) { listed = listed || iequals(option, name); });
    }
    return listed;
  }

  HeaderFields fields_;
  bool has_connection_ = false;
};

}  // namespace gatehouse::http
