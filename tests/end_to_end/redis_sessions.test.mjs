// Sessions with Redis beside the database: two gateways and a Node server share both, and each of the stores fails in each way while
// requests run. A wrong answer is any 401 of a session that lives, and any 200 of one that has ended.
import assert from 'node:assert/strict';
import {once} from 'node:events';
import http from 'node:http';
import {after, afterEach, before, describe, test} from 'node:test';
import {Gateway} from './support/gateway.mjs';
import {NodeAuth} from './support/node_auth.mjs';
import {PostgresServer} from './support/postgres.mjs';
import {RedisServer} from './support/redis.mjs';
import {eventually} from './support/servers.mjs';
import {postJson, signIn, signUp} from './support/session.mjs';
import {kKey} from './support/world.mjs';

let upstream;
before(async () => {
  upstream = http.createServer((request, response) => response.end(request.headers['x-user-id'] ?? 'nobody'));
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
});
after(() => upstream.close());

function start(postgres, redis, {session = {}, database = postgres.url()} = {}) {
  return Gateway.start({
    upstreams: {app: {servers: [`http://127.0.0.1:${upstream.address().port}`], key: kKey}},
    routes: [
      {path: '/private/**', upstream: 'app'},
      {path: '/public/**', upstream: 'app', auth: 'public'},
    ],
    gateway: {database: {url: database}, redis: redis.url(), auth: {session}},
  });
}

async function ask(gateway, user, path = '/private/x') {
  const response = await gateway.request('GET', path, {headers: user ? {Cookie: user.cookie} : {}});
  return {status: response.status, body: response.body.toString(), retryAfter: response.fields.get('retry-after')};
}

async function getSession(gateway, user) {
  const response = await gateway.request('GET', '/api/auth/get-session', {headers: {Cookie: user.cookie}});
  return {status: response.status, body: JSON.parse(response.body)};
}

const signOut = (gateway, user) => postJson(gateway, '/api/auth/sign-out', {}, {Cookie: user.cookie});

const pause = (time) => new Promise((done) => setTimeout(done, time));

// Until the gateway says that it hears of changes and believes Redis, and has heard which epoch the others took.
async function settled(gateway) {
  await eventually('the gateway is settled', async () => {
    const text = (await gateway.internal('/readyz')).body.toString();
    return text.includes('feed: following') && text.includes('redis: ready');
  });
  await pause(300);
}

// Until no gateway moves the epoch on any more: what Redis holds counts only under the one that stands.
async function epochStands(redis) {
  let [epoch, since] = ['', Date.now()];
  await eventually('the epoch stands', () => {
    const now = redis.command('GET', 'gatehouse:epoch');
    if (now !== epoch) [epoch, since] = [now, Date.now()];
    return Date.now() - since > 2_000;
  });
}

// Asks again and again with all the users until stop(); → counts by status, and the answers that were wrong.
function load(gateways, users) {
  let going = true;
  const counts = {};
  const wrong = [];
  const turns = gateways.flatMap((gateway) =>
    users.map(async (user) => {
      while (going) {
        const {status, body, retryAfter} = await ask(gateway, user);
        counts[status] = (counts[status] ?? 0) + 1;
        if (status !== 200 && status !== 503) wrong.push(status);
        if (status === 200 && body !== user.user.id) wrong.push(body);
        if (status === 503 && !retryAfter) wrong.push('503 without Retry-After');
        await new Promise((done) => setTimeout(done, 20));
      }
    }),
  );
  const stop = async () => {
    going = false;
    await Promise.all(turns);
    return {counts, wrong};
  };
  return {counts, stop};
}

describe('sessions in PostgreSQL and Redis', () => {
  let postgres;
  let redis;
  let one;
  let other;
  let user;

  before(async () => {
    [postgres, redis] = await Promise.all([PostgresServer.start(), RedisServer.start()]);
    one = await start(postgres, redis);
    other = await start(postgres, redis);
    await Promise.all([settled(one), settled(other)]);
    user = await signUp(one);
  });
  after(async () => {
    await one?.stop();
    await other?.stop();
    await postgres?.remove();
    await redis?.remove();
  });

  test('Redis has what Better Auth keeps there', async () => {
    const value = JSON.parse(redis.command('GET', user.token));
    assert.equal(value.session.token, user.token);
    assert.equal(value.session.userId, user.user.id);
    assert.deepEqual(value.user, user.user);
    const list = JSON.parse(redis.command('GET', `active-sessions-${user.user.id}`));
    assert.deepEqual(list, [{token: user.token, expiresAt: Date.parse(value.session.expiresAt)}]);
    const left = Number(redis.command('TTL', user.token));
    assert.ok(left > 604_700 && left <= 604_800, `TTL ${left}`);
  });

  test('a session that ends at one gateway has ended at the other, and in Redis', async () => {
    const again = await signIn(one, user);
    assert.equal((await ask(other, again)).status, 200);
    assert.equal((await signOut(one, again)).status, 200);
    await eventually('the other refuses', async () => (await ask(other, again)).status === 401);
    assert.equal(redis.command('GET', again.token), '');
    assert.equal((await ask(other, user)).status, 200);
  });

  test('Redis alone fails: no client notices, and what ended meanwhile stays ended', async (t) => {
    const doomed = await signIn(one, user);
    await ask(one, doomed);
    for (const [name, fail, heal] of [
      ['frozen', () => redis.freeze(), () => redis.thaw()],
      ['killed', () => redis.kill(), () => redis.run()],
      ['stopped in order', () => redis.stop(), () => redis.run()],
    ]) {
      const running = load([one, other], [user]);
      await pause(300);
      await fail();
      const ended = await signIn(one, user);
      await eventually('the new session is accepted', async () => (await ask(other, ended)).status === 200);
      assert.equal((await signOut(one, ended)).status, 200);
      await eventually('it is refused', async () => (await ask(other, ended)).status === 401);
      await pause(1_000);
      await heal();
      await Promise.all([settled(one), settled(other)]);
      await pause(500);
      assert.equal((await ask(one, ended)).status, 401);
      assert.equal((await ask(other, ended)).status, 401);
      const {counts, wrong} = await running.stop();
      t.diagnostic(`redis ${name}: ${JSON.stringify(counts)}, wrong: ${wrong.length}`);
      assert.deepEqual(wrong, []);
      assert.deepEqual(Object.keys(counts), ['200'], `redis ${name}`);
    }
    assert.equal((await ask(one, doomed)).status, 200);
  });

  test('a session that ended while Redis could not be told is gone from Redis when it is back', async () => {
    const ended = await signIn(one, user);
    assert.notEqual(redis.command('GET', ended.token), '');
    redis.freeze();
    assert.equal((await signOut(one, ended)).status, 200);
    await eventually('the other refuses', async () => (await ask(other, ended)).status === 401);
    redis.thaw();
    await eventually('Redis has forgotten it', () => redis.command('GET', ended.token) === '');
    assert.equal((await ask(one, ended)).status, 401);
    await Promise.all([settled(one), settled(other)]);
  });

  for (const [name, fail, heal] of [
    ['killed', () => postgres.kill(), () => postgres.run()],
    ['frozen', () => postgres.freeze(), () => postgres.thaw()],
  ]) {
    test(`PostgreSQL alone is ${name}: sessions that Redis vouches for go on, nothing else is made up`, async (t) => {
      await Promise.all([settled(one), settled(other)]);
      await epochStands(redis);
      const fresh = await signIn(one, user);
      const leaving = await signIn(one, user);
      // Long enough that no cache entry is left that could answer instead of Redis.
      const running = load([one, other], [fresh]);
      await pause(500);
      await fail();
      await pause(4_000);
      t.diagnostic(`while postgres is ${name}: ${JSON.stringify(running.counts)}`);
      assert.deepEqual(running.counts, {200: running.counts[200]}, 'a vouched session was refused');
      for (const gateway of [one, other]) {
        assert.equal((await ask(gateway, fresh)).status, 200);
        assert.equal((await ask(gateway, null, '/public/x')).status, 200);
        assert.equal((await ask(gateway, null)).status, 401);
        assert.equal((await getSession(gateway, fresh)).status, 503);
        // A frozen server may do it when it goes on, so that nobody knows how it ends.
        const refused = await signOut(gateway, leaving);
        assert.equal(refused.status, 503);
        assert.ok(refused.fields.get('retry-after'));
      }
      await heal();
      await Promise.all([settled(one), settled(other)]);
      await eventually('every connection of every thread is back', async () => {
        const answers = await Promise.all(Array.from({length: 20}, (_, index) => ask(index % 2 ? one : other, fresh)));
        return answers.every(({status}) => status === 200);
      });
      assert.equal(running.counts[401] ?? 0, 0, 'a session that lives was called unknown');
      assert.equal((await signOut(one, fresh)).status, 200);
      await eventually('it is refused', async () => (await ask(other, fresh)).status === 401);
      // Of the session that has ended, 401 is right.
      const {counts, wrong} = await running.stop();
      t.diagnostic(`postgres ${name}: ${JSON.stringify(counts)}`);
      assert.deepEqual(wrong.filter((status) => status !== 401), []);
      assert.equal((await getSession(one, user)).body.user.id, user.user.id);
    });
  }

  test('both are gone: 503 with Retry-After, never 401; public routes are served; all is well when they are back', async (t) => {
    await Promise.all([settled(one), settled(other)]);
    const running = load([one, other], [user]);
    await pause(300);
    await Promise.all([redis.kill(), postgres.kill()]);
    await eventually('503', async () => (await ask(one, user)).status === 503);
    await eventually('503', async () => (await ask(other, user)).status === 503);
    assert.ok(Number((await ask(one, user)).retryAfter) > 0);
    assert.equal((await ask(one, null, '/public/x')).status, 200);
    await Promise.all([redis.run(), postgres.run()]);
    await Promise.all([settled(one), settled(other)]);
    await eventually('200', async () => (await ask(one, user)).status === 200);
    await eventually('200', async () => (await ask(other, user)).status === 200);
    const {counts, wrong} = await running.stop();
    t.diagnostic(`both killed: ${JSON.stringify(counts)}`);
    assert.deepEqual(wrong, []);
  });

  test('a gateway starts without its stores and is ready when they are there', async () => {
    await Promise.all([redis.kill(), postgres.kill()]);
    const late = await start(postgres, redis);
    try {
      assert.equal((await ask(late, null, '/public/x')).status, 200);
      assert.equal((await ask(late, user)).status, 503);
      await Promise.all([redis.run(), postgres.run()]);
      await settled(late);
      await eventually('200', async () => (await ask(late, user)).status === 200);
    } finally {
      await late.stop();
    }
  });
});

describe('beside a Node server', () => {
  let postgres;
  let redis;
  let gateway;
  let node;

  afterEach(async () => {
    await node?.close();
    node = undefined;
    await gateway?.stop();
    await postgres?.remove();
    await redis?.remove();
  });

  for (const inDatabase of [true, false]) {
    test(`sessions are the same on both sides, storeSessionInDatabase: ${inDatabase}`, async () => {
      [postgres, redis] = await Promise.all([PostgresServer.start(), RedisServer.start()]);
      gateway = await start(postgres, redis, {session: {store_in_database: inDatabase}});
      await settled(gateway);
      node = new NodeAuth({databaseUrl: postgres.url(), redisPort: redis.port, session: {storeSessionInDatabase: inDatabase}});
      const atGateway = await signUp(gateway);
      const seen = await node.ask('GET', '/get-session', {cookie: atGateway.cookie});
      assert.equal(seen.body.session.token, atGateway.token);
      assert.deepEqual(seen.body.user, atGateway.user);

      const atNode = await node.signIn(atGateway);
      assert.equal((await ask(gateway, atNode)).body, atGateway.user.id);
      const read = await getSession(gateway, atNode);
      assert.equal(read.body.session.token, atNode.token);
      assert.deepEqual(read.body.user, atGateway.user);
      const list = await gateway.request('GET', '/api/auth/list-sessions', {headers: {Cookie: atNode.cookie}});
      assert.deepEqual(JSON.parse(list.body).map(({token}) => token).sort(), [atNode.token, atGateway.token].sort());

      // Signed out at either side: ended on both.
      assert.equal((await signOut(gateway, atNode)).status, 200);
      assert.equal((await node.ask('GET', '/get-session', {cookie: atNode.cookie})).body, null);
      const second = await node.signIn(atGateway);
      assert.equal((await ask(gateway, second)).status, 200);
      assert.equal((await node.ask('POST', '/sign-out', {cookie: second.cookie, body: {}})).status, 200);
      await eventually('the gateway refuses', async () => (await ask(gateway, second)).status === 401, 5_000);
      assert.equal((await getSession(gateway, second)).body, null);

      // All of the user's, at Node; then at the gateway.
      const third = await signIn(gateway, atGateway);
      assert.equal((await ask(gateway, third)).status, 200);
      assert.equal((await node.ask('POST', '/revoke-sessions', {cookie: third.cookie, body: {}})).status, 200);
      await eventually('the gateway refuses', async () => (await ask(gateway, third)).status === 401, 5_000);
      await eventually('the gateway refuses', async () => (await ask(gateway, atGateway)).status === 401, 5_000);
      const fourth = await node.signIn(atGateway);
      assert.equal((await postJson(gateway, '/api/auth/revoke-sessions', {}, {Cookie: fourth.cookie})).status, 200);
      assert.equal((await node.ask('GET', '/get-session', {cookie: fourth.cookie})).body, null);
    });
  }

  test('with sessions in Redis alone, a Redis that fails is 503 and never signs anybody out', async () => {
    [postgres, redis] = await Promise.all([PostgresServer.start(), RedisServer.start()]);
    gateway = await start(postgres, redis, {session: {store_in_database: false}});
    await settled(gateway);
    const user = await signUp(gateway);
    assert.equal((await ask(gateway, user)).status, 200);
    redis.freeze();
    await eventually('503', async () => (await ask(gateway, user)).status === 503);
    assert.equal((await getSession(gateway, user)).status, 503);
    assert.equal((await ask(gateway, null, '/public/x')).status, 200);
    redis.thaw();
    await eventually('200', async () => (await ask(gateway, user)).status === 200);
  });
});
