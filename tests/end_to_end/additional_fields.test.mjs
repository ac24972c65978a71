// Columns of a deployment's own, on PostgreSQL and on SQLite: the migration adds them with the types of Better Auth's own, all types pass
// through sign-up, sessions and updates, and columns that are there already are used as they are.
import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import {cookiesOf, postJson, signUp} from './support/session.mjs';
import {Gateway} from './support/gateway.mjs';
import {PostgresServer} from './support/postgres.mjs';

const kFields = {
  nickname: {required: false},
  level: {type: 'number', required: false, default_value: '1'},
  newsletter: {type: 'boolean', default_value: 'false', field_name: 'wants_mail'},
  born: {type: 'date', required: false},
  tags: {type: 'string[]', required: false},
  scores: {type: 'number[]', required: false},
  secretNote: {required: false, returned: false},
  handle: {required: false, unique: true},
};
const kSessionFields = {theme: {required: false}, step: {type: 'number', default_value: '0'}};

let postgres;
let psql;

before(async () => {
  postgres = await PostgresServer.start();
  psql = postgres.psql();
});
after(async () => {
  await psql?.close();
  await postgres?.remove();
});

function start(database) {
  return Gateway.start({
    routes: [],
    gateway: {...(database ? {database: {url: database}} : {}), auth: {user: {additional_fields: kFields}, session: {additional_fields: kSessionFields}}},
  });
}

async function getSession(gateway, cookie) {
  return JSON.parse((await gateway.request('GET', '/api/auth/get-session', {headers: {Cookie: cookie}})).body);
}

for (const name of ['PostgreSQL', 'SQLite']) {
  test(`all types pass through every way, on ${name}`, async () => {
    const gateway = await start(name === 'SQLite' ? undefined : postgres.url());
    try {
      const answer = await postJson(gateway, '/api/auth/sign-up/email', {
        name: 'Ada', email: 'ada@example.test', password: 'correct horse battery', nickname: "O'Nick", level: 9, newsletter: true, born: '1990-05-17',
        tags: ['a', 'b"c'], scores: [1, 2.5], secretNote: 'psst', handle: 'ada',
      });
      assert.equal(answer.status, 200, answer.body);
      const shown = {nickname: "O'Nick", level: 9, newsletter: true, born: '1990-05-17T00:00:00.000Z', tags: ['a', 'b"c'], scores: [1, 2.5], handle: 'ada'};
      const cookie = cookiesOf(answer)[0];
      const pick = (user) => Object.fromEntries(Object.keys({...shown, secretNote: 0}).filter((key) => key in user).map((key) => [key, user[key]]));
      assert.deepEqual(pick(JSON.parse(answer.body).user), shown);
      const {user, session} = await getSession(gateway, cookie);
      assert.deepEqual(pick(user), shown);
      assert.deepEqual([session.theme, session.step], [null, 0]);
      const changes = {level: -3, newsletter: false, born: null, tags: [], scores: [7], nickname: null};
      assert.equal((await postJson(gateway, '/api/auth/update-user', changes, {Cookie: cookie})).status, 200);
      const themed = await postJson(gateway, '/api/auth/update-session', {theme: 'dark', step: 5}, {Cookie: cookie});
      assert.deepEqual([JSON.parse(themed.body).session.theme, JSON.parse(themed.body).session.step], ['dark', 5]);
      const changed = await getSession(gateway, cookie);
      assert.deepEqual(pick(changed.user), {...shown, ...changes});
      assert.deepEqual([changed.session.theme, changed.session.step], ['dark', 5]);
      const plain = await signUp(gateway);
      assert.deepEqual(pick(plain.user), {nickname: null, level: 1, newsletter: false, born: null, tags: null, scores: null, handle: null});
      const taken = await postJson(gateway, '/api/auth/update-user', {handle: 'ada'}, {Cookie: plain.cookie});
      assert.equal(taken.status, 422, taken.body);
      await gateway.stop();
    } finally {
      await gateway.kill();
    }
  });
}

test('the columns have the types of Better Auth, and a second start finds nothing to do', async () => {
  const types = await psql.query(`SELECT column_name || ' ' || data_type || ' ' || is_nullable FROM information_schema.columns
    WHERE table_name = 'user' AND column_name IN ('nickname', 'level', 'wants_mail', 'born', 'tags', 'scores') ORDER BY column_name`);
  assert.deepEqual(types, [
    'born timestamp with time zone YES', 'level integer YES', 'nickname text YES', 'scores jsonb YES', 'tags jsonb YES', 'wants_mail boolean NO',
  ]);
  const gateway = await start(postgres.url());
  try {
    assert.ok(!gateway.stdout.includes('migration applied'), gateway.stdout);
    await gateway.stop();
  } finally {
    await gateway.kill();
  }
});

test('columns that are there already are used as they are, required ones without a default too', async () => {
  await psql.query('CREATE DATABASE adopted');
  const url = postgres.url('adopted');
  const first = await Gateway.start({routes: [], gateway: {database: {url}}});
  await first.stop();
  const inside = postgres.psql('adopted');
  try {
    await inside.query('ALTER TABLE "user" ADD COLUMN "level" double precision; ALTER TABLE "session" ADD COLUMN "step" bigint NOT NULL');
    const gateway = await start(url);
    try {
      const user = await signUp(gateway);
      assert.equal(user.user.level, 1);
      const half = await postJson(gateway, '/api/auth/update-user', {level: 1.5}, {Cookie: user.cookie});
      assert.equal(half.status, 200);
      const found = await getSession(gateway, user.cookie);
      assert.deepEqual([found.user.level, found.session.step], [1.5, 0]);
      await gateway.stop();
    } finally {
      await gateway.kill();
    }
  } finally {
    await inside.close();
  }
});
