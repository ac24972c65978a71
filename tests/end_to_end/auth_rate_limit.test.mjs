// The limit of the auth endpoints, wherever requests are counted: a burst never lets more than the limit through, whatever the spelling,
// and a store of counters that is away makes it no wider.
import assert from 'node:assert/strict';
import {after, before, describe, test} from 'node:test';
import {newAddress} from './support/addresses.mjs';
import {Gateway} from './support/gateway.mjs';
import {PostgresServer} from './support/postgres.mjs';
import {RedisServer} from './support/redis.mjs';
import {postJson} from './support/session.mjs';

// Windows that are longer than any machine takes for a burst.
const kRules = {'/ok': {window: '10m', max: 5}, '/list-*': {window: '10m', max: 2}, '/sign-in/*': {window: '10m', max: 3}, '/get-session': false};

function start(settings) {
  const {rate_limit: limit, ...gateway} = settings;
  return Gateway.start({
    upstreams: {},
    routes: [],
    gateway: {trusted_proxies: ['127.0.0.1/32'], ...gateway, auth: {email_and_password: {enabled: true}, rate_limit: {enabled: true, custom_rules: kRules, ...limit}}},
  });
}

const get = (gateway, target, address) => gateway.request('GET', target, {headers: {'X-Forwarded-For': address}, patience: 240_000});
const wrongSignIn = (gateway, address, email = 'nobody@example.test') =>
  postJson(gateway, '/api/auth/sign-in/email', {email, password: 'not the password'}, {'X-Forwarded-For': address});

async function burst(count, ask) {
  const answers = await Promise.all(Array.from({length: count}, (_, index) => ask(index)));
  const statuses = answers.map(({status}) => status);
  return {passed: statuses.filter((status) => status !== 429).length, statuses, answers};
}

const stores = [
  {name: 'memory', settings: async () => ({rate_limit: {storage: 'memory'}})},
  {name: 'SQLite', settings: async () => ({rate_limit: {storage: 'database'}})},
  {
    name: 'PostgreSQL',
    gateways: 2,
    settings: async (own) => {
      own.push(await PostgresServer.start());
      return {database: {url: own[0].url(), migrate: 'at_start'}, rate_limit: {storage: 'database'}};
    },
  },
  {
    name: 'Redis',
    gateways: 2,
    settings: async (own) => {
      own.push(await RedisServer.start());
      return {redis: own[0].url()};
    },
  },
];

for (const {name, gateways: count = 1, settings} of stores) {
  describe(`counted in ${name}`, () => {
    const servers = [];
    const gateways = [];
    before(async () => {
      const made = await settings(servers);
      while (gateways.length < count) gateways.push(await start(made));
    });
    after(async () => {
      for (const gateway of gateways) await gateway.stop();
      for (const server of servers) await server.remove();
    });

    // On a machine that is so busy that the store seems to be away, each gateway counts for itself.
    const expectPassed = (passed, most, statuses) => {
      const away = gateways.filter((gateway) => gateway.stderr.includes('counted by each gateway for itself')).length;
      if (away === 0) assert.equal(passed, most, String(statuses));
      else assert.ok(passed >= most && passed <= most * (1 + away), String(statuses));
    };

    test('of 50 requests at once, spread over all gateways, no more than the limit pass', async () => {
      const address = newAddress();
      const {passed, statuses} = await burst(50, (index) => get(gateways[index % count], '/api/auth/ok', address));
      expectPassed(passed, 5, statuses);
      assert.equal((await get(gateways[0], '/api/auth/ok', newAddress())).status, 200);
    });

    test('of 50 sign-ins at once three are tried, whatever the address in them', async () => {
      const address = newAddress();
      const {passed, statuses} = await burst(50, (index) => wrongSignIn(gateways[index % count], address, `someone+${index}@EXAMPLE.test`));
      expectPassed(passed, 3, statuses);
      const refused = await wrongSignIn(gateways[0], address);
      assert.equal(refused.status, 429);
      assert.equal(refused.body.toString(), '{"message":"Too many requests. Please try again later."}');
      assert.equal(refused.fields.get('content-type'), 'application/json');
      assert.match(refused.fields.get('x-retry-after'), /^([1-9]|[1-9]\d|[1-5]\d\d|600)$/);
      assert.equal(refused.fields.get('retry-after'), refused.fields.get('x-retry-after'));
    });

    test('no spelling of the path is another bucket', async () => {
      const address = newAddress();
      const spellings = ['/api/auth/ok', '/api/auth/ok/', '/api/auth/ok?x=1', '/api/auth/%6fk', '/api//auth/./ok'];
      for (const target of spellings) assert.notEqual((await get(gateways[0], target, address)).status, 429, target);
      for (const target of spellings) assert.equal((await get(gateways[0], target, address)).status, 429, target);
    });
  });
}

describe('counted in PostgreSQL or Redis that goes away', () => {
  for (const [name, make] of [['PostgreSQL', PostgresServer], ['Redis', RedisServer]]) {
    test(`without ${name} each gateway counts for itself, and never less strictly`, async () => {
      const store = await make.start();
      const gateway = await start(name === 'Redis' ? {redis: store.url()} : {database: {url: store.url()}, rate_limit: {storage: 'database'}});
      try {
        assert.equal((await get(gateway, '/api/auth/ok', newAddress())).status, 200);
        await store.kill();
        const address = newAddress();
        const {passed} = await burst(50, () => get(gateway, '/api/auth/ok', address));
        assert.equal(passed, 5);
        const log = gateway.stderr.split('\n').filter((line) => line.includes('counted by each gateway for itself'));
        assert.equal(log.length, 1, gateway.stderr);
        assert.match((await gateway.internal('/metrics')).body.toString(), /^gatehouse_auth_limit_store_up 0$/m);
      } finally {
        await gateway.stop();
        await store.remove();
      }
    });
  }
});

test('a client cannot choose its bucket: only a trusted proxy says its address, and a /64 is one', async () => {
  const gateway = await start({trusted_proxies: []});
  try {
    const spoofed = ['198.51.100.7', '198.51.100.8', '2001:db8::1', '::1', 'x', ''];
    const statuses = [];
    for (const address of spoofed) statuses.push((await get(gateway, '/api/auth/ok', address)).status);
    assert.deepEqual(statuses, [200, 200, 200, 200, 200, 429]);
    await gateway.logged(({status, reason}) => status === 429 && reason === 'limited_auth');
  } finally {
    await gateway.stop();
  }
  const behind = await start({});
  try {
    const network = ['2001:db8:1:2::1', '2001:DB8:1:2:ffff::9', '2001:db8:0001:0002:0:0:0:7', '2001:db8:1:2::4', '2001:db8:1:2::5', '2001:db8:1:2::6'];
    const statuses = [];
    for (const address of network) statuses.push((await get(behind, '/api/auth/ok', address)).status);
    assert.deepEqual(statuses, [200, 200, 200, 200, 200, 429]);
    assert.equal((await get(behind, '/api/auth/ok', '2001:db8:1:3::1')).status, 200);
  } finally {
    await behind.stop();
  }
});

test('it is on where nothing is said of it, and a session that is there goes on', async () => {
  const gateway = await Gateway.start({upstreams: {}, routes: [], gateway: {auth: {rate_limit: undefined}}});
  try {
    const began = Date.now();
    const {passed, statuses, answers} = await burst(6, () => postJson(gateway, '/api/auth/sign-in/email', {email: 'x@example.test', password: 'not the password'}));
    // Three in ten seconds; where the burst itself took longer than that, three more begin.
    if (Date.now() - began < 10_000) assert.equal(passed, 3, String(statuses));
    for (const {fields} of answers.filter(({status}) => status === 429)) assert.match(fields.get('x-retry-after'), /^([1-9]|10)$/);
    assert.equal((await gateway.request('GET', '/api/auth/get-session')).status, 200);
  } finally {
    await gateway.stop();
  }
});
