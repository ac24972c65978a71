// The pages around mails, whatever the gateway answers: confirming an address, and a forgotten password.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { checkEveryLook, findAccessibilityFaults, launchBrowser, openPage, takeScreenshot, waitForValue } from './support/browser.mjs';
import { startStandIn } from './support/stand_in.mjs';

const user = { id: 'u1', name: 'Ada Lovelace', email: 'ada@example.com', emailVerified: false };
const password = { enabled: true, signUp: true, min: 8, max: 128, mustVerify: true };
const settings = { pages: ['sign-in', 'sign-up', 'verify-email', 'forgot-password', 'reset-password'], mail: true, password };
const refused = { status: 403, body: { code: 'EMAIL_NOT_VERIFIED', message: 'Email not verified' } };
const done = { body: { status: true } };

let browser;
const closing = [];
before(async () => {
  browser = await launchBrowser();
});
after(() => browser.close());
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

// Opens `path` of a stand-in whose endpoints answer as `answers` says: { '/sign-in/email': answer or function }.
async function open(path, answers = {}, options = {}) {
  const standIn = await startStandIn(async (method, endpoint, body) => {
    const answer = answers[endpoint];
    return (typeof answer === 'function' ? await answer(body) : answer) ?? { status: 200, body: null };
  }, { ...settings, ...options });
  const opened = await openPage(browser);
  closing.push(standIn.close, () => opened.context.close());
  await opened.page.goto(standIn.url + path);
  return { ...opened, standIn };
}

const say = (page, words) => page.getByRole('alert').filter({ hasText: words }).waitFor();
const heading = (page, name) => page.getByRole('heading', { name, exact: true }).waitFor();
const focused = (page) => page.evaluate(() => document.activeElement.id || document.activeElement.textContent);
const pathOf = (page) => page.url().slice(new URL(page.url()).origin.length);

async function signIn(page) {
  await page.getByLabel('E-mail', { exact: true }).fill('ada@example.com');
  await page.getByLabel('Password', { exact: true }).fill('correct horse');
  await page.getByRole('button', { name: 'Sign in' }).click();
}

test('a sign-in that waits for the address to be confirmed leads to the mailbox, and the mail is sent again', async () => {
  let next = done;
  const { page, standIn, complaints } = await open('/sign-in?return_to=%2Fapp%3Fx%3D1', { '/sign-in/email': refused, '/send-verification-email': () => next });
  await signIn(page);
  await heading(page, 'Look into your mailbox');
  assert.equal(pathOf(page), '/verify-email?return_to=%2Fapp%3Fx%3D1');
  assert.equal(await focused(page), 'title');
  assert.equal(await page.title(), 'Look into your mailbox · Gatehouse');
  await page.getByText('Follow the link in the mail to ada@example.com.').waitFor();
  await checkEveryLook(page, 'verify-email-sent');

  await page.getByRole('button', { name: 'Send the mail again' }).click();
  await say(page, 'another mail is on its way');
  await checkEveryLook(page, 'verify-email-sent-again');
  const confirmed = '/verify-email?confirmed=yes&return_to=%2Fapp%3Fx%3D1';
  assert.deepEqual(standIn.calls, [
    { method: 'POST', path: '/sign-in/email', body: { email: 'ada@example.com', password: 'correct horse', rememberMe: true, callbackURL: confirmed } },
    { method: 'POST', path: '/send-verification-email', body: { email: 'ada@example.com', callbackURL: confirmed } },
  ]);

  next = { status: 429, body: { message: 'Too many requests. Please try again later.' }, headers: { 'x-retry-after': '48' } };
  await page.getByRole('button', { name: 'Send the mail again' }).click();
  await say(page, 'Too many attempts. Try again in 48 seconds.');
  await checkEveryLook(page, 'verify-email-limited');

  await page.reload();
  await heading(page, 'Look into your mailbox');
  await page.getByRole('link', { name: 'Back to sign in' }).click();
  await page.getByRole('button', { name: 'Sign in' }).waitFor();
  assert.equal(pathOf(page), '/sign-in?return_to=%2Fapp%3Fx%3D1');
  await waitForValue(page.getByLabel('E-mail', { exact: true }), 'ada@example.com');
  assert.deepEqual(complaints, []);
});

test('a sign-up whose address must be confirmed leads to the mailbox', async () => {
  const { page, standIn } = await open('/sign-up', { '/sign-up/email': { body: { token: null, user } } });
  await page.getByLabel('Name').fill('Ada');
  await page.getByLabel('E-mail', { exact: true }).fill('ada@example.com');
  await page.getByLabel('Password', { exact: true }).fill('correct horse');
  await page.keyboard.press('Enter');
  await heading(page, 'Look into your mailbox');
  assert.equal(standIn.calls[0].body.callbackURL, '/verify-email?confirmed=yes');
  await page.getByRole('button', { name: 'Use another one' }).click();
  await heading(page, 'Confirm your e-mail address');
  assert.equal(await focused(page), 'email');
});

test('whoever comes without an address can ask for the mail with the keyboard alone', async () => {
  const { page, standIn, complaints } = await open('/verify-email', { '/send-verification-email': done });
  await heading(page, 'Confirm your e-mail address');
  await page.getByLabel('E-mail', { exact: true }).waitFor();
  await checkEveryLook(page, 'verify-email-ask');
  await page.keyboard.press('Tab');
  assert.equal(await focused(page), 'email');
  await page.keyboard.type('ada');
  await page.keyboard.press('Enter');
  assert.equal(await page.locator('#email_error').textContent(), 'Enter an e-mail address like name@example.com.');
  await checkEveryLook(page, 'verify-email-mistake');
  await page.keyboard.type('@example.com');
  await page.keyboard.press('Tab');
  assert.equal(await focused(page), 'Send the mail');
  await page.keyboard.press('Space');
  await heading(page, 'Look into your mailbox');
  await say(page, 'If this address is waiting to be confirmed, another mail is on its way.');
  assert.deepEqual(standIn.calls, [{ method: 'POST', path: '/send-verification-email', body: { email: 'ada@example.com', callbackURL: '/verify-email?confirmed=yes' } }]);
  assert.deepEqual(complaints, []);
});

test('the link of the mail leads to the good news, and on', async () => {
  let session = null;
  const { page, standIn } = await open('/verify-email?confirmed=yes&return_to=%2Fapp', { '/get-session': () => ({ body: session }) });
  await heading(page, 'Your address is confirmed');
  await page.getByText('You can sign in now.').waitFor();
  await checkEveryLook(page, 'verify-email-confirmed');
  assert.equal(await page.getByRole('link', { name: 'Sign in' }).getAttribute('href'), '/sign-in?return_to=%2Fapp');

  session = { session: {}, user: { ...user, emailVerified: true } };
  await page.reload();
  await page.getByText('You are signed in as ada@example.com.').waitFor();
  await checkEveryLook(page, 'verify-email-confirmed-signed-in');
  await page.getByRole('link', { name: 'Continue' }).click();
  await page.waitForURL(`${standIn.url}/app`);
});

test('an address that is confirmed already stays so, whatever a link says', async () => {
  const { page } = await open('/verify-email?error=TOKEN_EXPIRED', { '/get-session': { body: { session: {}, user: { ...user, emailVerified: true } } } });
  await heading(page, 'Your address is confirmed');
});

for (const [code, words] of [
  ['TOKEN_EXPIRED', 'This link is too old. Ask for a new one.'],
  ['token_expired', 'This link is too old. Ask for a new one.'],
  ['INVALID_TOKEN', 'This link does not work any more. Ask for a new one.'],
  ['USER_NOT_FOUND', 'There is no account any more that this link belongs to.'],
  ['<b>constructor</b>', 'This link does not work any more. Ask for a new one.'],
]) {
  test(`a link of a mail that fails with ${code} is told in words, once`, async () => {
    const { page, complaints } = await open(`/verify-email?confirmed=yes&return_to=%2Fapp&error=${encodeURIComponent(code)}`);
    await say(page, words);
    assert.equal(await page.locator('#message').textContent(), words);
    assert.equal(pathOf(page), '/verify-email?return_to=%2Fapp');
    await page.getByLabel('E-mail', { exact: true }).waitFor();
    if (code === 'TOKEN_EXPIRED') await checkEveryLook(page, 'verify-email-expired');
    await page.reload();
    await page.getByLabel('E-mail', { exact: true }).waitFor();
    assert.equal(await page.locator('#message').textContent(), '');
    assert.deepEqual(complaints, []);
  });
}

test('the link of somebody else is told as that', async () => {
  const { page } = await open('/verify-email?confirmed=yes&error=INVALID_USER', { '/get-session': { body: { session: {}, user: { ...user, emailVerified: true } } } });
  await heading(page, 'This link is for another account');
  await checkEveryLook(page, 'verify-email-somebody-else');
  assert.equal(await page.getByRole('link', { name: 'Go on to sign out' }).getAttribute('href'), '/sign-in');
});

test('somebody who is signed in asks for the mail to their own address', async () => {
  const mismatch = { status: 400, body: { code: 'EMAIL_MISMATCH', message: 'Email mismatch' } };
  const { page } = await open('/verify-email', { '/get-session': { body: { session: {}, user } }, '/send-verification-email': ({ email }) => (email === user.email ? done : mismatch) });
  await page.getByLabel('E-mail', { exact: true }).waitFor();
  await waitForValue(page.getByLabel('E-mail', { exact: true }), 'ada@example.com');
  await page.getByLabel('E-mail', { exact: true }).fill('eve@example.com');
  await page.keyboard.press('Enter');
  await say(page, 'You are signed in with another address. Sign out first.');
  await page.getByLabel('E-mail', { exact: true }).fill('ada@example.com');
  await page.keyboard.press('Enter');
  await heading(page, 'Look into your mailbox');
});

test('a forgotten password: the same answer for everybody, and a way to ask again', async () => {
  const { page, standIn, complaints } = await open('/sign-in?return_to=%2Fapp', { '/request-password-reset': { body: { status: true, message: 'If this email exists …' } } });
  await page.getByLabel('E-mail', { exact: true }).fill('ada@example.com');
  await page.getByRole('link', { name: 'Forgot your password?' }).click();
  await heading(page, 'Forgot your password?');
  assert.equal(pathOf(page), '/forgot-password?return_to=%2Fapp');
  await waitForValue(page.getByLabel('E-mail', { exact: true }), 'ada@example.com');
  await checkEveryLook(page, 'forgot-password');
  await page.getByLabel('E-mail', { exact: true }).fill('');
  await page.getByRole('button', { name: 'Send the mail' }).click();
  assert.equal(await page.locator('#email_error').textContent(), 'Enter your e-mail address.');
  await checkEveryLook(page, 'forgot-password-mistake');
  await page.getByLabel('E-mail', { exact: true }).fill('ada@example.com');
  await page.keyboard.press('Enter');
  await heading(page, 'Look into your mailbox');
  assert.equal(await focused(page), 'title');
  await page.getByText('If there is an account with the address ada@example.com, a mail with a link is on its way. The link works once, for 1 hour.').waitFor();
  await checkEveryLook(page, 'forgot-password-sent');
  assert.deepEqual(standIn.calls, [{ method: 'POST', path: '/request-password-reset', body: { email: 'ada@example.com', redirectTo: '/reset-password?return_to=%2Fapp' } }]);
  await page.getByRole('button', { name: 'Send the mail again' }).click();
  await say(page, 'If there is such an account, another mail is on its way.');
  assert.equal(standIn.calls.length, 2);
  await page.getByRole('button', { name: 'Use another one' }).click();
  await heading(page, 'Forgot your password?');
  assert.equal(await focused(page), 'email');
  assert.deepEqual(complaints, []);
});

test('what was typed before the script of a page ran stays', async () => {
  const { page, standIn } = await open('/sign-in', { '/request-password-reset': done });
  await page.getByLabel('E-mail', { exact: true }).fill('kept@example.com');
  let release;
  const released = new Promise((resolve) => (release = resolve));
  await page.route('**/.gatehouse/forgot_password.js', (route) => released.then(() => route.continue()));
  await page.getByRole('link', { name: 'Forgot your password?' }).click();
  await page.getByLabel('E-mail', { exact: true }).fill('typed@example.com');
  release();
  await page.getByRole('button', { name: 'Send the mail' }).click();
  await heading(page, 'Look into your mailbox');
  assert.equal(standIn.calls[0].body.email, 'typed@example.com');
});

test('a new password is set with the token of the link, which leaves the address at once', async () => {
  const answers = [{ status: 400, body: { code: 'PASSWORD_TOO_LONG', message: 'Password too long' } }, done];
  const { page, standIn, complaints } = await open('/reset-password?return_to=%2Fapp&token=abc123', { '/reset-password': () => answers.shift() });
  const field = page.getByLabel('New password', { exact: true });
  await field.waitFor();
  assert.equal(pathOf(page), '/reset-password?return_to=%2Fapp');
  await checkEveryLook(page, 'reset-password');

  await field.fill('short');
  await page.getByRole('button', { name: 'Set the password' }).click();
  assert.equal(await page.locator('#password_error').textContent(), 'Use at least 8 characters.');
  await checkEveryLook(page, 'reset-password-mistake');
  await page.getByRole('button', { name: 'Show password' }).click();
  assert.equal(await field.getAttribute('type'), 'text');
  await field.fill('a fresh password');
  await page.keyboard.press('Enter');
  await say(page, 'The password is too long.');
  assert.equal(await field.getAttribute('aria-invalid'), 'true');
  assert.equal(await field.getAttribute('type'), 'password');
  await page.getByRole('button', { name: 'Set the password' }).click();
  await heading(page, 'Your password is changed');
  await page.getByText('You have been signed out everywhere.').waitFor();
  assert.equal(await field.isVisible(), false);
  await checkEveryLook(page, 'reset-password-done');
  assert.equal(await page.getByRole('link', { name: 'Sign in' }).getAttribute('href'), '/sign-in?return_to=%2Fapp');
  assert.deepEqual(standIn.calls.map((call) => call.body), Array(2).fill({ token: 'abc123', newPassword: 'a fresh password' }));
  assert.deepEqual(complaints, []);
});

for (const query of ['?error=INVALID_TOKEN', '', '?token=']) {
  test(`a reset link that is no use leads to a new mail: "${query}"`, async () => {
    const { page, standIn } = await open(`/reset-password${query}`, {}, { reset: { linkSeconds: 5400, endsSessions: false } });
    await heading(page, 'This link does not work');
    assert.equal(pathOf(page), '/reset-password');
    await page.getByText('A link works once, for 90 minutes.').waitFor();
    if (query !== '') await checkEveryLook(page, 'reset-password-broken');
    await page.getByRole('link', { name: 'Ask for a new mail' }).click();
    await page.waitForURL(`${standIn.url}/forgot-password`);
  });
}

test('a token that was used meanwhile leads to a new mail', async () => {
  const { page } = await open('/reset-password?token=used', { '/reset-password': { status: 400, body: { code: 'INVALID_TOKEN', message: 'Invalid token' } } });
  await page.getByLabel('New password', { exact: true }).fill('a fresh password');
  await page.keyboard.press('Enter');
  await heading(page, 'This link does not work');
  assert.deepEqual(await findAccessibilityFaults(page), []);
  assert.equal(await focused(page), 'title');
});

test('a gateway without mails links to none of these pages, and tells a refusal on the page itself', async () => {
  const { page } = await open('/sign-in', { '/sign-in/email': refused }, { pages: ['sign-in'], mail: false });
  await page.locator('button[type=submit]:enabled').waitFor();
  assert.equal(await page.getByRole('link').count(), 0);
  await signIn(page);
  await say(page, 'Confirm your e-mail address first');
  assert.equal(pathOf(page), '/sign-in');
});

for (const [path, words] of [['/verify-email', 'to confirm your address'], ['/forgot-password', 'to send you a mail'], ['/reset-password', 'to set your password']]) {
  test(`without JavaScript ${path} says what it needs`, async () => {
    const standIn = await startStandIn(undefined, settings);
    const { page, context } = await openPage(browser, { javaScriptEnabled: false });
    closing.push(standIn.close, () => context.close());
    await page.goto(standIn.url + path);
    assert.ok(await page.locator('.notice', { hasText: words }).isVisible());
    await takeScreenshot(page, `${path.slice(1)}-without-javascript`);
  });
}
