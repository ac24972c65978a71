// Databases that releases of Better Auth made (better_auth_databases/, see derive.mjs there) are taken over with nobody signed out, a
// Node server of the newest release goes on working beside the gateway and after it, and what cannot be served is refused.
import assert from 'node:assert/strict';
import {createHmac} from 'node:crypto';
import {readFileSync} from 'node:fs';
import {after, before, test} from 'node:test';
import {betterAuth} from 'better-auth';
import {getMigrations} from 'better-auth/db/migration';
import pg from 'pg';
import {Gateway, kOrigin, runCommand} from './support/gateway.mjs';
import {PostgresServer} from './support/postgres.mjs';
import {postJson, signIn, signUp} from './support/session.mjs';
import {World} from './support/world.mjs';

const kRoutes = {routes: [{path: '/**', upstream: 'web'}], upstreams: {web: {servers: ['http://127.0.0.1:1'], key: 'k'.repeat(40)}}};
const kSecret = 'a-secret-for-tests-only-0123456789-abcdefghijklmnop';
const kPassword = 'correct horse battery';

let server;
before(async () => (server = await PostgresServer.start()));
after(() => server?.remove());

// Runs SQL in a database; → the rows of the last statement.
async function query(name, sql, values) {
  const client = new pg.Client({connectionString: server.url(name)});
  await client.connect();
  try {
    const result = await client.query(sql, values);
    return (Array.isArray(result) ? result.at(-1) : result).rows;
  } finally {
    await client.end();
  }
}

async function createDatabase(name, sql) {
  await query('postgres', `CREATE DATABASE "${name}"`);
  if (sql) await query(name, sql);
  return server.url(name);
}

const derived = (file) => readFileSync(new URL(`better_auth_databases/${file}.sql`, import.meta.url), 'utf8');

// The rows were written on another day.
const kFresh = `UPDATE "session" SET "expiresAt" = now() + interval '7 days', "createdAt" = now(), "updatedAt" = now()`;
const kCounted = ['user', 'session', 'account']
  .map((table) => `SELECT setval(pg_get_serial_sequence('"${table}"', 'id'), (SELECT max("id") FROM "${table}"))`)
  .join(';');

// `bytes`: of a token that is no text, percent-encoded.
function sessionCookie(token, bytes = encodeURIComponent(token)) {
  const signature = createHmac('sha256', kSecret).update(token).digest('base64');
  return `__Secure-better-auth.session_token=${bytes}.${encodeURIComponent(signature)}`;
}

function nodeServer(url, kind) {
  const pool = new pg.Pool({connectionString: url});
  const options = {
    baseURL: kOrigin,
    secret: kSecret,
    database: pool,
    emailAndPassword: {enabled: true},
    advanced: kind === 'text' ? {} : {database: {generateId: kind}},
    logger: {level: 'error'},
  };
  return {options, auth: betterAuth(options), close: () => pool.end()};
}

const asNode = (cookie) => ({headers: new Headers({cookie, origin: kOrigin})});

const kDatabases = [
  ['1.4', 'text'],
  ['1.5', 'text'],
  ['1.6', 'text'],
  ['1.7.0', 'text'],
  ['1.7', 'text'],
  ['1.7_uuid', 'uuid'],
  ['1.4_serial', 'serial'],
];

for (const [file, kind] of kDatabases) {
  test(`a database of Better Auth ${file} goes over to the gateway and back, with everybody signed in`, async () => {
    const name = `adopted_${file}`;
    const url = await createDatabase(name, `${derived(file)};${kFresh};${kind === 'serial' ? kCounted : ''}`);
    const [before] = await query(name, 'SELECT "id", "token", "userId" FROM "session"');
    const world = await World.start({gateway: {database: {url}}});
    try {
      const {gateway} = world;
      const ann = {cookie: sessionCookie(before.token)};
      const identity = await gateway.request('GET', '/api/auth/get-session', {headers: [['Cookie', ann.cookie]]});
      assert.equal(JSON.parse(identity.body).user.id, String(before.userId), 'the session that Node made');
      assert.equal((await world.ask('GET', '/private/report', {as: ann})).response.status, 200);
      const again = await signIn(gateway, {email: 'ann@example.test', password: kPassword});
      assert.equal(again.user.id, String(before.userId));
      const bob = await signUp(gateway, {name: 'Bob', email: 'bob@example.test', password: kPassword});
      assert.match(bob.user.id, {text: /^[A-Za-z0-9]{32}$/, uuid: /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/, serial: /^2$/}[kind]);
      assert.equal((await world.askOnce('GET', '/private/report', {as: bob})).request.fields.get('x-user-id'), bob.user.id);
      const accounts = await query(name, 'SELECT "issuer", "accountId" = "userId"::text AS own FROM "account"');
      assert.deepEqual(accounts, [{issuer: 'local:credential', own: true}, {issuer: 'local:credential', own: true}]);
      if (file !== '1.7.0') await takeBack({url, kind, gateway, ann, bob});
    } finally {
      await world.stop();
    }
    assert.deepEqual(await query(name, 'SELECT "id", "token", "userId" FROM "session" WHERE "token" = $1', [before.token]), [before]);
  });
}

// What a Node server of the newest release sees of the gateway's rows, and the gateway of its.
async function takeBack({url, kind, gateway, ann, bob}) {
  const node = nodeServer(url, kind);
  try {
    const {toBeCreated, toBeAdded} = await getMigrations(node.options);
    assert.deepEqual([toBeCreated, toBeAdded], [[], []], "Better Auth's own migration finds nothing to do");
    assert.equal((await node.auth.api.getSession(asNode(bob.cookie))).user.email, 'bob@example.test');
    assert.equal((await node.auth.api.getSession(asNode(ann.cookie))).user.email, 'ann@example.test');
    const signedIn = await node.auth.api.signInEmail({body: {email: 'bob@example.test', password: kPassword}});
    assert.equal(String(signedIn.user.id), bob.user.id);
    const cid = await node.auth.api.signUpEmail({body: {name: 'Cid', email: 'cid@example.test', password: kPassword}});
    const seen = await gateway.request('GET', '/api/auth/get-session', {headers: [['Cookie', sessionCookie(cid.token)]]});
    assert.equal(JSON.parse(seen.body).user.email, 'cid@example.test');
    assert.equal((await signIn(gateway, {email: 'cid@example.test', password: kPassword})).user.id, String(cid.user.id));
    await gateway.request('POST', '/api/auth/sign-out', {headers: [['Cookie', bob.cookie], ['Origin', kOrigin]]});
    assert.equal(await node.auth.api.getSession(asNode(bob.cookie)), null);
  } finally {
    await node.close();
  }
}

test('where the database counts ids, the answer to a taken address has one like any other', async () => {
  const url = await createDatabase('counted', `${derived('1.4_serial')};${kCounted}`);
  const gateway = await Gateway.start({...kRoutes, gateway: {database: {url}, auth: {email_and_password: {enabled: true, auto_sign_in: false}}}});
  try {
    const ids = [];
    for (const email of ['new@example.test', 'ann@example.test', 'later@example.test']) {
      const answer = await postJson(gateway, '/api/auth/sign-up/email', {name: 'N', email, password: kPassword});
      assert.equal(answer.status, 200);
      ids.push(JSON.parse(answer.body).user.id);
    }
    assert.deepEqual(ids, ['2', '3', '4']);
  } finally {
    await gateway.stop();
  }
});

test('text that no database holds is no error of the server', async () => {
  const url = await createDatabase('hostile');
  const world = await World.start({gateway: {database: {url}}});
  try {
    const {gateway} = world;
    const eve = await signUp(gateway);
    const bad = await postJson(gateway, '/api/auth/sign-up/email', {name: 'a\u0000b', email: 'nul@example.test', password: kPassword});
    assert.equal(bad.status, 422);
    assert.equal(JSON.parse(bad.body).code, 'FAILED_TO_CREATE_USER');
    const revoke = await postJson(gateway, '/api/auth/revoke-session', {token: 'a\u0000b'}, {Cookie: eve.cookie});
    assert.deepEqual([revoke.status, revoke.body.toString()], [200, '{"status":true}']);
    for (const cookie of [sessionCookie('a\u0000b'), sessionCookie(Buffer.from([0xff, 0xfe]), '%FF%FE')]) {
      assert.equal((await world.ask('GET', '/private/report', {headers: [['Cookie', cookie]]})).response.status, 401);
      assert.equal((await gateway.request('GET', '/api/auth/get-session', {headers: [['Cookie', cookie]]})).body.toString(), 'null');
    }
  } finally {
    await world.stop();
  }
});

function migrate(gateway, ...args) {
  return runCommand(['migrate', '--config', gateway.file, ...args]);
}

test('`migrate: refuse` starts on a current schema only, and says what makes it so', async () => {
  const url = await createDatabase('refused', derived('1.6'));
  const settings = {...kRoutes, gateway: {database: {url, migrate: 'refuse'}}};
  await assert.rejects(Gateway.start(settings), /core\/0001_core, core\/0002_change_feed, core\/0003_account_issuer, audit\/0001_audit to apply\); run `gatehouse migrate`/);
  const files = new Gateway(settings);
  const left = await migrate(files, '--status');
  assert.equal(left.code, 2);
  assert.match(left.stdout, /core\/0003_account_issuer +to apply\naudit\/0001_audit +to apply\n4 to apply\n$/);
  const plan = await migrate(files, '--dry-run');
  assert.match(plan.stdout, /ALTER TABLE "account" ADD COLUMN "issuer" text;/);
  assert.doesNotMatch(plan.stdout, /CREATE TABLE (?!IF NOT EXISTS "gatehouse_audit")|ADD COLUMN "image"/);
  assert.deepEqual(await query('refused', `SELECT 1 FROM pg_class WHERE relname LIKE 'gatehouse%'`), []);
  const done = await migrate(files);
  assert.equal(done.code, 0, done.stderr);
  assert.match(done.stdout, /applied core\/0003_account_issuer\n {2}added the column account.issuer\n {2}changed 1 row: UPDATE "account"/);
  assert.equal((await migrate(files, 'status')).code, 0);
  const gateway = await Gateway.start(settings);
  await gateway.stop();
  await files.kill();
});

test('gateways that start at once on an empty database all serve', async () => {
  const url = await createDatabase('crowd');
  const settings = {...kRoutes, gateway: {database: {url: `${url}?options=-c search_path=auth`}}};
  const gateways = await Promise.all(Array.from({length: 4}, () => Gateway.start(settings)));
  try {
    assert.equal((await Promise.all(gateways.map((gateway) => gateway.internal('/readyz')))).every((answer) => answer.status === 200), true);
    const told = gateways.flatMap((gateway) => gateway.stderr.split('\n').filter((line) => line.includes('migration applied')));
    assert.equal(told.length, 4, told.join('\n'));
    assert.deepEqual(await query('crowd', `SELECT DISTINCT schemaname FROM pg_tables WHERE tablename IN ('user', 'session')`), [{schemaname: 'auth'}]);
  } finally {
    await Promise.all(gateways.map((gateway) => gateway.stop()));
  }
});

test('a missing index on session.token is told at the start, with the statement that makes it', async () => {
  const url = await createDatabase('slow', derived('1.5').replace('"token" text not null unique', '"token" text not null'));
  const gateway = await Gateway.start({...kRoutes, gateway: {database: {url}}});
  try {
    const line = gateway.stderr.split('\n').find((text) => text.includes('session_token_uidx'));
    assert.ok(line, gateway.stderr);
    const statement = /CREATE UNIQUE INDEX.*?;/.exec(line.replaceAll('\\"', '"'))[0];
    assert.equal(statement, 'CREATE UNIQUE INDEX CONCURRENTLY "session_token_uidx" ON "session" ("token");');
    await query('slow', statement);
  } finally {
    await gateway.stop();
  }
});

test('a database that cannot be served is refused before anything is changed', async () => {
  const sql = derived('1.4').replace('"expiresAt" timestamptz not null, "token"', '"expiresAt" bigint not null, "token"').split('INSERT')[0];
  const url = await createDatabase('unfit', sql);
  await assert.rejects(Gateway.start({...kRoutes, gateway: {database: {url}}}), /session\.\\?"expiresAt\\?" is of type bigint; it must be timestamptz or timestamp/);
  assert.deepEqual(await query('unfit', `SELECT 1 FROM pg_class WHERE relname LIKE 'gatehouse%'`), []);
});

test('expired sessions are purged while the gateway serves', async () => {
  const url = await createDatabase('purged', `${derived('1.7')};${kFresh};
    INSERT INTO "session" ("id", "expiresAt", "token", "updatedAt", "userId")
      SELECT 'old' || i, now() - interval '1 hour', 'old' || i, now(), (SELECT "id" FROM "user") FROM generate_series(1, 2500) AS i`);
  const gateway = await Gateway.start({...kRoutes, gateway: {database: {url, purge_every: '1s'}}});
  try {
    let left;
    for (const end = Date.now() + 20_000; left !== '1' && Date.now() < end; ) [{count: left}] = await query('purged', 'SELECT count(*) FROM "session"');
    assert.equal(left, '1');
    assert.match((await gateway.internal('/metrics')).body.toString(), /^gatehouse_purged_sessions_total 2500$/m);
  } finally {
    await gateway.stop();
  }
});
