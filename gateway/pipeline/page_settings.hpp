// What the hosted pages may know of the configuration: which of their parts to show, and the providers' names. A strict
// choice of what is public anyway; no secret, no address of the inside. Made with the pages, rendered into their head.
#pragma once
#include <string>

#include "config/configuration.hpp"

namespace gatehouse::pipeline {

// As JSON:
//   signIn         where somebody without a session is sent (pages.sign_in)
//   password       {enabled, signUp, min, max}
//   mail           whether mails can be sent
//   changeEmail    whether the address may be changed
//   deleteUser     whether people may delete their account; deleteByMail: by a link in a mail
//   linking        whether providers may be linked; unlinkingAll: also the last way to sign in may be unlinked
//   providers      [{id, name}], built-in ones first
std::string make_page_settings(const config::Gateway& gateway);

}  // namespace gatehouse::pipeline
