// What a body may not set, whose rows a user may touch, and what no body may do to the store.
import assert from 'node:assert/strict';
import {after, before, describe, test} from 'node:test';
import {cookiesOf, postJson, signIn, signUp} from './support/session.mjs';
import {World} from './support/world.mjs';

let world;
before(async () => {
  // What is tried here are many wrong sign-ins of one account, which would have to wait for each other.
  world = await World.start({gateway: {auth: {email_and_password: {enabled: true}, abuse_ladder: {enabled: false}}}});
  await world.signUpTwo();
});
after(() => world?.stop());

let count = 0;
const newEmail = () => `mallory${++count}@example.test`;
const sessionOf = async (user) => JSON.parse((await world.gateway.request('GET', '/api/auth/get-session', {headers: {Cookie: user.cookie}})).body);
const as = (user) => ({Cookie: user.cookie});

describe('95: fields that are not the client’s to set', () => {
  const planted = {
    id: 'chosen', userId: 'chosen', role: 'admin', banned: true, emailVerified: true, createdAt: '2001-01-01T00:00:00.000Z', updatedAt: '2001-01-01T00:00:00.000Z', twoFactorEnabled: true, isAnonymous: true,
    accounts: [{providerId: 'google'}], constructor: {prototype: {role: 'admin'}}, prototype: {role: 'admin'}, password_hash: 'x', token: 'chosen', expiresAt: '2999-01-01T00:00:00.000Z', ipAddress: '1.1.1.1',
  };
  test('at sign-up are ignored or refused, never stored', async () => {
    for (const [field, value] of Object.entries(planted)) {
      const response = await postJson(world.gateway, '/api/auth/sign-up/email', {name: 'Mallory', email: newEmail(), password: 'a long password', [field]: value});
      assert.ok([200, 400].includes(response.status), `${field}: ${response.status}`);
      if (response.status !== 200) continue;
      const {user, session} = await sessionOf({cookie: cookiesOf(response).find((pair) => pair.includes('session_token='))});
      assert.equal(user.emailVerified, false, field);
      assert.notEqual(user.id, 'chosen', field);
      assert.ok(user.role === undefined || user.role === null || user.role === 'user', field);
      assert.ok(Date.parse(user.createdAt) > Date.now() - 600_000, field);
      assert.notEqual(session.token, 'chosen');
      assert.ok(Date.parse(session.expiresAt) < Date.now() + 8 * 86_400_000);
    }
    const raw = `{"name":"M","email":"${newEmail()}","password":"a long password","__proto__":{"role":"admin","emailVerified":true}}`;
    const response = await world.gateway.request('POST', '/api/auth/sign-up/email', {patience: 240_000, headers: {'Content-Type': 'application/json', Origin: 'https://gateway.test'}, body: raw});
    assert.ok([200, 400].includes(response.status));
    if (response.status === 200) assert.equal(JSON.parse(response.body).user.emailVerified, false);
  });
  test('at an update are ignored or refused, never stored', async () => {
    const before = (await sessionOf(world.ada)).user;
    for (const [field, value] of Object.entries(planted)) {
      const response = await postJson(world.gateway, '/api/auth/update-user', {[field]: value}, as(world.ada));
      assert.ok([200, 400, 404].includes(response.status), `${field}: ${response.status}`);
    }
    const {updatedAt: ignored, ...user} = (await sessionOf(world.ada)).user;
    const {updatedAt: too, ...expected} = before;
    assert.deepEqual(user, expected);
  });
});

describe('85: rows of somebody else', () => {
  test('a session of another user is not ended, shown or told from one that does not exist', async () => {
    const foreign = await postJson(world.gateway, '/api/auth/revoke-session', {token: world.bob.token}, as(world.ada));
    const missing = await postJson(world.gateway, '/api/auth/revoke-session', {token: 'A'.repeat(32)}, as(world.ada));
    assert.deepEqual([foreign.status, foreign.body.toString()], [missing.status, missing.body.toString()]);
    assert.equal((await sessionOf(world.bob)).user.id, world.bob.user.id);
    const list = JSON.parse((await world.gateway.request('GET', '/api/auth/list-sessions', {headers: as(world.ada)})).body);
    assert.ok(list.every(({userId}) => userId === world.ada.user.id));
  });
});

describe('102: what means something to SQL, JSON or LIKE is data', () => {
  const nasty = [`'; DROP TABLE "user"; --`, `' OR '1'='1`, `%`, `_`, `a\\`, `"`, `$1`, `{"$ne":null}`, `x' UNION SELECT * FROM "session" --`, `\\'; --`, `\ud83d\ude00`, `%' ESCAPE '!`, `1; SELECT pg_sleep(10)`, `NaN`, `\u0000`];
  test('in any field', async () => {
    for (const text of nasty) {
      const fields = [
        ['/sign-in/email', {email: world.ada.email, password: text}],
        ['/sign-in/email', {email: `${text}@example.test`, password: 'a long password'}],
        ['/sign-in/email', {email: {$ne: null}, password: {$ne: null}}],
        ['/sign-in/email', {email: [world.ada.email], password: 'a long password'}],
        ['/revoke-session', {token: text}],
        ['/update-user', {name: text.replaceAll('\u0000', '')}],
      ];
      for (const [endpoint, body] of fields) {
        const response = await postJson(world.gateway, `/api/auth${endpoint}`, body, endpoint.startsWith('/sign-in') ? {} : as(world.ada));
        assert.ok(response.status < 500, `${endpoint} ${JSON.stringify(body)}: ${response.status}`);
        if (endpoint.startsWith('/sign-in')) assert.ok(response.status >= 400, `${endpoint} ${JSON.stringify(body)}`);
      }
      const signUpWith = await postJson(world.gateway, '/api/auth/sign-up/email', {name: text, email: newEmail(), password: `${text} a long password`});
      assert.ok([200, 422].includes(signUpWith.status), JSON.stringify(text));
      if (signUpWith.status === 200) assert.equal(JSON.parse(signUpWith.body).user.name, text);
    }
    assert.equal((await sessionOf(world.bob)).user.id, world.bob.user.id);
    assert.equal((await sessionOf(world.ada)).user.email, world.ada.email);
  });
});

describe('103: bodies have bounds', () => {
  const ask = (body, headers = {}) => world.gateway.request('POST', '/api/auth/sign-in/email', {headers: {'Content-Type': 'application/json', Origin: 'https://gateway.test', ...headers}, body, patience: 240_000});
  test('one that says it is too large is refused before it is read', async () => {
    const client = await world.gateway.connect();
    await client.send('POST /api/auth/sign-in/email HTTP/1.1\r\nHost: gateway.test\r\nContent-Type: application/json\r\nContent-Length: 1073741824\r\n\r\n{');
    assert.equal((await client.finalResponse()).status, 413);
    client.close();
  });
  test('one that is too large is refused while it is read', async () => {
    assert.equal((await ask(`{"email":"${'a'.repeat(2 * 1024 * 1024)}"}`)).status, 413);
  });
  test('depth, numbers and repeated keys do no harm', async () => {
    const bodies = ['['.repeat(100_000), `${'['.repeat(100_000)}${']'.repeat(100_000)}`, `{"email":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)},"password":"x"}`, `{"email":1e999999,"password":"x"}`, `{"email":${'9'.repeat(100_000)},"password":"x"}`, `{"email":"a@example.test","email":{"a":1},"password":"x"}`];
    for (const body of bodies) assert.equal((await ask(body)).status, 400, body.slice(0, 40));
  });
});

describe('73: a password that is too long is refused before it costs a hash', () => {
  test('at sign-in and sign-up', async () => {
    const start = performance.now();
    for (let index = 0; index < 20; ++index) {
      assert.equal((await postJson(world.gateway, '/api/auth/sign-in/email', {email: world.ada.email, password: 'x'.repeat(129)})).status, 400);
      assert.equal((await postJson(world.gateway, '/api/auth/sign-up/email', {name: 'M', email: newEmail(), password: 'x'.repeat(100_000)})).status, 400);
    }
    const refused = (performance.now() - start) / 40;
    const hashing = performance.now();
    await signIn(world.gateway, world.ada);
    assert.ok(refused < performance.now() - hashing, `${refused} ms for a refusal`);
  });
});

test('63: signing in takes nothing over from a cookie that was there', async () => {
  const planted = await signUp(world.gateway);
  const response = await postJson(world.gateway, '/api/auth/sign-in/email', {email: world.bob.email, password: world.bob.password}, as(planted));
  const {token} = JSON.parse(response.body);
  assert.notEqual(token, planted.token);
  assert.equal((await sessionOf(planted)).user.email, planted.email, 'the planted session was raised to another user');
});
