// Signing in with a provider, as the pages see it: what they ask for, and what they say about each answer.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { checkEveryLook, launchBrowser, openPage } from './support/browser.mjs';
import { startStandIn } from './support/stand_in.mjs';

const password = { enabled: true, signUp: true, min: 8, max: 128, mustVerify: false };
const pages = ['sign-in', 'sign-up', 'verify-email', 'forgot-password', 'reset-password'];
const provider = (id, name, signUp = true) => ({ id, name, signIn: true, signUp });
const providers = [provider('github', 'GitHub'), provider('google', 'Google'), provider('microsoft', 'Microsoft'), provider('company', 'company', false)];

let browser;
const closing = [];
before(async () => {
  browser = await launchBrowser();
});
after(() => browser.close());
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function open(path, answer = () => ({ body: null }), settings = {}) {
  const standIn = await startStandIn((method, endpoint, body) => (endpoint === '/get-session' ? { body: null } : answer(endpoint, body)), { pages, password, providers, ...settings });
  const opened = await openPage(browser);
  closing.push(standIn.close, () => opened.context.close());
  await opened.page.goto(standIn.url + path);
  return { ...opened, standIn };
}

const buttons = (page) => page.getByRole('button', { name: /^Continue with/ }).allTextContents();
const pathOf = (page) => page.url().slice(new URL(page.url()).origin.length);

test('a button for each provider, and the visitor is sent to it with where to come back to', async () => {
  let origin;
  const { page, standIn, complaints } = await open('/sign-in?return_to=%2Fapp%3Fx%3D1', () => ({ body: { url: `${origin}/app?provider`, redirect: true } }));
  origin = standIn.url;
  await page.getByRole('button', { name: 'Continue with GitHub' }).waitFor();
  assert.deepEqual(await buttons(page), ['GContinue with GitHub', 'GContinue with Google', 'MContinue with Microsoft', 'CContinue with company']);
  await checkEveryLook(page, 'sign-in-providers');
  await page.getByRole('button', { name: 'Continue with Google' }).click();
  await page.waitForURL(`${standIn.url}/app?provider`);
  const end = `${standIn.url}/app?x=1`;
  assert.deepEqual(standIn.calls, [
    { method: 'POST', path: '/sign-in/social', body: { provider: 'google', callbackURL: end, newUserCallbackURL: end, errorCallbackURL: '/sign-in?return_to=%2Fapp%3Fx%3D1', requestSignUp: false } },
  ]);
  assert.deepEqual(complaints, []);
});

test('the sign-up page asks for an account, of those providers that give one', async () => {
  const { page, standIn } = await open('/sign-up', () => ({ status: 404, body: { code: 'PROVIDER_NOT_FOUND', message: 'Provider not found' } }));
  await page.getByRole('button', { name: 'Continue with GitHub' }).click();
  await page.getByRole('alert').filter({ hasText: 'This way to sign in is not available at the moment.' }).waitFor();
  assert.deepEqual(await buttons(page), ['GContinue with GitHub', 'GContinue with Google', 'MContinue with Microsoft']);
  await checkEveryLook(page, 'sign-up-providers');
  assert.deepEqual(standIn.calls[0].body, { provider: 'github', callbackURL: '/sign-in', newUserCallbackURL: '/sign-in', errorCallbackURL: '/sign-in', requestSignUp: true });
});

test('providers alone: no form, no word of passwords', async () => {
  const { page } = await open('/sign-in', undefined, { pages: ['sign-in'], password: { ...password, enabled: false, signUp: false } });
  await page.getByRole('button', { name: 'Continue with GitHub' }).waitFor();
  assert.equal(await page.locator('input:visible, .divider:visible, a:visible').count(), 0);
  await checkEveryLook(page, 'sign-in-providers-alone');
});

test('where nobody can sign in, the page says so', async () => {
  const { page } = await open('/sign-in', undefined, { pages: ['sign-in'], providers: [], password: { ...password, enabled: false, signUp: false } });
  await page.getByRole('alert').filter({ hasText: 'Nobody can sign in here at the moment.' }).waitFor();
  await checkEveryLook(page, 'sign-in-nobody');
});

test('a provider can be chosen with the keyboard alone', async () => {
  const { page, standIn } = await open('/sign-in', () => ({ status: 503, body: null }), { providers: providers.slice(0, 2) });
  await page.locator('button[type=submit]:enabled').waitFor();
  for (const name of ['Forgot your password?', 'GContinue with GitHub', 'GContinue with Google']) {
    for (let i = 0; i < (name.startsWith('Forgot') ? 6 : 1); i++) await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.textContent), name);
  }
  await page.keyboard.press('Enter');
  await page.getByRole('alert').filter({ hasText: 'The service cannot answer at the moment.' }).waitFor();
  assert.equal(standIn.calls[0].body.provider, 'google');
});

for (const [query, words] of [
  ['error=access_denied&error_description=<b>evil</b>', 'You did not allow the sign-in, so nothing has happened.'],
  ['error=account_not_linked', 'There is already an account with this e-mail address. Sign in the way you did before.'],
  ['error=state_mismatch', 'The sign-in took too long, or it was begun in another window. Please try again.'],
  ['error=signup_disabled', 'There is no account for you yet, and this way none can be created.'],
  ['error=constructor', 'Signing in with the provider did not work. Please try again.'],
]) {
  test(`an answer of a provider is told in words, once: ${query}`, async () => {
    const { page, complaints } = await open(`/sign-in?return_to=%2Fapp&${query}`);
    await page.getByRole('alert').filter({ hasText: words }).waitFor();
    assert.equal(await page.locator('#message').textContent(), words);
    assert.equal(pathOf(page), '/sign-in?return_to=%2Fapp');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'message');
    if (query === 'error=account_not_linked') await checkEveryLook(page, 'sign-in-account-not-linked');
    await page.reload();
    await page.locator('button[type=submit]:enabled').waitFor();
    assert.equal(await page.locator('#message').textContent(), '');
    assert.deepEqual(complaints, []);
  });
}

test('an address that a provider has not verified leads to the page that sends the mail again', async () => {
  const { page } = await open('/sign-in?error=email_not_verified&return_to=%2Fapp');
  await page.getByRole('link', { name: 'Ask for the mail again' }).click();
  await page.getByRole('heading', { name: 'Confirm your e-mail address' }).waitFor();
  assert.equal(pathOf(page), '/verify-email?return_to=%2Fapp');
});
