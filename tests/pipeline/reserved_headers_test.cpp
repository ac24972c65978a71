#include "pipeline/reserved_headers.hpp"

#include <doctest/doctest.h>

#include <string>

using gatehouse::pipeline::folds_alike;
using gatehouse::pipeline::is_reserved;

TEST_CASE("is_reserved knows every spelling that folds to a reserved name") {
  for (const auto* name :
       {"X-User-ID", "x-user-id", "X_User_ID", "X.User.ID", "X--User--ID", "X-User_ID", "x_-.user~id", "-X-User-ID",
        "_X-User-ID", "X-User-ID-", "X-User-ID_", "X-USER-ID", "x!user|id", "X-User-Id", "X_USER_EMAIL"}) {
    CAPTURE(name);
    CHECK(is_reserved(name));
  }
}

TEST_CASE("is_reserved knows the gateway's own names") {
  for (const auto* name : {"Authorization",
                           "authorization",
                           "AUTHORIZATION_",
                           "_Authorization",
                           "Forwarded",
                           "Traceparent",
                           "Proxy",
                           "X-Real-IP",
                           "X_Real_IP",
                           "X-Request-ID",
                           "X-Forwarded-For",
                           "X-Forwarded-Host",
                           "X-Forwarded-Proto",
                           "X-Forwarded-Port",
                           "X-Forwarded-Prefix",
                           "X-Forwarded-Uri",
                           "X-Forwarded",
                           "X-User-ID",
                           "X-User-Email",
                           "X-User-Name",
                           "X-User-Role",
                           "X-Session-ID",
                           "X-Organization-ID",
                           "X-Organization-Role",
                           "X-Org-Anything",
                           "X-Gatehouse-Assertion",
                           "X-Gatehouse-Future",
                           "X-Original-URL",
                           "X-Rewrite-URL",
                           "X-Original-URI",
                           "X-HTTP-Method-Override",
                           "X-HTTP-Method",
                           "X-Method-Override",
                           "X-Host",
                           "X-Auth-Request-Email"}) {
    CAPTURE(name);
    CHECK(is_reserved(name));
  }
}

TEST_CASE("is_reserved knows the names by which other edges tell the client's address") {
  for (const auto* name :
       {"X-Client-IP",      "x_client_ip",        "True-Client-IP",   "True.Client.IP", "CF-Connecting-IP",
        "cf_connecting_ip", "CF-Connecting-IPv6", "Fastly-Client-IP", "Fly-Client-IP",  "X-Cluster-Client-IP",
        "X-Real-IP",        "Forwarded",          "X-Forwarded-For",  "Client-IP",      "X-Original-Forwarded-For",
        "X-Originating-IP", "X-Remote-IP",        "X-Remote-Addr",    "X-ProxyUser-IP", "X-Envoy-External-Address",
        "X-Azure-ClientIP", "X-AppEngine-User-IP"}) {
    CAPTURE(name);
    CHECK(is_reserved(name));
  }
}

TEST_CASE("is_reserved knows look-alikes of the fields that delimit a message") {
  for (const auto* name : {"Transfer_Encoding", "Content_Length", "Content.Length", "Connection_", "Cookie_", "Host.",
                           "Upgrade~", "Trailer-"}) {
    CAPTURE(name);
    CHECK(is_reserved(name));
  }
}

TEST_CASE("is_reserved knows a family however long the name goes on") {
  CHECK(is_reserved("X-User-" + std::string(200, 'a')));
  CHECK(is_reserved("X" + std::string(100, '_') + "User" + std::string(100, '.') + "ID"));
}

TEST_CASE("is_reserved leaves everything else to the client") {
  for (const auto* name : {"",
                           "-",
                           "X",
                           "X-",
                           "X-Custom",
                           "X-Usage",
                           "X-Users",
                           "X-Sessions",
                           "X-Organizations",
                           "X-Orgs",
                           "User-Agent",
                           "User-ID",
                           "Accept",
                           "Accept-Language",
                           "Content-Type",
                           "Origin",
                           "Referer",
                           "X-Requested-With",
                           "X-CSRF-Token",
                           "X-Real-IP-Address",
                           "X-Request-ID-2",
                           "Authorization-Info",
                           "Proxy-Status",
                           "tracestate",
                           "If-None-Match",
                           "Range",
                           "Sec-Fetch-Mode",
                           "X-Forward",
                           "XX-User-ID",
                           "AX-User-ID",
                           "X-My-User-ID",
                           "X-Client-ID",
                           "X-Client-IP-Hash",
                           "Client",
                           "CF-Ray",
                           "CF-Connecting-O2O",
                           "X-Cluster"}) {
    CAPTURE(name);
    CHECK_FALSE(is_reserved(name));
  }
}

TEST_CASE("folds_alike compares what lenient servers would compare") {
  CHECK(folds_alike("X-Client-Authorization", "x_client.AUTHORIZATION"));
  CHECK(folds_alike("X-A", "_x--a_"));
  CHECK_FALSE(folds_alike("X-A", "X-B"));
  CHECK_FALSE(folds_alike("X-A", "XA"));
  CHECK_FALSE(folds_alike("X-A", ""));
}
