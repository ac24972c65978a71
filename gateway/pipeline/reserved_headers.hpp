// The header names that only the gateway may say to an upstream. A client's field is thrown away when its name folds to
// one of them: lower case, every run of characters other than letters and digits a hyphen, none at the ends. Some
// servers read X_User_ID or X.User.ID as X-User-ID; folding closes that door on every route, public ones too.
#pragma once
#include <string_view>

namespace gatehouse::pipeline {

// Authorization, Forwarded, traceparent, Proxy, X-Request-ID, X-Forwarded…, X-User-…, X-Session-…, X-Organization-…,
// X-Gatehouse-…, X-Real-IP and its likes of other edges (True-Client-IP, CF-Connecting-IP …), the names by which some
// servers let a header change method or URL, and look-alikes of the fields that delimit a message (ask only for fields
// that are not those themselves).
bool is_reserved(std::string_view name);

// Whether both names fold to the same one; only their first 64 characters count.
bool folds_alike(std::string_view left, std::string_view right);

}  // namespace gatehouse::pipeline
