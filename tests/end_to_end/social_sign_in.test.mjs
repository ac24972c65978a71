// Sign-in through an identity provider, over the wire: a state wins once, and a provider that misbehaves costs bounded time and memory.
import assert from 'node:assert/strict';
import {after, afterEach, before, test} from 'node:test';
import {Gateway, kOrigin} from './support/gateway.mjs';
import {IdentityProvider} from './support/identity_provider.mjs';
import {Browser} from './support/session.mjs';

let provider;
let gateway;

before(async () => {
  provider = await IdentityProvider.start();
  const base = {client_id: 'app', client_secret: 'app-secret'};
  const explicit = {authorization_url: `${provider.url}/authorize`, token_url: `${provider.url}/token`, user_info_url: `${provider.url}/userinfo`};
  gateway = await Gateway.start({
    routes: [],
    upstreams: {},
    gateway: {
      auth: {
        generic_oauth: {
          company: {...base, discovery_url: `${provider.url}/.well-known/openid-configuration`, insecure_http: true, private_network: true},
          inside: {...base, ...explicit, insecure_http: true},
        },
      },
    },
  });
});
after(async () => {
  try {
    await gateway?.stop();
  } finally {
    await provider?.stop();
  }
});
afterEach(() => provider.instead.clear());

async function start(browser, name = 'company') {
  const answer = await browser.fetch(`${kOrigin}/api/auth/sign-in/social`, {
    method: 'POST',
    headers: {'content-type': 'application/json'},
    body: JSON.stringify({provider: name, callbackURL: '/done', errorCallbackURL: '/oops'}),
  });
  assert.equal(answer.status, 200);
  return (await answer.json()).url;
}

async function withBrowser(use) {
  const browser = new Browser(gateway);
  try {
    return await use(browser);
  } finally {
    await browser.close();
  }
}

const arrive = (browser, callback) => browser.fetch(`${kOrigin}${callback}`);

test('the browser comes back signed in', () =>
  withBrowser(async (browser) => {
    const answer = await arrive(browser, provider.approve(await start(browser)));
    assert.equal(answer.status, 302);
    assert.equal(answer.headers.get('location'), '/done');
    const session = await (await browser.fetch(`${kOrigin}/api/auth/get-session`)).json();
    assert.equal(session.user.email, 'ann@example.test');
  }));

test('of twenty callbacks with one state at once exactly one signs in', () =>
  withBrowser(async (browser) => {
    const callback = provider.approve(await start(browser));
    const cookies = new Map(browser.jar);
    const before = provider.requests.filter(({path}) => path === '/token').length;
    const answers = await Promise.all(
      Array.from({length: 20}, () => {
        const one = new Browser(gateway);
        one.jar = new Map(cookies);
        return arrive(one, callback).finally(() => one.close());
      }),
    );
    assert.equal(answers.filter((answer) => answer.headers.get('location') === '/done').length, 1);
    assert.equal(answers.filter((answer) => /error=state_mismatch/.test(answer.headers.get('location'))).length, 19);
    assert.equal(provider.requests.filter(({path}) => path === '/token').length - before, 1);
  }));

const misbehaviour = {
  'answers 500': (_, response) => response.writeHead(500).end('<h1>'),
  'answers with something that is no JSON': (_, response) => response.writeHead(200, {'content-type': 'application/json'}).end('<html>'),
  'redirects to the inside': (_, response) => response.writeHead(307, {location: `${provider.url}/jwks`}).end(),
  'answers without end': (_, response) => {
    response.writeHead(200, {'content-type': 'application/json'});
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65536, 32)));
    };
    response.on('drain', more);
    more();
  },
  'breaks off': (request) => request.socket.destroy(),
  'never answers': () => {},
};

for (const [what, answer] of Object.entries(misbehaviour)) {
  test(`a provider that ${what} ends on the error page in bounded time`, () =>
    withBrowser(async (browser) => {
      const callback = provider.approve(await start(browser));
      provider.instead.set('/token', answer);
      const began = process.hrtime.bigint();
      const arrived = await arrive(browser, callback);
      const seconds = Number(process.hrtime.bigint() - began) / 1e9;
      assert.equal(arrived.headers.get('location'), '/oops?error=invalid_code');
      assert.ok(seconds < 8, `it took ${seconds} s`);
      assert.equal(await (await browser.fetch(`${kOrigin}/api/auth/get-session`)).json(), null);
    }));
}

test('an address of the inside is not spoken to unless the configuration says so', () =>
  withBrowser(async (browser) => {
    const before = provider.requests.length;
    const arrived = await arrive(browser, provider.approve(await start(browser, 'inside')));
    assert.equal(arrived.headers.get('location'), '/oops?error=invalid_code');
    assert.equal(provider.requests.length, before);
  }));

test('neither codes, tokens nor secrets reach a log', () =>
  withBrowser(async (browser) => {
    const callback = provider.approve(await start(browser));
    await arrive(browser, callback);
    const code = new URL(callback, kOrigin).searchParams.get('code');
    const state = new URL(callback, kOrigin).searchParams.get('state');
    for (const secret of [code, state, 'app-secret', 'access']) {
      assert.ok(!gateway.stderr.includes(`"${secret}`) && !gateway.stderr.includes(`=${secret}`), `${secret} is in the process log`);
      if (secret !== 'access') assert.ok(!gateway.stdout.includes(secret), `${secret} is in the access log`);
    }
  }));
