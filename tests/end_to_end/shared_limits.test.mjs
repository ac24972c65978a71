// Limits of routes where two gateways count in one Redis: a burst over both never gets more than the limit through, and when Redis
// goes away in the middle of one, each of the three answers to that is what it says.
import assert from 'node:assert/strict';
import {after, before, describe, test} from 'node:test';
import {newAddress} from './support/addresses.mjs';
import {Gateway} from './support/gateway.mjs';
import {RedisServer} from './support/redis.mjs';
import {eventually} from './support/servers.mjs';
import {SlowLink} from './support/slow_link.mjs';
import {Upstream} from './support/upstream.mjs';
import {kKey} from './support/world.mjs';

const kLimit = 20;
let upstream;

before(async () => (upstream = await Upstream.start()));
after(() => upstream?.stop());

// A window so long that nothing comes back while a test runs.
const limited = (path, more = {}) => ({path, upstream: 'app', auth: 'public', rate_limit: {limit: kLimit, window: '10h', by: 'ip', ...more}});

async function start(redisUrl) {
  const gateway = await Gateway.start({
    upstreams: {app: {servers: [upstream.url], key: kKey}},
    routes: [
      ...['local', 'deny', 'allow'].flatMap((policy) => [
        limited(`/${policy}/**`, {on_store_error: policy}),
        limited(`/many/${policy}`, {on_store_error: policy, limit: 100}),
      ]),
      limited('/both/**', {by: ['route', 'ip'], limit: 30}),
      {path: '/free/**', upstream: 'app', auth: 'public', rate_limit: 'off'},
    ],
    gateway: {redis: redisUrl, trusted_proxies: ['127.0.0.1/32'], auth: {rate_limit: {enabled: true, custom_rules: {'/ok': {window: '60s', max: 5}}}}},
  });
  await eventually('every thread is connected to Redis', async () => (await metric(gateway, 'gatehouse_redis_up')) === 1);
  return gateway;
}

async function metric(gateway, name) {
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec((await gateway.internal('/metrics')).body.toString())?.[1]);
}

const get = (gateway, target, address) => gateway.request('GET', target, {headers: {'X-Forwarded-For': address}, patience: 240_000});

// In turn at each gateway, so many at once. `during(answered)` is told how many have been answered so far.
async function burst(gateways, count, target, address, {atOnce = count, during = () => {}} = {}) {
  const responses = [];
  let asked = 0;
  const askOn = async () => {
    while (asked < count) {
      responses.push(await get(gateways[asked++ % gateways.length], target, address));
      during(responses.length);
    }
  };
  await Promise.all(Array.from({length: atOnce}, askOn));
  const of = (status) => responses.filter((response) => response.status === status);
  return {served: of(200).length, limited: of(429).length, unavailable: of(503).length, others: responses.filter(({status}) => ![200, 429, 503].includes(status)).length, responses};
}

const linesOf = (gateway, text) => gateway.stderr.split('\n').filter((line) => line.includes(text)).length;
const timesLost = (gateway) => linesOf(gateway, 'requests of routes are not counted in redis');
const timesFound = (gateway) => linesOf(gateway, 'requests of routes are counted in redis again');

async function countsAgain(gateway) {
  let seen;
  try {
    await eventually('Redis counts again', async () => {
      const {status} = await get(gateway, '/deny/x', newAddress());
      seen = `status ${status}, limit_store_up ${await metric(gateway, 'gatehouse_limit_store_up')}, circuits open ${await metric(gateway, 'gatehouse_redis_circuits_open')}`;
      return seen === 'status 200, limit_store_up 1, circuits open 0';
    });
  } catch (error) {
    throw new Error(`${error.message}; at last ${seen}\n${gateway.stderr.split('\n').slice(-20).join('\n')}`);
  }
}

describe('two gateways and one Redis', () => {
  let redis;
  const gateways = [];
  before(async () => {
    redis = await RedisServer.start();
    gateways.push(await start(redis.url()), await start(redis.url()));
  });
  after(async () => {
    for (const gateway of gateways) await gateway.stop();
    await redis?.remove();
  });

  // On a machine that is so busy that Redis seems to be away, a gateway goes by what it has counted itself.
  const most = (limit) => limit * (1 + gateways.filter((gateway) => timesLost(gateway) > 0).length);

  test('of 200 requests at once, spread over both, no more than the limit are served', async () => {
    const mark = upstream.mark();
    const {served, limited: refused} = await burst(gateways, 200, '/local/x', newAddress());
    assert.ok(served >= kLimit && served <= most(kLimit), `${served} were served`);
    assert.equal(refused, 200 - served);
    assert.equal(mark.requests().length, served);
  });

  test('of several keys all must pass, on whichever gateway they were used up', async () => {
    const {served: first} = await burst(gateways, 20, '/both/x', newAddress());
    assert.equal(first, 20);
    const {served: second} = await burst(gateways, 100, '/both/x', newAddress());
    assert.ok(first + second >= 30 && first + second <= most(30), `${first} and ${second} were served`);
  });

  test('an answer says what is left, counted over both', async () => {
    const address = newAddress();
    const left = [];
    for (let index = 0; index < 4; ++index) {
      const response = await get(gateways[index % 2], '/local/x', address);
      assert.equal(response.status, 200);
      assert.equal(response.fields.get('ratelimit-policy'), `"ip";q=${kLimit};w=36000`);
      left.push(Number(/^"ip";r=(\d+);t=\d+$/.exec(response.fields.get('ratelimit'))[1]));
    }
    if (most(1) === 1) assert.deepEqual(left, [19, 18, 17, 16]);
    const free = await get(gateways[0], '/free/x', address);
    assert.equal(free.status, 200);
    assert.equal(free.fields.get('ratelimit'), undefined);
  });

  test('Redis keeps each key for no longer than its bucket is not empty, and nothing in clear', async () => {
    const address = newAddress();
    assert.equal((await get(gateways[0], '/local/x', address)).status, 200);
    const keys = redis.command('KEYS', '*').split('\n');
    assert.ok(!keys.some((key) => key.includes('198.18.') || key.includes('/local')), keys.join(' '));
    const buckets = keys.filter((key) => key.startsWith('gatehouse:limit:'));
    assert.ok(buckets.length >= 3, keys.join(' '));
    for (const key of buckets) {
      const life = Number(redis.command('TTL', key));
      assert.ok(life > 0 && life <= 36_000, `${key} lives for ${life} s`);
    }
  });

  test('a flood from one address asks Redis a few times, and a route without a limit never', async () => {
    const address = newAddress();
    await burst(gateways, 60, '/local/x', address);
    const calls = async () => (await metric(gateways[0], 'gatehouse_redis_calls_total')) + (await metric(gateways[1], 'gatehouse_redis_calls_total'));
    // Only what follows the change feed asks in between, a few times a second.
    const beforeFlood = await calls();
    const {served} = await burst(gateways, 500, '/local/x', address, {atOnce: 50});
    assert.equal(served, 0);
    assert.ok((await calls()) - beforeFlood < 250, `${(await calls()) - beforeFlood} calls`);
  });
});

describe('Redis is killed in the middle of a burst', () => {
  const kMany = 100;
  const kAsked = 400;
  const cases = {
    local: {
      during: ({served, unavailable}) => {
        assert.ok(served >= kMany && served <= 2 * kMany, `${served} were served`);
        assert.equal(unavailable, 0);
      },
      afterwards: ({served, limited: refused}) => assert.deepEqual([served, refused], [2 * kLimit, 100 - 2 * kLimit]),
    },
    deny: {
      during: ({served, unavailable}) => {
        assert.ok(served <= kMany, `${served} were served`);
        assert.ok(unavailable > 0);
      },
      afterwards: ({served, unavailable, responses}) => {
        assert.equal(served, 0);
        assert.ok(unavailable > 0);
        for (const response of responses.filter(({status}) => status === 503)) assert.match(response.fields.get('retry-after'), /^[1-9]\d*$/);
      },
    },
    allow: {
      during: ({served, unavailable}) => {
        assert.ok(served > 2 * kMany, `${served} were served`);
        assert.equal(unavailable, 0);
      },
      afterwards: ({served}) => assert.equal(served, 100),
    },
  };
  for (const [policy, {during, afterwards}] of Object.entries(cases)) {
    test(`on_store_error: ${policy}`, async () => {
      const redis = await RedisServer.start();
      const gateways = [];
      try {
        gateways.push(await start(redis.url()), await start(redis.url()));
        let killed;
        const outcome = await burst(gateways, kAsked, `/many/${policy}`, newAddress(), {
          atOnce: 16,
          during: (answered) => {
            if (answered === 30) killed = redis.kill();
          },
        });
        await killed;
        assert.equal(outcome.others, 0);
        during(outcome);

        for (const gateway of gateways) {
          await eventually('the loss is noticed', async () => {
            await get(gateway, `/${policy}/x`, newAddress());
            return (await metric(gateway, 'gatehouse_limit_store_up')) === 0;
          });
        }
        afterwards(await burst(gateways, 100, `/${policy}/x`, newAddress()));
        // Attempts at the auth endpoints are limited whatever is said of routes.
        assert.equal((await burst([gateways[0]], 50, '/api/auth/ok', newAddress())).served, 5);
        for (const gateway of gateways) assert.equal(timesLost(gateway) - timesFound(gateway), 1, gateway.stderr);

        await redis.run();
        for (const gateway of gateways) await countsAgain(gateway);
        const counted = await burst(gateways, 100, `/${policy}/x`, newAddress());
        if (gateways.every((gateway) => timesLost(gateway) === 1)) assert.equal(counted.served, kLimit);
      } finally {
        for (const gateway of gateways) await gateway.stop();
        await redis.remove();
      }
    });
  }
});

describe('Redis is there, but does not answer in time', () => {
  const ways = {
    frozen: {
      begin: ({redis}) => redis.freeze(),
      end: ({redis}) => redis.thaw(),
    },
    slow: {
      begin: ({link}) => link.slow(400),
      end: ({link}) => link.heal(),
    },
  };
  for (const [name, {begin, end}] of Object.entries(ways)) {
    test(`${name}: each gateway counts for itself, and sign-in is never without a limit`, async () => {
      const redis = await RedisServer.start();
      const link = await SlowLink.start(redis.port);
      const gateway = await start(`redis://127.0.0.1:${link.port}/0`);
      try {
        begin({redis, link});
        const {served, limited: refused} = await burst([gateway], 100, '/local/x', newAddress());
        assert.deepEqual([served, refused], [kLimit, 100 - kLimit]);
        assert.equal((await burst([gateway], 50, '/allow/x', newAddress())).served, 50);
        assert.equal((await burst([gateway], 50, '/deny/x', newAddress())).served, 0);
        assert.equal((await burst([gateway], 50, '/api/auth/ok', newAddress())).served, 5);
        assert.equal(await metric(gateway, 'gatehouse_limit_store_up'), 0);
        end({redis, link});
        await countsAgain(gateway);
      } finally {
        end({redis, link});
        await gateway.stop();
        link.close();
        await redis.remove();
      }
    });
  }
});
