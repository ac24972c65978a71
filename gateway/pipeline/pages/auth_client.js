// Calls the auth endpoints. What comes back is a value: { data } or { error: { code, message } } with a message for people.

import { isGuarded, withToken } from './turnstile.js';

const basePath = () => document.querySelector('meta[name="gatehouse-auth"]').content;

const byCode = {
  INVALID_EMAIL_OR_PASSWORD: 'The e-mail or the password is wrong.',
  INVALID_EMAIL: 'Enter an e-mail address like name@example.com.',
  PASSWORD_TOO_SHORT: 'The password is too short.',
  PASSWORD_TOO_LONG: 'The password is too long.',
  USER_ALREADY_EXISTS: 'There is already an account with this e-mail.',
  USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL: 'There is already an account with this e-mail.',
  EMAIL_PASSWORD_SIGN_UP_DISABLED: 'New accounts cannot be created here.',
  EMAIL_PASSWORD_DISABLED: 'Signing in with a password is switched off here.',
  EMAIL_NOT_VERIFIED: 'Confirm your e-mail address first: follow the link in the mail we sent you.',
  EMAIL_ALREADY_VERIFIED: 'This address is confirmed already.',
  EMAIL_MISMATCH: 'You are signed in with another address. Sign out first.',
  VERIFICATION_EMAIL_NOT_ENABLED: 'No mails can be sent here.',
  RESET_PASSWORD_DISABLED: 'Passwords cannot be reset here.',
  INVALID_TOKEN: 'This link does not work any more.',
  PROVIDER_NOT_FOUND: 'This way to sign in is not available at the moment.',
  MISSING_RESPONSE: 'Please confirm that you are a person, then try again.',
  VERIFICATION_FAILED: 'We could not confirm that you are a person. Please try again.',
  UNKNOWN_ERROR: 'We cannot check at the moment that you are a person. Try again in a minute.',
};

function describe(response, body) {
  const code = typeof body?.code === 'string' ? body.code : '';
  if (Object.hasOwn(byCode, code)) return { code, message: byCode[code] };
  if (response.status === 429) {
    const seconds = Number.parseInt(response.headers.get('retry-after') ?? response.headers.get('x-retry-after') ?? '', 10);
    const when = seconds > 0 ? ` Try again in ${seconds} ${seconds === 1 ? 'second' : 'seconds'}.` : ' Try again later.';
    return { code, message: `Too many attempts.${when}` };
  }
  if (response.status >= 500) return { code, message: 'The service cannot answer at the moment. Try again in a minute.' };
  if (typeof body?.message === 'string' && body.message !== '') return { code, message: body.message };
  return { code, message: `That did not work (status ${response.status}).` };
}

// `path` is below the auth base path; without a body nothing is sent.
export function call(method, path, body) {
  return isGuarded(path) ? withToken((token) => send(method, path, body, token)) : send(method, path, body, '');
}

async function send(method, path, body, token) {
  const request = { method, credentials: 'same-origin', cache: 'no-store', headers: { accept: 'application/json' } };
  if (body !== undefined) {
    request.headers['content-type'] = 'application/json';
    request.body = JSON.stringify(body);
  }
  if (token !== '') request.headers['x-captcha-response'] = token;
  let response;
  try {
    response = await fetch(basePath() + path, request);
  } catch {
    return { error: { code: 'UNREACHABLE', message: 'The server cannot be reached. Check your connection and try again.' } };
  }
  const answer = await response.json().catch(() => null);
  return response.ok ? { data: answer } : { error: describe(response, answer) };
}

// `callbackURL`: where the link of a verification mail leads, if one is sent.
export const signIn = (email, password, rememberMe, callbackURL) => call('POST', '/sign-in/email', { email, password, rememberMe, callbackURL });
export const signUp = (name, email, password, callbackURL) => call('POST', '/sign-up/email', { name, email, password, callbackURL });
// What comes back has the provider's page in `url`. The other URLs are where the provider's answer leads to.
export const signInWithProvider = (provider, urls, requestSignUp) => call('POST', '/sign-in/social', { provider, ...urls, requestSignUp });
export const sendVerificationEmail = (email, callbackURL) => call('POST', '/send-verification-email', { email, callbackURL });
export const requestPasswordReset = (email, redirectTo) => call('POST', '/request-password-reset', { email, redirectTo });
export const resetPassword = (token, newPassword) => call('POST', '/reset-password', { token, newPassword });
export const signOut = () => call('POST', '/sign-out', {});
export const revokeSession = (token) => call('POST', '/revoke-session', { token });

// { session, user } of whom is signed in, or null.
export async function findSession() {
  const { data } = await call('GET', '/get-session');
  return data?.user ? data : null;
}
