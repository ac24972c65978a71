// The widget of Turnstile on the hosted pages, with a stand-in for Cloudflare's script and a stub for siteverify: who is asked, what they
// are told, and that the page's policy lets nothing else in.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { Gateway, kHost, kOrigin } from '../end_to_end/support/gateway.mjs';
import { Siteverify, kTestSiteKey } from '../end_to_end/support/siteverify.mjs';
import { checkEveryLook, launchBrowser, openPage } from './support/browser.mjs';

const password = 'correct horse battery';
const kCloudflare = 'https://challenges.cloudflare.com';
const patience = 60_000;

// What Cloudflare's script offers of `turnstile`, as far as the pages use it. The test gives the tokens.
const kScript = `
  const solve = (options) => globalThis.askForToken().then((token) => token === 'person'
    ? options['before-interactive-callback']()
    : options.callback(token));
  globalThis.turnstile = {
    render(place, options) {
      const frame = document.createElement('iframe');
      frame.src = '${kCloudflare}/frame';
      frame.title = 'Widget of a stand-in';
      frame.width = options.size === 'compact' ? 150 : 300;
      frame.height = 65;
      place.append(frame);
      globalThis.widget = options;
      solve(options);
      return 'widget-1';
    },
    reset() { solve(globalThis.widget); },
  };`;

let siteverify;
let browser;
let gateway;
let people = 0;
const closing = [];
before(async () => {
  siteverify = await Siteverify.start();
});
after(() => siteverify?.stop());
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function startGateway(turnstile = {}, auth = {}) {
  const keys = { secret_key: siteverify.secret, site_key: kTestSiteKey, action: 'gatehouse', insecure_siteverify_url: siteverify.url };
  gateway = await Gateway.start({ routes: [], upstreams: {}, gateway: { turnstile: { ...keys, ...turnstile }, auth } });
  browser = await launchBrowser([`--host-resolver-rules=MAP ${kHost}:443 127.0.0.1:${gateway.ports.https}`]);
}
async function stopGateway() {
  await browser?.close();
  await gateway?.stop();
}

// `giveToken` says what the widget comes to: a token, or 'person' where it needs one. `asked` lists what was loaded from Cloudflare.
async function open(path, { giveToken = () => siteverify.giveToken({ action: 'gatehouse' }), isBlocked = () => false } = {}) {
  const opened = await openPage(browser);
  const { page, context } = opened;
  closing.push(() => context.close());
  context.setDefaultTimeout(patience);
  const asked = [];
  await page.exposeFunction('askForToken', () => giveToken());
  await page.route(`${kCloudflare}/**`, (route) => {
    asked.push(route.request().url());
    if (isBlocked()) return route.abort();
    return route.request().url().endsWith('/frame')
      ? route.fulfill({ contentType: 'text/html', body: '<!doctype html><html lang="en"><title>Widget</title><p>Stand-in' })
      : route.fulfill({ contentType: 'text/javascript', body: kScript });
  });
  await page.goto(kOrigin + path);
  await page.locator('button[type=submit]:enabled').waitFor();
  return { ...opened, asked };
}

const say = (page, words) => page.getByRole('alert').filter({ hasText: words }).waitFor();
const newEmail = () => `person${++people}@example.test`;

async function signUp(page, email) {
  await page.getByLabel('Name').fill('Ada Lovelace');
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Create account' }).click();
}

async function signIn(page, email, secret = password) {
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password', { exact: true }).fill(secret);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

describe('where the gateway always asks', () => {
  before(() => startGateway());
  after(stopGateway);

  test('a person signs up, mistypes the password, and signs in', async () => {
    const email = newEmail();
    const { page, complaints, asked } = await open('/sign-up');
    await page.frameLocator('.turnstile iframe').getByText('Stand-in').waitFor();
    await signUp(page, email);
    await page.getByRole('heading', { name: 'You are signed in' }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.goto(`${kOrigin}/sign-in`);
    await signIn(page, email, 'wrong horse battery');
    await say(page, 'The e-mail or the password is wrong.');
    await signIn(page, email);
    await page.getByRole('heading', { name: 'You are signed in' }).waitFor();
    assert.deepEqual(asked.filter((url) => !url.endsWith('/frame')), Array(2).fill(`${kCloudflare}/turnstile/v0/api.js?render=explicit`));
    assert.deepEqual(complaints, []);
  });

  test('the page with the widget is accessible, and fits a small phone', async () => {
    const { page } = await open('/sign-in');
    await page.frameLocator('.turnstile iframe').getByText('Stand-in').waitFor();
    await checkEveryLook(page, 'sign-in-turnstile');
  });

  test('a script that does not come is told when somebody sends the form, and asked for again', async () => {
    let isBlocked = true;
    const { page } = await open('/sign-in', { isBlocked: () => isBlocked });
    await signIn(page, newEmail());
    await say(page, 'Allow challenges.cloudflare.com in this browser, and try again.');
    isBlocked = false;
    await page.getByRole('button', { name: 'Sign in' }).click();
    await say(page, 'The e-mail or the password is wrong.');
  });

  test('a widget that needs the person is told', async () => {
    let outcome = 'person';
    const { page } = await open('/sign-in', { giveToken: () => outcome });
    await signIn(page, newEmail());
    await say(page, 'Please confirm that you are a person, then try again.');
    outcome = siteverify.giveToken({ action: 'gatehouse' });
    await page.evaluate((token) => globalThis.widget.callback(token), outcome);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await say(page, 'The e-mail or the password is wrong.');
  });

  test('a token that is refused is told in words, and the next one may pass', async () => {
    let token = 'invented';
    const { page } = await open('/sign-in', { giveToken: () => token });
    await signIn(page, newEmail());
    token = siteverify.giveToken({ action: 'gatehouse' });
    await say(page, 'We could not confirm that you are a person. Please try again.');
  });

  test('a siteverify that is away is told in words', async () => {
    siteverify.instead = (_, response) => response.destroy();
    try {
      const { page } = await open('/sign-in');
      await signIn(page, newEmail());
      await say(page, 'We cannot check at the moment that you are a person. Try again in a minute.');
    } finally {
      siteverify.instead = null;
    }
  });

  test('a page that asks for nothing loads nothing of Cloudflare’s', async () => {
    const { page } = await openPage(browser);
    closing.push(() => page.context().close());
    const foreign = [];
    page.on('request', (request) => request.url().startsWith(kOrigin) || foreign.push(request.url()));
    const answered = await page.goto(`${kOrigin}/account`);
    assert.ok(!answered.headers()['content-security-policy'].includes('cloudflare'));
    assert.deepEqual(foreign.filter((url) => !url.startsWith('data:')), []);
  });
});

describe('where the gateway asks on risk', () => {
  before(() => startGateway({ mode: 'on_risk' }, { abuse_ladder: { challenge_after: 2 } }));
  after(stopGateway);

  test('nothing is loaded until it asks; then the widget comes, and the form goes on by itself', async () => {
    const { page, complaints, asked } = await open('/sign-in');
    const email = newEmail();
    for (const time of ['first', 'second']) {
      await signIn(page, email, `${time} wrong password`);
      await say(page, 'The e-mail or the password is wrong.');
    }
    assert.deepEqual(asked, []);
    const verified = siteverify.questions.length;
    await signIn(page, email, 'third wrong password');
    await page.frameLocator('.turnstile iframe').getByText('Stand-in').waitFor();
    await say(page, 'The e-mail or the password is wrong.');
    assert.equal(siteverify.questions.length, verified + 1);
    assert.deepEqual(complaints, []);
  });
});
