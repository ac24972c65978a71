// Browsers that come back from an identity provider at the same moment: a state wins once wherever it is kept, one person is one user
// with one account, and whoever is deleted meanwhile is not signed in. On PostgreSQL, SQLite and Redis.
import assert from 'node:assert/strict';
import {after, before, describe, test} from 'node:test';
import {Gateway, kOrigin} from './support/gateway.mjs';
import {IdentityProvider} from './support/identity_provider.mjs';
import {PostgresServer} from './support/postgres.mjs';
import {RedisServer} from './support/redis.mjs';
import {Browser} from './support/session.mjs';

let provider;
let postgres;
let redis;

before(async () => {
  [provider, postgres, redis] = await Promise.all([IdentityProvider.start(), PostgresServer.start(), RedisServer.start()]);
});
after(() => Promise.all([provider?.stop(), postgres?.remove(), redis?.remove()]));

function startGateway(settings, account = {}) {
  const discovery = {discovery_url: `${provider.url}/.well-known/openid-configuration`, insecure_http: true, private_network: true};
  const {auth, ...gateway} = settings;
  return Gateway.start({
    routes: [],
    upstreams: {},
    gateway: {...gateway, auth: {...auth, account, generic_oauth: {company: {client_id: 'app', client_secret: 'app-secret', ...discovery}}}},
  });
}

async function begin(browser, path = '/sign-in/social') {
  const answer = await browser.fetch(`${kOrigin}/api/auth${path}`, {
    method: 'POST',
    headers: {'content-type': 'application/json'},
    body: JSON.stringify({provider: 'company', callbackURL: '/done', errorCallbackURL: '/oops'}),
  });
  assert.equal(answer.status, 200);
  return provider.approve((await answer.json()).url);
}

// Where each of them ends. Their connections are there before any of them comes back.
async function arriveAtOnce(gateway, arrivals) {
  const browsers = arrivals.map(({jar}) => {
    const browser = new Browser(gateway);
    browser.jar = new Map(jar);
    return browser;
  });
  try {
    await Promise.all(browsers.map(async (browser) => (await browser.fetch(`${kOrigin}/api/auth/ok`)).text()));
    const answers = await Promise.all(browsers.map((browser, index) => browser.fetch(`${kOrigin}${arrivals[index].callback}`)));
    const sessions = await Promise.all(
      browsers.map(async (browser) => (await browser.fetch(`${kOrigin}/api/auth/get-session`)).json()),
    );
    return answers.map((answer, index) => ({location: answer.headers.get('location'), user: sessions[index]?.user}));
  } finally {
    await Promise.all(browsers.map((browser) => browser.close()));
  }
}

const stores = {
  PostgreSQL: () => ({database: {url: postgres.url()}}),
  SQLite: () => ({}),
  Redis: () => ({redis: redis.url(), auth: {verification: {store_in_database: false}}}),
};

for (const [name, settings] of Object.entries(stores)) {
  describe(`with ${name}`, () => {
    for (const strategy of ['database', 'cookie'])
      test(`of twenty callbacks with one state exactly one signs in (store_state_strategy: ${strategy})`, async () => {
        const gateway = await startGateway(settings(), {store_state_strategy: strategy});
        try {
          const browser = new Browser(gateway);
          provider.user = {...provider.user, sub: `${name}-${strategy}`, email: `${name}.${strategy}@example.test`.toLowerCase()};
          const callback = await begin(browser);
          const ends = await arriveAtOnce(gateway, Array(20).fill({callback, jar: browser.jar}));
          assert.equal(ends.filter(({location}) => location === '/done').length, 1, JSON.stringify(ends));
          assert.equal(ends.filter(({location}) => location.endsWith('error=state_mismatch')).length, 19, JSON.stringify(ends));
          assert.equal(ends.filter(({user}) => user).length, 1);
          await browser.close();
          await gateway.stop();
        } finally {
          await gateway.kill();
        }
      });

    test('twenty flows of one new person make one user with one account', async () => {
      const gateway = await startGateway(settings());
      try {
        const arrivals = [];
        provider.user = {...provider.user, sub: `${name}-new`, email: `${name}.new@example.test`.toLowerCase()};
        for (let i = 0; i < 20; ++i) {
          const browser = new Browser(gateway);
          arrivals.push({callback: await begin(browser), jar: browser.jar});
          await browser.close();
        }
        const ends = await arriveAtOnce(gateway, arrivals);
        assert.ok(ends.every(({location}) => location === '/done'), JSON.stringify(ends));
        assert.equal(new Set(ends.map(({user}) => user?.id)).size, 1, JSON.stringify(ends));
        const browser = new Browser(gateway);
        browser.jar = new Map();
        const [last] = await arriveAtOnce(gateway, [{callback: await begin(browser), jar: browser.jar}]);
        assert.equal(last.user.id, ends[0].user.id);
        await browser.close();
        await gateway.stop();
      } finally {
        await gateway.kill();
      }
    });
  });
}

test('on PostgreSQL nothing is there twice afterwards', async () => {
  const psql = postgres.psql();
  try {
    const [twice] = await psql.query('SELECT count(*) FROM (SELECT 1 FROM account GROUP BY "providerId", "accountId" HAVING count(*) > 1) AS pairs');
    assert.equal(twice, '0');
  } finally {
    await psql.close();
  }
});
