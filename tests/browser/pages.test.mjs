// How the hosted pages look and behave, whatever the gateway answers.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { findAccessibilityFaults, launchBrowser, openPage, takeScreenshot } from './support/browser.mjs';
import { startStandIn } from './support/stand_in.mjs';

const user = { id: 'u1', name: 'Ada Lovelace', email: 'ada@example.com' };
const refused = { status: 401, body: { code: 'INVALID_EMAIL_OR_PASSWORD', message: 'Invalid email or password' } };
const signedIn = { status: 200, body: { redirect: false, token: 't', user } };

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
  });
  const opened = await openPage(browser, options);
  closing.push(standIn.close, () => opened.context.close());
  await opened.page.goto(standIn.url + path);
  await opened.page.locator('button[type=submit]:enabled:visible, #account:not([hidden])').first().waitFor();
  return { ...opened, standIn };
}

const focused = (page) => page.evaluate(() => document.activeElement.id || document.activeElement.textContent);

async function fillSignIn(page, password = 'correct horse') {
  await page.getByLabel('E-mail').fill('ada@example.com');
  await page.getByLabel('Password', { exact: true }).fill(password);
}

for (const path of ['/sign-in', '/sign-up']) {
  for (const colorScheme of ['light', 'dark']) {
    for (const width of [320, 1024]) {
      test(`${path} is accessible and fits, ${colorScheme}, ${width} px wide`, async () => {
        const { page, complaints } = await open(path, {}, { colorScheme, viewport: { width, height: 640 } });
        assert.deepEqual(await findAccessibilityFaults(page), []);
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
        await takeScreenshot(page, `${path.slice(1)}-${colorScheme}-${width}`);
        await page.getByRole('button', { name: /^(Sign in|Create account)$/ }).click();
        assert.deepEqual(await findAccessibilityFaults(page), []);
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
        await takeScreenshot(page, `${path.slice(1)}-mistakes-${colorScheme}-${width}`);
        assert.deepEqual(complaints, []);
      });
    }
  }
}

test('targets for fingers are at least 44 px high', async () => {
  const { page } = await open('/sign-in', {}, { viewport: { width: 320, height: 640 } });
  const heights = await page.locator('form input:not([type=checkbox]), form button, label.check').evaluateAll((nodes) => nodes.map((node) => node.getBoundingClientRect().height));
  assert.equal(heights.length, 5);
  for (const height of heights) assert.ok(height >= 44, `${height} px`);
});

test('a refusal is said in the live region, gets the focus, and keeps what was typed', async () => {
  const { page, complaints } = await open('/sign-in', { '/sign-in/email': refused });
  await fillSignIn(page, 'wrong horse');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').filter({ hasText: 'The e-mail or the password is wrong.' }).waitFor();
  assert.equal(await focused(page), 'message');
  assert.equal(await page.getByLabel('E-mail').inputValue(), 'ada@example.com');
  assert.equal(await page.getByLabel('Password', { exact: true }).inputValue(), 'wrong horse');
  assert.deepEqual(await findAccessibilityFaults(page), []);
  await takeScreenshot(page, 'sign-in-refused');
  assert.deepEqual(complaints, []);
});

test('what is missing is said beside its field, and nothing is sent', async () => {
  const { page, standIn } = await open('/sign-up');
  await page.getByLabel('Name').fill('Ada');
  await page.getByLabel('E-mail').fill('ada');
  await page.getByLabel('Password', { exact: true }).fill('short');
  await page.getByRole('button', { name: 'Create account' }).click();
  assert.equal(await focused(page), 'email');
  const email = page.getByLabel('E-mail');
  assert.equal(await email.getAttribute('aria-invalid'), 'true');
  assert.equal(await page.locator(`#${await email.getAttribute('aria-describedby')}`).textContent(), 'Enter an e-mail address like name@example.com.');
  assert.equal(await page.locator('#password_error').textContent(), 'Use at least 8 characters.');
  assert.equal(await page.locator('#password').getAttribute('aria-describedby'), 'password_hint password_error');
  assert.equal(await page.locator('#name').getAttribute('aria-invalid'), null);
  await email.fill('ada@example.com');
  assert.equal(await email.getAttribute('aria-invalid'), null);
  assert.deepEqual(standIn.calls, []);
});

test('an address that is taken is said at its field too', async () => {
  const { page } = await open('/sign-up', { '/sign-up/email': { status: 422, body: { code: 'USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL', message: 'User already exists. Use another email.' } } });
  await page.getByLabel('Name').fill('Ada');
  await page.getByLabel('E-mail').fill('ada@example.com');
  await page.getByLabel('Password', { exact: true }).fill('correct horse');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').filter({ hasText: 'There is already an account with this e-mail.' }).waitFor();
  assert.equal(await page.locator('#email').getAttribute('aria-invalid'), 'true');
});

test('a second press while the answer is awaited sends nothing', async () => {
  let release;
  const released = new Promise((resolve) => (release = resolve));
  const { page, standIn } = await open('/sign-in', { '/sign-in/email': () => released.then(() => refused) });
  await fillSignIn(page);
  await page.keyboard.press('Enter');
  const button = page.getByRole('button', { name: 'Sign in' });
  await page.locator('button[type=submit][aria-disabled=true]').waitFor();
  await button.click({ force: true });
  await page.getByLabel('Password', { exact: true }).press('Enter');
  release();
  await page.getByRole('alert').filter({ hasText: 'is wrong' }).waitFor();
  assert.equal(standIn.calls.length, 1);
  assert.equal(await button.getAttribute('aria-disabled'), null);
});

test('limits, failures and a lost connection are told in words', async () => {
  let next;
  const { page, standIn } = await open('/sign-in', { '/sign-in/email': () => next });
  await fillSignIn(page);
  const say = async (answer, words) => {
    next = answer;
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').filter({ hasText: words }).waitFor();
  };
  await say({ status: 429, body: { message: 'Too many requests. Please try again later.' }, headers: { 'retry-after': '7' } }, 'Too many attempts. Try again in 7 seconds.');
  await say({ status: 503, body: { code: 'UNAVAILABLE', message: 'internal words' } }, 'The service cannot answer at the moment.');
  await say({ status: 403, body: { code: 'NEW_CODE', message: 'Ask your administrator' } }, 'Ask your administrator');
  await standIn.close();
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').filter({ hasText: 'The server cannot be reached.' }).waitFor();
});

test('what the server says is shown as text, never as markup', async () => {
  const { page, complaints } = await open('/sign-in', { '/sign-in/email': { status: 400, body: { code: 'X', message: '<img src=x onerror=alert(1)>' } } });
  await fillSignIn(page);
  await page.keyboard.press('Enter');
  await page.getByRole('alert').filter({ hasText: '<img src=x onerror=alert(1)>' }).waitFor();
  assert.equal(await page.locator('#message img').count(), 0);
  assert.deepEqual(complaints, []);
});

test('the form can be filled and sent with the keyboard alone', async () => {
  const { page, standIn } = await open('/sign-in', { '/sign-in/email': signedIn });
  const press = async (key, times = 1) => {
    for (let i = 0; i < times; i++) await page.keyboard.press(key);
  };
  await press('Tab');
  assert.equal(await focused(page), 'email');
  await page.keyboard.type('ada@example.com');
  await press('Tab');
  assert.equal(await focused(page), 'password');
  await page.keyboard.type('correct horse');
  await press('Tab');
  assert.equal(await focused(page), 'Show');
  await press('Space');
  assert.equal(await page.locator('#password').getAttribute('type'), 'text');
  assert.equal(await page.getByRole('button', { name: 'Hide password' }).count(), 1);
  await press('Tab');
  await press('Space');
  await press('Tab');
  assert.equal(await focused(page), 'Sign in');
  await press('Enter');
  await page.getByRole('heading', { name: 'You are signed in' }).waitFor();
  assert.deepEqual(standIn.calls, [{ method: 'POST', path: '/sign-in/email', body: { email: 'ada@example.com', password: 'correct horse', rememberMe: false } }]);
  assert.equal(await focused(page), 'account');
  assert.equal(await page.locator('#password').getAttribute('type'), 'password');
});

test('after signing in the visitor goes back to where they came from, and nowhere else', async () => {
  const { page, standIn } = await open('/sign-in?return_to=%2Fapp%3Fx%3D1', { '/sign-in/email': signedIn });
  assert.equal(await page.getByRole('link', { name: 'Create an account' }).getAttribute('href'), '/sign-up?return_to=%2Fapp%3Fx%3D1');
  await fillSignIn(page);
  await page.keyboard.press('Enter');
  await page.waitForURL(`${standIn.url}/app?x=1`);

  await page.goto(`${standIn.url}/sign-in?return_to=//evil.example/`);
  await fillSignIn(page);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'You are signed in' }).waitFor();
  assert.equal(await page.getByRole('link', { name: 'Continue' }).count(), 0);
  assert.equal(new URL(page.url()).origin, standIn.url);
});

test('somebody who is signed in sees it, may go on, and can sign out', async () => {
  let session = { session: {}, user };
  const { page, complaints } = await open('/sign-in?return_to=/app', {
    '/get-session': () => ({ body: session }),
    '/sign-out': () => {
      session = null;
      return { body: { success: true } };
    },
  });
  await page.getByText('ada@example.com').waitFor();
  assert.equal(await page.getByRole('link', { name: 'Continue' }).getAttribute('href'), `${new URL(page.url()).origin}/app`);
  assert.deepEqual(await findAccessibilityFaults(page), []);
  await takeScreenshot(page, 'signed-in');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('alert').filter({ hasText: 'You are signed out.' }).waitFor();
  await page.getByLabel('E-mail').waitFor();
  await takeScreenshot(page, 'signed-out');
  assert.deepEqual(complaints, []);
});

test('an account without a session is sent to sign in', async () => {
  const { page } = await open('/sign-up', { '/sign-up/email': { body: { token: null, user } } });
  await page.getByLabel('Name').fill('Ada');
  await page.getByLabel('E-mail').fill('ada@example.com');
  await page.getByLabel('Password', { exact: true }).fill('correct horse');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').filter({ hasText: 'Your account is ready. Please sign in.' }).waitFor();
  assert.ok(await page.getByRole('link', { name: 'Sign in' }).isVisible());
});

test('without JavaScript the page says what it needs', async () => {
  const standIn = await startStandIn();
  const { page, context } = await openPage(browser, { javaScriptEnabled: false });
  closing.push(standIn.close, () => context.close());
  await page.goto(`${standIn.url}/sign-in`);
  assert.ok(await page.locator('.notice', { hasText: /^This page needs JavaScript/ }).isVisible());
  assert.ok(await page.getByRole('button', { name: 'Sign in' }).isDisabled());
});
