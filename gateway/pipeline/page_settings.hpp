// What the hosted pages may know of the configuration: which of their parts to show, and the providers' names. A strict
// choice of what is public anyway; no secret, no address of the inside. Made with the pages, rendered into their head.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "config/configuration.hpp"

namespace gatehouse::pipeline {

// Whether the page of that name ("sign-up") can do what it is for. Of names that it does not know: yes.
bool is_page_of_use(const config::Gateway& gateway, std::string_view page);

// Auth endpoints that the page of that name calls and that may ask for a Turnstile token. Empty: it loads nothing of
// Cloudflare's.
std::vector<std::string> list_guarded_calls(const config::Gateway& gateway, std::string_view page);

// As JSON:
//   pages          the names of those that are served
//   signIn         where somebody without a session is sent (pages.sign_in)
//   password       {enabled, signUp, min, max, mustVerify: an address must be verified before it can sign in}
//   reset          {linkSeconds: how long the link of a mail works, endsSessions: whether a reset ends all sessions}
//   mail           whether mails can be sent
//   changeEmail    whether the address may be changed
//   deleteUser     whether people may delete their account; deleteByMail: by a link in a mail
//   linking        whether providers may be linked; unlinkingAll: also the last way to sign in may be unlinked
//   turnstile      absent where no page calls what asks for a token; {siteKey, action, always: not after a risk alone,
//                  pages: {name: [paths that ask]}}
//   providers      [{id, name, signIn, signUp: whether it signs in, and makes accounts}], built-in ones first
std::string make_page_settings(const config::Gateway& gateway, const std::vector<std::string>& pages);

}  // namespace gatehouse::pipeline
