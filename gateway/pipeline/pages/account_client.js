// The calls of the account page, and what their refusals mean to a person. Answers as auth_client.js: { data } or { error }.
import { call } from './auth_client.js';
import { goToSignIn } from './way_in.js';

const words = {
  UNAUTHORIZED: 'You are signed out. Sign in again to go on.',
  INVALID_PASSWORD: 'The password is wrong.',
  CREDENTIAL_ACCOUNT_NOT_FOUND: 'This account has no password.',
  CHANGE_EMAIL_DISABLED: 'The e-mail cannot be changed here.',
  EMAIL_ALREADY_VERIFIED: 'This address is confirmed already.',
  VERIFICATION_EMAIL_NOT_ENABLED: 'No mails can be sent here.',
  RESET_PASSWORD_DISABLED: 'No mails can be sent here.',
  FAILED_TO_UNLINK_LAST_ACCOUNT: 'The only way to sign in cannot be unlinked. Link another account or set a password first.',
  ACCOUNT_NOT_FOUND: 'This account is not linked any more.',
  PROVIDER_NOT_FOUND: 'This provider cannot be reached at the moment.',
  SESSION_NOT_FRESH: 'You signed in a while ago. Sign in again to do this.',
  SESSION_EXPIRED: 'You signed in a while ago. Sign in again to do this.',
};
const withoutCode = {
  'Email is the same': 'This is your address already.',
  "Verification email isn't enabled": 'No mails can be sent here.',
};
// The field that a refusal is about, by its name.
const fields = { INVALID_PASSWORD: 'current_password' };

async function ask(method, path, body) {
  const answer = await call(method, path, body);
  const { error } = answer;
  if (!error) return answer;
  // The session has ended meanwhile.
  if (error.code === 'UNAUTHORIZED') goToSignIn();
  const message = Object.hasOwn(words, error.code) ? words[error.code] : Object.hasOwn(withoutCode, error.message) ? withoutCode[error.message] : error.message;
  return { error: { ...error, message, field: fields[error.code] } };
}

// Past a session's age for such things (auth.session.fresh_age).
export const needsNewSignIn = (error) => error.code === 'SESSION_NOT_FRESH' || error.code === 'SESSION_EXPIRED';

// The store's word: a cookie may remember what was true minutes ago.
export const loadSession = () => ask('GET', '/get-session?disableCookieCache=true');
export const updateUser = (changes) => ask('POST', '/update-user', changes);
export const changeEmail = (newEmail, callbackURL) => ask('POST', '/change-email', { newEmail, callbackURL });
export const sendVerification = (email, callbackURL) => ask('POST', '/send-verification-email', { email, callbackURL });
export const changePassword = (currentPassword, newPassword, revokeOtherSessions) =>
  ask('POST', '/change-password', { currentPassword, newPassword, revokeOtherSessions });
export const sendPasswordLink = (email, redirectTo) => ask('POST', '/request-password-reset', { email, redirectTo });
export const listAccounts = () => ask('GET', '/list-accounts');
export const linkProvider = (provider, callbackURL, errorCallbackURL) =>
  ask('POST', '/link-social', { provider, callbackURL, errorCallbackURL, disableRedirect: true });
export const unlinkAccount = (accountId) => ask('POST', '/unlink-account', { accountId });
export const listSessions = () => ask('GET', '/list-sessions');
export const revokeSession = (token) => ask('POST', '/revoke-session', { token });
export const revokeOtherSessions = () => ask('POST', '/revoke-other-sessions', {});
export const deleteUser = (body) => ask('POST', '/delete-user', body);
