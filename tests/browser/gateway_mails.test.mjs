// The hosted pages with real mails and an identity provider: a person confirms an address, gets over a forgotten password, and signs in
// with somebody who vouches for them, each time ending where they wanted to go.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { kHost, kOrigin } from '../end_to_end/support/gateway.mjs';
import { IdentityProvider } from '../end_to_end/support/identity_provider.mjs';
import { postJson } from '../end_to_end/support/session.mjs';
import { SmtpServer } from '../end_to_end/support/smtp_server.mjs';
import { answer } from '../end_to_end/support/upstream.mjs';
import { World } from '../end_to_end/support/world.mjs';
import { findAccessibilityFaults, launchBrowser, openPage } from './support/browser.mjs';

const email = 'ada@example.test';
const password = 'correct horse battery';
const goal = `${kOrigin}/private/page?tab=2`;

let mails;
let provider;
let world;
let browser;

// Shows who the gateway says is there.
async function respond(received, wire) {
  const request = await received.complete;
  wire.write(answer(200, `<!doctype html><title>app</title><h1>Hello ${request.fields.get('x-user-email')}</h1>`, [['Content-Type', 'text/html']]));
}

before(async () => {
  mails = await SmtpServer.start();
  provider = await IdentityProvider.start();
  world = await World.start({
    respond,
    gateway: {
      mail: { host: '127.0.0.1', port: mails.port, from: 'no-reply@example.test', insecure_plain: true },
      auth: {
        email_and_password: { enabled: true, require_email_verification: true },
        generic_oauth: {
          company: { client_id: 'app', client_secret: 'app-secret', discovery_url: `${provider.url}/.well-known/openid-configuration`, insecure_http: true, private_network: true },
        },
      },
    },
  });
  // The name resolves to the gateway's port, so that the page's origin is the configured one.
  browser = await launchBrowser([`--host-resolver-rules=MAP ${kHost}:443 127.0.0.1:${world.gateway.ports.https}`]);
});
after(async () => {
  await browser?.close();
  try {
    await world?.stop();
  } finally {
    await provider?.stop();
    await mails?.close();
  }
});
afterEach(() => provider.instead.clear());

const linkOf = (mail) => /https:\/\/\S+/.exec(mail.parts[0].text)[0];
const heading = (page, name) => page.getByRole('heading', { name, exact: true }).waitFor();
const say = (page, words) => page.getByRole('alert').filter({ hasText: words }).waitFor();
const fit = async (page) => assert.deepEqual(await findAccessibilityFaults(page), []);

async function signIn(page, secret) {
  await page.locator('button[type=submit]:enabled').waitFor();
  await page.getByLabel('E-mail', { exact: true }).fill(email);
  await page.getByLabel('Password', { exact: true }).fill(secret);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

test('sign up, follow the link of the mail, sign in, and arrive', async () => {
  const { page, context, complaints } = await openPage(browser);
  await page.goto(goal);
  await page.getByRole('link', { name: 'Create an account' }).click();
  await page.getByLabel('Name').fill('Ada Lovelace');
  await page.getByLabel('E-mail', { exact: true }).fill(email);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Create account' }).click();
  await heading(page, 'Look into your mailbox');
  const first = linkOf(await mails.mail(1));

  await page.getByRole('link', { name: 'Back to sign in' }).click();
  await signIn(page, password);
  await heading(page, 'Look into your mailbox');
  await page.getByRole('button', { name: 'Send the mail again' }).click();
  await say(page, 'another mail is on its way');
  const second = linkOf(await mails.mail(2));

  await page.goto(first.replace(/token=[^&]+/, 'token=made.up.token'));
  await say(page, 'This link does not work any more. Ask for a new one.');
  assert.equal(page.url(), `${kOrigin}/verify-email?return_to=%2Fprivate%2Fpage%3Ftab%3D2`);
  await fit(page);

  await page.goto(second);
  await heading(page, 'Your address is confirmed');
  await fit(page);
  await page.getByRole('link', { name: 'Sign in' }).click();
  await signIn(page, password);
  await page.waitForURL(goal);
  assert.equal(await page.getByRole('heading').textContent(), `Hello ${email}`);
  assert.deepEqual(complaints, []);
  await context.close();
});

test('a forgotten password: a mail, a new password, and the old link is of no use', async () => {
  const { page, context, complaints } = await openPage(browser);
  const before = mails.mails.length;
  await page.goto(goal);
  await page.getByRole('link', { name: 'Forgot your password?' }).click();
  for (const address of ['nobody@example.test', email]) {
    await page.getByLabel('E-mail', { exact: true }).fill(address);
    await page.getByRole('button', { name: 'Send the mail' }).click();
    await heading(page, 'Look into your mailbox');
    await page.getByText(`If there is an account with the address ${address}, a mail with a link is on its way.`).waitFor();
    if (address !== email) await page.getByRole('button', { name: 'Use another one' }).click();
  }
  const mail = await mails.mail(before + 1);
  assert.deepEqual(mail.to, [email]);

  await page.goto(linkOf(mail));
  await page.getByLabel('New password', { exact: true }).fill('a fresh password');
  assert.equal(page.url(), `${kOrigin}/reset-password?return_to=%2Fprivate%2Fpage%3Ftab%3D2`);
  await page.getByRole('button', { name: 'Set the password' }).click();
  await heading(page, 'Your password is changed');
  await page.getByRole('link', { name: 'Sign in' }).click();
  await signIn(page, 'a fresh password');
  await page.waitForURL(goal);

  await page.goto(linkOf(mail));
  await heading(page, 'This link does not work');
  assert.equal(page.url(), `${kOrigin}/reset-password?return_to=%2Fprivate%2Fpage%3Ftab%3D2`);
  await page.getByRole('link', { name: 'Ask for a new mail' }).click();
  await heading(page, 'Forgot your password?');
  const token = /reset-password\/(\w+)\?/.exec(linkOf(mail))[1];
  assert.ok(!(world.gateway.stdout + world.gateway.stderr).includes(token), 'the token is in a log');
  assert.deepEqual(complaints, []);
  await context.close();
});

test('a front-end that names no page of its own has the reset link lead to the hosted one', async () => {
  const before = mails.mails.length;
  assert.equal((await postJson(world.gateway, '/api/auth/request-password-reset', { email })).status, 200);
  const { page, context } = await openPage(browser);
  await page.goto(linkOf(await mails.mail(before + 1)));
  await page.getByLabel('New password', { exact: true }).waitFor();
  assert.equal(page.url(), `${kOrigin}/reset-password`);
  await context.close();
});

// What the provider does with the visitor: approves, or sends them back with that error.
function decide(error) {
  provider.instead.set('/authorize', (request, response) => {
    const url = new URL(request.url, provider.url);
    const refusal = `/api/auth/callback/company?${new URLSearchParams({ error, error_description: 'Words of the provider', state: url.searchParams.get('state') })}`;
    response.writeHead(302, { location: kOrigin + (error ? refusal : provider.approve(url.href)) }).end();
  });
}

test('signing in with a provider: refused there, refused here, and at last there', async () => {
  const { page, context, complaints } = await openPage(browser);
  const atSignIn = `${kOrigin}/sign-in?return_to=%2Fprivate%2Fpage%3Ftab%3D2`;
  const press = () => page.getByRole('button', { name: 'Continue with company' }).click();
  await page.goto(goal);

  decide('access_denied');
  await press();
  await say(page, 'You did not allow the sign-in, so nothing has happened.');
  assert.equal(page.url(), atSignIn);

  decide();
  provider.user = { sub: 'sub-1', email, email_verified: false, name: 'Ada' };
  await press();
  await say(page, 'There is already an account with this e-mail address.');
  assert.equal(page.url(), atSignIn);
  await fit(page);

  provider.user = { sub: 'sub-2', email: 'ann@example.test', email_verified: true, name: 'Ann' };
  await press();
  await page.waitForURL(goal);
  assert.equal(await page.getByRole('heading').textContent(), 'Hello ann@example.test');
  assert.deepEqual(complaints, []);
  await context.close();
});
