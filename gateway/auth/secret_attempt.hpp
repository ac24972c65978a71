// How an endpoint that looks at a secret asks the abuse ladder, before anything is looked up or hashed:
//
//     auto begun = co_await begin_attempt(call, of_stranger(call, email));
//     if (!begun) co_return std::unexpected(std::move(begun.error()));
//     ...
//     tell_attempt(call, is_right);
//
// The dispatcher closes the attempt when the handler has ended, before the answer is sent; one whose handler threw was
// not evaluated and does not count. Endpoints that look at no secret and stand under `turnstile: on_risk` are asked for
// by the dispatcher. The step that wants a challenge asks for a Turnstile token here.
#pragma once
#include <string_view>

#include "auth/feature.hpp"

namespace gatehouse::auth {

// Somebody who names an account: it, the client's network, and both together.
AttemptSubject of_stranger(const EndpointCall& call, std::string_view email);
// Who has shown already whose account it is: it alone, so that strangers' attempts elsewhere do not lock it.
AttemptSubject of_user(std::string_view user_id);
// Who has a token that does not tell whose it is before it is looked up: the network alone.
AttemptSubject of_bearer(const EndpointCall& call);
// Who wants a mail sent to an address. Whether it was meant well never shows, so that each counts; the lock does not
// grow, or strangers could keep an owner from a new password for as long as they like.
AttemptSubject of_mailbox(const EndpointCall& call, std::string_view email);
// Who is signed in and wants a mail sent to their own address: strangers who want mails sent there do not lock it.
AttemptSubject of_own_mailbox(std::string_view user_id);

// An error answers the call: 429 with Retry-After, or what Turnstile comes to. Throws Failure as Turnstile does. Where
// nobody counts, all pass. Once for each call.
Awaitable<Result<void>> begin_attempt(EndpointCall& call, AttemptSubject subject);

// For a mail that a call of who has shown who they are would send, beside what else it does: whoever has an account of
// somebody's address does not flood that mailbox. Counted together with what of_own_mailbox() counts; an error answers
// the call with 429. `user_id` outlives the call.
Awaitable<Result<void>> begin_mail(EndpointCall& call, std::string_view user_id);
// The same where the answer says nothing of the mail: whether it may be sent.
Awaitable<bool> may_mail(EndpointCall& call, std::string_view user_id);

// What came of it; an attempt of which nothing is told was wrong. `user_id`: whose secret it is, for the audit trail;
// empty where there is no such user.
void tell_attempt(EndpointCall& call, bool right, std::string_view user_id);

// The attempt was right, and shows who owns the account of this address: a token that was mailed there. What was
// counted against the account is forgotten, and the client's network counts as the owner's.
void tell_owner(EndpointCall& call, std::string_view email, std::string_view user_id);

// For the dispatcher: endpoints without a secret that are to ask for a challenge when there is a risk.
bool asks_on_risk(const EndpointCall& call);
Awaitable<Result<void>> begin_request(EndpointCall& call);
// `status`: of the answer; 500 where the handler threw. Does not throw.
Awaitable<> close_attempt(EndpointCall& call, int status);

}  // namespace gatehouse::auth
