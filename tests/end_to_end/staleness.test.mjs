// Two gateways on one PostgreSQL: what anybody changes counts at each of them within session.staleness_max, whoever makes the change and
// whatever happens to the store. Open WebSockets end with their session, and with nothing less.
import assert from 'node:assert/strict';
import {once} from 'node:events';
import http from 'node:http';
import {after, before, beforeEach, describe, test} from 'node:test';
import {WebSocket, WebSocketServer} from 'ws';
import {Gateway, isSanitized, kOrigin} from './support/gateway.mjs';
import {PostgresServer} from './support/postgres.mjs';
import {eventually} from './support/servers.mjs';
import {postJson, signIn, signUp} from './support/session.mjs';
import {kKey} from './support/world.mjs';

// The bound, and what a loaded machine adds.
const kBound = 1_000;
const kSlack = isSanitized() ? 10_000 : 1_000;

let upstream;
let sockets;

before(async () => {
  upstream = http.createServer((request, response) => response.end(request.headers['x-user-name'] ?? 'nobody'));
  sockets = new WebSocketServer({server: upstream});
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data)).on('error', () => {}));
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
});
after(() => {
  for (const socket of sockets.clients) socket.terminate();
  upstream.close();
});

function start(database, session = {}) {
  return Gateway.start({
    upstreams: {app: {servers: [`http://127.0.0.1:${upstream.address().port}`], key: kKey}},
    routes: [
      {path: '/private/**', upstream: 'app'},
      {path: '/public/**', upstream: 'app', auth: 'public'},
    ],
    gateway: {...(database ? {database: {url: database}} : {}), auth: {session, user: {delete_user: {enabled: true}}}},
  });
}

async function readyText(gateway) {
  return (await gateway.internal('/readyz')).body.toString();
}

function follows(gateway, state = 'following') {
  return eventually(`the feed is ${state}`, async () => (await readyText(gateway)).includes(`feed: ${state}\n`));
}

async function ask(gateway, user) {
  const response = await gateway.request('GET', '/private/x', {headers: {Cookie: user.cookie}});
  return {status: response.status, name: decodeURIComponent(response.body.toString()), retryAfter: response.fields.get('retry-after')};
}

async function metric(gateway, name) {
  const text = (await gateway.internal('/metrics')).body.toString();
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length + 1));
}

// An open WebSocket of the user's; `closed` is a promise of the time when it ended.
async function openSocket(gateway, user) {
  const socket = new WebSocket(`wss://gateway.test:${gateway.ports.https}/private/live`, {
    ...gateway.tlsOptions(), origin: kOrigin,
    lookup: (_, wanted, done) => (wanted.all ? done(null, [{address: '127.0.0.1', family: 4}]) : done(null, '127.0.0.1', 4)),
    headers: {Cookie: user.cookie, Host: 'gateway.test'},
  });
  socket.on('error', () => {});
  await once(socket, 'open');
  const closed = once(socket, 'close').then(() => Date.now());
  return {socket, closed};
}

async function echoes(socket) {
  if (socket.readyState !== WebSocket.OPEN) return false;
  socket.send('are you there');
  await once(socket, 'message');
  return true;
}

// `change` ends the session: the gateway, which had it cached and serves a WebSocket of it, refuses and closes.
async function expectEnd(gateway, user, change, bound = kBound) {
  assert.equal((await ask(gateway, user)).status, 200);
  const {socket, closed} = await openSocket(gateway, user);
  await change();
  const committed = Date.now();
  let accepted = committed; // when the last request was sent that was still let through
  const seen = [];
  await eventually('the session is refused', async () => {
    const sent = Date.now();
    const {status} = await ask(gateway, user);
    if (status === 200) accepted = sent;
    seen.push(`${status} ${sent - committed}-${Date.now() - committed}`);
    return status === 401;
  });
  assert.ok(accepted - committed < bound + kSlack, `accepted after the commit, with times in ms: ${seen.join(', ')}`);
  const ended = await Promise.race([closed, new Promise((_, no) => setTimeout(no, 30_000, new Error('the WebSocket stayed open')).unref())]);
  assert.ok(ended - committed < bound + kSlack, `closed ${ended - committed} ms after the commit`);
  assert.equal(socket.readyState, WebSocket.CLOSED);
}

describe('two gateways', () => {
  let postgres;
  let psql;
  let one;
  let other;
  let user;

  before(async () => {
    postgres = await PostgresServer.start();
    psql = postgres.psql();
    [one, other] = await Promise.all([start(postgres.url()), start(postgres.url())]);
  });
  after(async () => {
    await psql?.close();
    await one?.stop();
    await other?.stop();
    await postgres?.remove();
  });
  beforeEach(async () => {
    await Promise.all([follows(one), follows(other)]);
    user = await signUp(one);
  });

  test('signing out at one of them', async () => {
    await expectEnd(other, user, () => postJson(one, '/api/auth/sign-out', {}, {Cookie: user.cookie}));
  });

  test('revoking from another session at the other gateway', async () => {
    const second = await signIn(one, user);
    await expectEnd(other, user, () => postJson(one, '/api/auth/revoke-other-sessions', {}, {Cookie: second.cookie}));
    assert.equal((await ask(other, second)).status, 200);
  });

  test('a row that psql deletes', async () => {
    await expectEnd(other, user, () => psql.query(`DELETE FROM "session" WHERE "token" = '${user.token}'`));
  });

  test('a session that psql lets expire', async () => {
    await expectEnd(other, user, () => psql.query(`UPDATE "session" SET "expiresAt" = now() WHERE "token" = '${user.token}'`));
  });

  test('a session that psql lets expire sooner than was known', async () => {
    // Nobody uses it, so nobody renews it.
    const {socket, closed} = await openSocket(other, user);
    await psql.query(`UPDATE "session" SET "expiresAt" = now() + interval '2 s' WHERE "token" = '${user.token}'`);
    assert.ok(await echoes(socket));
    await closed;
  });

  test('a deleted user', async () => {
    await expectEnd(other, user, () => psql.query(`DELETE FROM "user" WHERE "id" = '${user.user.id}'`));
  });

  test('a user who deletes themselves at one of them', async () => {
    const second = await signIn(one, user);
    await expectEnd(other, second, async () => {
      const answer = await postJson(one, '/api/auth/delete-user', {password: user.password}, {Cookie: user.cookie});
      assert.equal(answer.body.toString(), '{"success":true,"message":"User deleted"}');
      assert.equal((await ask(one, second)).status, 401);
    });
    for (const table of ['user', 'session', 'account'])
      assert.deepEqual(await psql.query(`SELECT count(*) FROM "${table}" WHERE "${table === 'user' ? 'id' : 'userId'}" = '${user.user.id}'`), ['0']);
  });

  test('a user who changes their name at one of them, where it counts at once', async () => {
    assert.equal((await ask(one, user)).name, 'Ada Lovelace');
    assert.equal((await ask(other, user)).name, 'Ada Lovelace');
    const answer = await postJson(one, '/api/auth/update-user', {name: 'Ada Byron'}, {Cookie: user.cookie});
    assert.equal(answer.status, 200);
    const committed = Date.now();
    assert.equal((await ask(one, user)).name, 'Ada Byron');
    await eventually('the new name', async () => (await ask(other, user)).name === 'Ada Byron');
    assert.ok(Date.now() - committed < kBound + kSlack);
  });

  test('all sessions truncated', async () => {
    await expectEnd(other, user, () => psql.query('TRUNCATE "session"'));
  });

  test('a changed user counts, and closes nothing; nor does a renewal', async () => {
    const {socket} = await openSocket(other, user);
    assert.equal((await ask(other, user)).name, 'Ada Lovelace');
    await psql.query(`UPDATE "user" SET "name" = 'Ada Byron' WHERE "id" = '${user.user.id}'`);
    const committed = Date.now();
    await eventually('the new name', async () => (await ask(other, user)).name === 'Ada Byron');
    assert.ok(Date.now() - committed < kBound + kSlack);
    const known = await metric(other, 'gatehouse_feed_changes_total{kind="user_changed"}');
    await psql.query(`UPDATE "session" SET "expiresAt" = "expiresAt" + interval '1 day' WHERE "token" = '${user.token}'`);
    await eventually('the renewal is told', async () => (await metric(other, 'gatehouse_feed_changes_total{kind="user_changed"}')) > known);
    assert.ok(await echoes(socket));
    socket.close();
  });

  test('the feed’s connection is ended from outside: what happened meanwhile counts when it is back', async () => {
    const second = await signIn(one, user);
    const {socket} = await openSocket(other, second);
    // Without triggers, as if nobody had listened.
    await expectEnd(other, user, async () => {
      await psql.query(`SET session_replication_role = replica; DELETE FROM "session" WHERE "token" = '${user.token}'; RESET session_replication_role`);
      const ended = await psql.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gatehouse feed'`);
      assert.deepEqual(ended, ['t', 't']);
    });
    await follows(other);
    assert.equal((await ask(other, second)).status, 200);
    assert.ok(await echoes(socket));
    socket.close();
  });

  test('PostgreSQL stands still: 503 within the bound, never 401, and all is well afterwards', async () => {
    const {socket} = await openSocket(other, user);
    await ask(other, user);
    const seen = new Set();
    postgres.freeze();
    const frozen = Date.now();
    await eventually('503', async () => {
      const {status, retryAfter} = await ask(other, user);
      seen.add(status);
      if (status === 503) assert.ok(Number(retryAfter) > 0);
      if (status === 200) assert.ok(Date.now() - frozen < kBound + kSlack, 'an entry was believed too long');
      return status === 503;
    });
    for (let i = 0; i < 5; ++i) assert.equal((await ask(other, user)).status, 503);
    assert.equal((await other.request('GET', '/public/x')).status, 200);
    await eventually('/readyz says so', async () => /^not ready\ndatabase: not ready\nfeed: (late|connecting)\n$/.test(await readyText(other)));
    assert.equal(await metric(other, 'gatehouse_feed_connected'), 0);
    assert.ok((await metric(other, 'gatehouse_feed_heartbeat_age_seconds')) > 1);
    assert.ok(await echoes(socket));
    postgres.thaw();
    await follows(other);
    await eventually('200', async () => {
      const {status} = await ask(other, user);
      seen.add(status);
      return status === 200;
    });
    assert.deepEqual([...seen].sort(), [200, 503]);
    assert.ok(await echoes(socket));
    await expectEnd(other, user, () => psql.query(`DELETE FROM "session" WHERE "token" = '${user.token}'`));
    socket.close();
  });

  test('PostgreSQL crashes and comes back while a session is revoked', async () => {
    await psql.close();
    await ask(other, user);
    const {closed} = await openSocket(other, user);
    await postgres.kill();
    await eventually('503', async () => (await ask(other, user)).status === 503);
    await postgres.run();
    psql = postgres.psql();
    await psql.query(`SET session_replication_role = replica; DELETE FROM "session" WHERE "token" = '${user.token}'; RESET session_replication_role`);
    const statuses = new Set();
    await eventually('401', async () => {
      const {status} = await ask(other, user);
      statuses.add(status);
      return status === 401;
    });
    assert.ok(!statuses.has(200), 'a revoked session was accepted');
    await closed;
  });

  test('the log tells each change of state once', async () => {
    const lines = other.stderr.split('\n').filter((line) => line.includes('change feed'));
    for (let i = 1; i < lines.length; ++i) {
      const kind = (line) => /does not follow|hears no|follows/.exec(line)[0] + (/lacks triggers/.exec(line)?.[0] ?? '');
      assert.notEqual(kind(lines[i]), kind(lines[i - 1]), `${lines[i - 1]}\n${lines[i]}`);
    }
    assert.ok(lines.length >= 2);
    assert.ok(!other.stderr.includes('unexpected error'));
  });
});

test('without triggers a session is believed for staleness_max after a read, and live ones are looked up', async () => {
  const postgres = await PostgresServer.start();
  const psql = postgres.psql();
  const gateway = await start(postgres.url());
  try {
    await follows(gateway);
    await psql.query('SET client_min_messages = warning');
    await psql.query('DROP FUNCTION gatehouse_tell_changes() CASCADE');
    await follows(gateway, 'no triggers');
    assert.match(await readyText(gateway), /^ready\ndatabase: ready\nfeed: no triggers\n$/);
    assert.match(gateway.stderr, /gatehouse migrate/);
    const user = await signUp(gateway);
    await expectEnd(gateway, user, () => psql.query(`DELETE FROM "session" WHERE "token" = '${user.token}'`), 7_000);
  } finally {
    await psql.close();
    await gateway.stop();
    await postgres.remove();
  }
});

test('a gateway starts before its database, and with serve_cached_on_outage goes on through an outage', async () => {
  const postgres = await PostgresServer.start();
  await postgres.stop();
  const gateway = await start(postgres.url(), {serve_cached_on_outage: '1m'});
  try {
    assert.equal((await gateway.request('GET', '/public/x')).status, 200);
    assert.match(await readyText(gateway), /^not ready\ndatabase: not ready\nfeed: connecting\n$/);
    await postgres.run();
    await follows(gateway);
    await eventually('ready', async () => (await gateway.internal('/readyz')).status === 200);
    const user = await signUp(gateway);
    assert.equal((await ask(gateway, user)).status, 200);
    await postgres.stop();
    await follows(gateway, 'connecting');
    for (let i = 0; i < 5; ++i) assert.equal((await ask(gateway, user)).status, 200);
    assert.equal((await ask(gateway, {cookie: user.cookie.replace(/=.{8}/, '=AAAAAAAA')})).status, 401);
    assert.equal((await postJson(gateway, '/api/auth/sign-out', {}, {Cookie: user.cookie})).status, 503);
  } finally {
    await gateway.stop();
    await postgres.remove();
  }
});

test('two gateways of one SQLite file: what one writes, the other goes by', async () => {
  const one = await start(undefined);
  const other = await start(one.configuration.gateway.database.url);
  try {
    await Promise.all([follows(one), follows(other)]);
    const user = await signUp(one);
    await expectEnd(other, user, () => postJson(one, '/api/auth/sign-out', {}, {Cookie: user.cookie}));
  } finally {
    await other.stop();
    await one.stop();
  }
});
