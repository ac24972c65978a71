// What to say to somebody whom a link in a mail or a provider has sent to the account page: ?done=… as the page itself wrote it into the
// link, with ?error=… where it failed. Strangers can write such addresses too: no word of them is shown, and nothing is claimed that
// the user's data do not bear out.

const errors = {
  access_denied: 'The account was not linked: you did not agree at the provider.',
  account_already_linked_to_different_user: 'That account is linked to another user already.',
  email_does_not_match: 'That account has another e-mail address than this one, so it was not linked.',
  unable_to_link_account: 'The account was not linked. Its e-mail address must be confirmed at the provider first.',
  state_mismatch: 'That took too long or began in another browser. Please try again.',
  state_not_found: 'That took too long or began in another browser. Please try again.',
  state_invalid: 'That took too long or began in another browser. Please try again.',
  invalid_code: 'The provider did not answer as it should. Please try again later.',
  unable_to_get_user_info: 'The provider did not answer as it should. Please try again later.',
  email_not_found: 'The provider did not tell an e-mail address, so the account was not linked.',
  TOKEN_EXPIRED: 'This link is too old. Ask for a new one below.',
  INVALID_TOKEN: 'This link does not count any more.',
  INVALID_USER: 'This link belongs to another account.',
  USER_NOT_FOUND: 'This link belongs to another account.',
};

// { text, kind } or null. `accounts` are those that are linked to the user.
export function describeArrival(search, user, accounts) {
  const query = new URLSearchParams(search);
  const error = query.get('error');
  if (error !== null) {
    return { text: Object.hasOwn(errors, error) ? errors[error] : 'That did not work. Please try again.', kind: 'bad' };
  }
  switch (query.get('done')) {
    case 'verified':
      return user.emailVerified ? { text: 'Your e-mail address is confirmed.', kind: 'good' } : null;
    case 'email':
      return user.email === query.get('to')
        ? { text: 'Your e-mail address has been changed.', kind: 'good' }
        : { text: 'One more step: follow the link in the mail to your new address.', kind: 'good' };
    case 'linked':
      return accounts.some((account) => account.providerId === query.get('to')) ? { text: 'The account is linked.', kind: 'good' } : null;
    default:
      return null;
  }
}

// Whether the link that deletes the account led here. Only for somebody without a session.
export const isAfterDeletion = (search) => new URLSearchParams(search).get('done') === 'deleted';
