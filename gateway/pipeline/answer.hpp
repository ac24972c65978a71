// The gateway's own answers: small, whole, never cached, always with the request id.
#pragma once
#include <string>
#include <string_view>

#include "pipeline/context.hpp"

namespace gatehouse::pipeline {

// The lines that every answer carries, the upstream's too: X-Request-ID, Strict-Transport-Security over TLS, what is
// left of the route's limit, the cookie of a session that is being renewed, and who else may read the answer.
void append_common_lines(std::string& out, const Context& c);
void append_common_lines(std::string& out, const RequestId& id, bool is_https);

// {"code": …, "message": …}. `lines`: further complete header lines.
void answer_error(Context& c, int status, std::string_view code, std::string_view message, std::string_view reason,
                  std::string_view lines = {});

// The same without `Cache-Control`, which Better Auth's own refusals do not have.
void answer_auth_error(Context& c, int status, std::string_view code, std::string_view message, std::string_view reason,
                       std::string_view lines = {});

// Any status and body; `lines` as above and with the Content-Type, if there is one. Answers to HEAD go without the
// body.
void answer(Context& c, int status, std::string_view lines, std::string_view body);

// 405 with the methods that would be allowed, which RFC 9110 section 15.5.6 asks for.
void answer_method_not_allowed(Context& c, std::string_view allowed);

void answer_redirect(Context& c, int status, std::string_view location, std::string_view reason);

// A person's browser that goes to this URL, as against a script that fetches it.
bool is_navigation(const http::RequestHead& head);

}  // namespace gatehouse::pipeline
