// Proving an e-mail address by the link of a mail (Better Auth 1.7.25: /send-verification-email, /verify-email), also
// for a change of the address. docs/features/email_verification.md
#pragma once
#include "auth/feature.hpp"

namespace gatehouse::features {

auth::Feature email_verification();

}  // namespace gatehouse::features
