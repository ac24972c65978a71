// Calls the auth endpoints. What comes back is a value: { data } or { error: { code, message } } with a message for people.

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

async function call(method, path, body) {
  const request = { method, credentials: 'same-origin', cache: 'no-store', headers: { accept: 'application/json' } };
  if (body !== undefined) {
    request.headers['content-type'] = 'application/json';
    request.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(basePath() + path, request);
  } catch {
    return { error: { code: 'UNREACHABLE', message: 'The server cannot be reached. Check your connection and try again.' } };
  }
  const answer = await response.json().catch(() => null);
  return response.ok ? { data: answer } : { error: describe(response, answer) };
}

export const signIn = (email, password, rememberMe) => call('POST', '/sign-in/email', { email, password, rememberMe });
export const signUp = (name, email, password) => call('POST', '/sign-up/email', { name, email, password });
export const signOut = () => call('POST', '/sign-out', {});

// The signed-in user, or null.
export async function findUser() {
  const { data } = await call('GET', '/get-session');
  return data?.user ?? null;
}
