// What the tests of the account page stand on: a gateway with mails and an identity provider, users with sessions of many devices, and
// browsers that have them.
import assert from 'node:assert/strict';
import { Gateway, kHost, kOrigin, merge } from '../../end_to_end/support/gateway.mjs';
import { IdentityProvider } from '../../end_to_end/support/identity_provider.mjs';
import { cookiesOf, postJson } from '../../end_to_end/support/session.mjs';
import { SmtpServer } from '../../end_to_end/support/smtp_server.mjs';
import { launchBrowser, openPage } from './browser.mjs';

export const kPassword = 'correct horse battery';
export const kAccount = `${kOrigin}/account`;
export const kDevices = {
  laptop: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
  phone: 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
  program: 'curl/8.5.0',
};
// Passwords are hashed at idle priority, and the machine may be busy.
const patience = 60_000;

export class AccountWorld {
  #opened = [];

  // `auth`: what differs from a gateway where everything about accounts is switched on; `gateway`: the same for its other settings.
  static async start({ auth = {}, gateway = {} } = {}) {
    const world = new AccountWorld();
    try {
      world.provider = await IdentityProvider.start();
      const { provider } = world;
      // Whoever is sent there agrees.
      provider.instead.set('/authorize', (request, response) => {
        response.writeHead(302, { location: kOrigin + provider.approve(provider.url + request.url) });
        response.end();
      });
      world.smtp = await SmtpServer.start();
      const company = { client_id: 'app', client_secret: 'app-secret', discovery_url: `${provider.url}/.well-known/openid-configuration`, insecure_http: true, private_network: true };
      const everything = { user: { change_email: { enabled: true }, delete_user: { enabled: true } }, generic_oauth: { company } };
      const mail = { host: '127.0.0.1', port: world.smtp.port, from: 'no-reply@example.test', insecure_plain: true };
      world.gateway = await Gateway.start({ routes: [], upstreams: {}, gateway: merge({ mail, auth: merge(everything, auth) }, gateway) });
      world.browser = await launchBrowser([`--host-resolver-rules=MAP ${kHost}:443 127.0.0.1:${world.gateway.ports.https}`]);
    } catch (error) {
      await world.stop();
      throw error;
    }
    return world;
  }

  async closePages() {
    for (const context of this.#opened.splice(0)) await context.close();
  }

  async stop() {
    await this.browser?.close();
    try {
      await this.gateway?.stop();
    } finally {
      await this.smtp?.close();
      await this.provider?.stop();
    }
  }

  async #begin(path, body, userAgent) {
    const response = await postJson(this.gateway, `/api/auth${path}`, body, { 'User-Agent': userAgent });
    assert.equal(response.status, 200, `${path}: ${response.body}`);
    return cookiesOf(response).find((pair) => pair.includes('session_token='));
  }

  // A new user, who has the first session: { name, email, cookie, since: when it had begun }.
  async makeUser(name, email, device = kDevices.laptop) {
    const cookie = await this.#begin('/sign-up/email', { name, email, password: kPassword }, device);
    return { name, email, cookie, since: Date.now() };
  }

  // One more session of a user; its cookie.
  addSession(user, device) {
    return this.#begin('/sign-in/email', { email: user.email, password: kPassword }, device);
  }

  ask(path, cookie) {
    return this.gateway.request('GET', `/api/auth${path}`, { headers: [['Cookie', cookie]] });
  }

  async isSignedIn(cookie) {
    return JSON.parse((await this.ask('/get-session', cookie)).body) !== null;
  }

  // A page without a session, or with that of the cookie.
  async openPage(cookie, options = {}) {
    const opened = await openPage(this.browser, { userAgent: kDevices.laptop, ...options });
    this.#opened.push(opened.context);
    opened.context.setDefaultTimeout(patience);
    if (cookie) {
      const [name, value] = cookie.split('=');
      await opened.context.addCookies([{ name, value, url: kOrigin, secure: true, httpOnly: true, sameSite: 'Lax' }]);
    }
    return opened;
  }

  // The account page of who has the cookie, loaded wholly: { page, context, complaints }.
  async openAccount(cookie, options = {}) {
    const opened = await this.openPage(cookie, options);
    await opened.page.goto(options.url ?? kAccount);
    await waitForAccount(opened.page);
    return opened;
  }

  // The link of the mail of that number, from 1.
  async findLink(count) {
    const mail = await this.smtp.mail(count);
    return { to: mail.to[0], link: /https:\/\/\S+/.exec(mail.parts[0].text)[0] };
  }
}

export async function waitForAccount(page) {
  await page.waitForURL(kAccount);
  await page.locator('#sections').waitFor();
  await page.locator(':is(#sessions_list > li, #sessions_stale):visible').first().waitFor();
}

// As the user that the provider names, who comes to have an account without a password.
export async function signInWithProvider(page) {
  await page.goto(`${kOrigin}/sign-in?return_to=/account`);
  await page.getByRole('button', { name: 'Continue with company' }).click();
  await waitForAccount(page);
}

export const focused = (page) => page.evaluate(() => document.activeElement.id || document.activeElement.className || document.activeElement.tagName);

// What the section says, and that a screen reader is led there.
export async function expectSaid(page, section, text) {
  const message = page.locator(`${section} .message`.trim()).filter({ hasText: text });
  await message.waitFor();
  assert.equal(await focused(page), 'message');
}
