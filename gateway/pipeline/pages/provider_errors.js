// What went wrong with a provider, in words. The codes are the gateway's and the provider's; a description that stands in the address
// is not shown: anybody can write one into a link.

const again = 'Please try again.';
const byCode = {
  access_denied: 'You did not allow the sign-in, so nothing has happened.',
  account_not_linked: 'There is already an account with this e-mail address. Sign in the way you did before.',
  signup_disabled: 'There is no account for you yet, and this way none can be created.',
  email_not_verified: 'Confirm your e-mail address first: follow the link in the mail we sent you.',
  email_not_found: 'The provider did not tell us your e-mail address, and without it nobody can be signed in.',
  state_mismatch: `The sign-in took too long, or it was begun in another window. ${again}`,
  state_not_found: `The sign-in took too long, or it was begun in another window. ${again}`,
  state_invalid: `The sign-in took too long, or it was begun in another window. ${again}`,
  server_error: 'The provider cannot answer at the moment. Try again in a minute.',
  temporarily_unavailable: 'The provider cannot answer at the moment. Try again in a minute.',
  oauth_provider_not_found: 'This way to sign in is not available at the moment.',
  email_does_not_match: 'The account at the provider has another e-mail address than yours.',
  account_already_linked_to_different_user: 'This account at the provider belongs to another user here.',
  unable_to_link_account: 'The account could not be linked.',
};

export function describeProviderError(code) {
  return Object.hasOwn(byCode, code) ? byCode[code] : `Signing in with the provider did not work. ${again}`;
}
