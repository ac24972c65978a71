// Sign-in through an identity provider, over the wire: a state wins once, and a provider that misbehaves costs bounded time and memory.
import assert from 'node:assert/strict';
import {after, afterEach, before, test} from 'node:test';
import {Gateway, kOrigin} from './support/gateway.mjs';
import {IdentityProvider} from './support/identity_provider.mjs';
import {eventually} from './support/servers.mjs';
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

// Ends without a value, and keeps nobody waiting who has one.
const patience = (time) => new Promise((done) => setTimeout(done, time).unref());

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
      const arrived = await Promise.race([arrive(browser, callback), patience(30_000)]);
      assert.equal(arrived?.headers.get('location'), '/oops?error=invalid_code');
      assert.equal(await (await browser.fetch(`${kOrigin}/api/auth/get-session`)).json(), null);
    }));
}

for (const path of ['/jwks', '/.well-known/openid-configuration'])
  test(`a provider whose ${path} never answers ends on the error page, and a sign-in begins again when it does`, async () => {
    const other = await IdentityProvider.start();
    const discovery = {discovery_url: `${other.url}/.well-known/openid-configuration`, insecure_http: true, private_network: true};
    const auth = {generic_oauth: {company: {client_id: 'app', client_secret: 'app-secret', ...discovery}}};
    const fresh = await Gateway.start({routes: [], upstreams: {}, gateway: {auth}});
    const browser = new Browser(fresh);
    try {
      const begin = () =>
        browser.fetch(`${kOrigin}/api/auth/sign-in/social`, {
          method: 'POST',
          headers: {'content-type': 'application/json'},
          body: JSON.stringify({provider: 'company', callbackURL: '/done', errorCallbackURL: '/oops'}),
        });
      other.instead.set(path, () => {});
      const began = await begin();
      if (path === '/jwks') {
        const arrived = await arrive(browser, other.approve((await began.json()).url));
        assert.equal(arrived.headers.get('location'), '/oops?error=unable_to_get_user_info');
      } else {
        assert.equal(began.status, 404);
        assert.equal((await began.json()).code, 'PROVIDER_NOT_FOUND');
      }
      other.instead.clear();
      // It is not asked again for ten seconds.
      await eventually('somebody signs in', async () => {
        const again = await begin();
        if (again.status !== 200) return false;
        return (await arrive(browser, other.approve((await again.json()).url))).headers.get('location') === '/done';
      }, 60_000);
      await fresh.stop();
    } finally {
      await browser.close();
      await fresh.kill();
      await other.stop();
    }
  });

test('a provider that never answers has a bounded number of calls, and whoever comes on top is turned away', () =>
  withBrowser(async (browser) => {
    const arrivals = [];
    for (let i = 0; i < 120; ++i) {
      browser.jar = new Map();
      const callback = provider.approve(await start(browser));
      arrivals.push({callback, jar: new Map(browser.jar)});
    }
    let waiting = 0;
    let most = 0;
    provider.instead.set('/token', (_, response) => {
      most = Math.max(most, ++waiting);
      response.on('close', () => --waiting);
    });
    const before = provider.requests.filter(({path}) => path === '/token').length;
    const ends = arrivals.map(async ({callback, jar}) => {
      const one = new Browser(gateway);
      one.jar = jar;
      const arrived = await arrive(one, callback).finally(() => one.close());
      return arrived.headers.get('location');
    });
    await eventually('the provider is asked', () => waiting > 0);
    assert.equal((await browser.fetch(`${kOrigin}/api/auth/ok`)).status, 200);
    for (const end of await Promise.all(ends)) assert.equal(end, '/oops?error=invalid_code');
    assert.ok(most <= 16, `${most} calls at once`);
    const asked = provider.requests.filter(({path}) => path === '/token').length - before;
    assert.ok(asked <= 96, `${asked} calls`);
    provider.instead.clear();
    const arrived = await arrive(browser, provider.approve(await start(browser)));
    assert.equal(arrived.headers.get('location'), '/done');
  }));

test('an address of the inside is not spoken to unless the configuration says so', () =>
  withBrowser(async (browser) => {
    const before = provider.requests.length;
    const arrived = await arrive(browser, provider.approve(await start(browser, 'inside')));
    assert.equal(arrived.headers.get('location'), '/oops?error=invalid_code');
    assert.equal(provider.requests.length, before);
  }));

test('neither codes, tokens nor secrets reach a log or a redirect, also where the provider fails', () =>
  withBrowser(async (browser) => {
    const secrets = ['app-secret'];
    const locations = [];
    const sayAll = (status, type) => (_, response) =>
      response.writeHead(status, {'content-type': type}).end(JSON.stringify({error: 'e', access_token: 'told-access', id_token: 'told-id', refresh_token: 'told-refresh'}));
    const failures = [
      null,
      ['/token', sayAll(200, 'application/json')],
      ['/token', sayAll(500, 'text/html')],
      ['/token', (_, response) => response.writeHead(200, {'content-type': 'application/json'}).end('{"access_token":"told-access","id_token":"told.id.token","refresh_token":"told-refresh"}')],
    ];
    for (const failure of failures) {
      provider.instead.clear();
      if (failure) provider.instead.set(...failure);
      const callback = provider.approve(await start(browser));
      const query = new URL(callback, kOrigin).searchParams;
      secrets.push(query.get('code'), query.get('state'));
      const arrived = await arrive(browser, callback);
      locations.push(arrived.headers.get('location'));
      const told = await arrived.text();
      assert.equal(told, '');
    }
    assert.deepEqual(locations, ['/done', '/oops?error=invalid_code', '/oops?error=invalid_code', '/oops?error=unable_to_get_user_info']);
    const accounts = await (await browser.fetch(`${kOrigin}/api/auth/list-accounts`)).text();
    secrets.push(...provider.given);
    for (const secret of [...secrets, 'told-access', 'told-id', 'told.id', 'told-refresh'])
      for (const [place, text] of Object.entries({'process log': gateway.stderr, 'access log': gateway.stdout, accounts}))
        assert.ok(!text.includes(secret), `${secret} is in the ${place}`);
  }));
