// The defence of auth endpoints against requests that a foreign site makes a browser send (Better Auth 1.7.25,
// middlewares/origin-check): the Origin of requests that carry cookies, fetch metadata on sign-in and sign-up, and
// every URL that could be redirected to.
#pragma once
#include "auth/feature.hpp"

namespace gatehouse::auth {

// For all endpoints, before the body is validated. Looks at nothing on GET, HEAD and OPTIONS.
Result<void> check_origin(const EndpointCall& call);

// In addition where an endpoint asks for it (FormCheck): also without cookies.
Result<void> check_form(const EndpointCall& call);

}  // namespace gatehouse::auth
