// The hosted pages as the gateway serves them: a person signs up, leaves, comes back, and is led to where they wanted to go.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { kHost, kOrigin } from '../end_to_end/support/gateway.mjs';
import { answer } from '../end_to_end/support/upstream.mjs';
import { World } from '../end_to_end/support/world.mjs';
import { findAccessibilityFaults, launchBrowser, openPage } from './support/browser.mjs';

const email = 'ada@example.com';
const password = 'correct horse battery';

let world;
let browser;

// Shows who the gateway says is there.
async function respond(received, wire) {
  const request = await received.complete;
  wire.write(answer(200, `<!doctype html><title>app</title><h1>Hello ${request.fields.get('x-user-email')}</h1>`, [['Content-Type', 'text/html']]));
}

before(async () => {
  world = await World.start({ respond });
  // The name resolves to the gateway's port, so that the page's origin is the configured one.
  browser = await launchBrowser([`--host-resolver-rules=MAP ${kHost}:443 127.0.0.1:${world.gateway.ports.https}`]);
});
after(async () => {
  await browser?.close();
  await world?.stop();
});

const fillSignIn = async (page, secret) => {
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password', { exact: true }).fill(secret);
  await page.getByRole('button', { name: 'Sign in' }).click();
};

test('sign up, see it, sign out, be sent to sign in, fail, succeed, and arrive', async () => {
  const { page, context, complaints } = await openPage(browser);

  const answered = await page.goto(`${kOrigin}/sign-up`);
  assert.equal(answered.status(), 200);
  assert.match(answered.headers()['content-security-policy'], /^default-src 'none'; script-src 'self';/);
  assert.deepEqual(await findAccessibilityFaults(page), []);
  await page.getByLabel('Name').fill('Ada Lovelace');
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.getByRole('heading', { name: 'You are signed in' }).waitFor();
  assert.equal(await page.locator('#account_email').textContent(), email);

  await page.goto(`${kOrigin}/private/page?tab=2`);
  assert.equal(await page.getByRole('heading').textContent(), `Hello ${email}`);

  await page.goto(`${kOrigin}/sign-in`);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('alert').filter({ hasText: 'You are signed out.' }).waitFor();

  await page.goto(`${kOrigin}/private/page?tab=2`);
  assert.equal(page.url(), `${kOrigin}/sign-in?return_to=%2Fprivate%2Fpage%3Ftab%3D2`);
  await page.locator('button[type=submit]:enabled').waitFor();
  await fillSignIn(page, 'wrong horse battery');
  await page.getByRole('alert').filter({ hasText: 'The e-mail or the password is wrong.' }).waitFor();
  assert.equal(await page.getByLabel('E-mail').inputValue(), email);
  await fillSignIn(page, password);
  await page.waitForURL(`${kOrigin}/private/page?tab=2`);
  assert.equal(await page.getByRole('heading').textContent(), `Hello ${email}`);

  assert.deepEqual(complaints, []);
  await context.close();
});

test('a second account with the same address is refused in words', async () => {
  const { page, context } = await openPage(browser);
  await page.goto(`${kOrigin}/sign-up`);
  await page.getByLabel('Name').fill('Another Ada');
  await page.getByLabel('E-mail').fill(email.toUpperCase());
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.keyboard.press('Enter');
  await page.getByRole('alert').filter({ hasText: 'There is already an account with this e-mail.' }).waitFor();
  await context.close();
});

test('without "stay signed in" the session ends with the browser', async () => {
  const { page, context } = await openPage(browser);
  await page.goto(`${kOrigin}/sign-in`);
  await page.getByLabel('Stay signed in on this device').uncheck();
  await fillSignIn(page, password);
  await page.getByRole('heading', { name: 'You are signed in' }).waitFor();
  const session = (await context.cookies()).find((cookie) => cookie.name.endsWith('session_token'));
  assert.equal(session.expires, -1);
  assert.equal(session.httpOnly, true);
  assert.equal(session.secure, true);
  await context.close();
});

test('a protected route for everything leaves the way in open, and nothing else', async () => {
  const closed = await World.start({ respond, routes: [{ path: '/**', upstream: 'orders' }] });
  try {
    const ask = (path) => closed.gateway.request('GET', path, { headers: [['Sec-Fetch-Mode', 'navigate'], ['Sec-Fetch-Dest', 'document']] });
    assert.equal((await ask('/sign-in')).status, 200);
    assert.equal((await ask('/.gatehouse/page.css')).status, 200);
    const elsewhere = await ask('/app');
    assert.equal(elsewhere.status, 302);
    assert.equal(elsewhere.fields.get('location'), '/sign-in?return_to=%2Fapp');
    assert.equal((await ask('/.gatehouse/none.css')).status, 302);
    assert.equal((await ask('/account')).status, 200);
    assert.equal(closed.upstream.requests.length, 0);
  } finally {
    await closed.stop();
  }
});
