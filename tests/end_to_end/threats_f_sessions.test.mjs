// When a session ends, and who finds out: judged by the row, by every gateway, before the answer is sent.
import assert from 'node:assert/strict';
import {after, before, describe, test} from 'node:test';
import {PostgresServer} from './support/postgres.mjs';
import {postJson, signIn, signUp} from './support/session.mjs';
import {World} from './support/world.mjs';

let postgres, psql, world, other;
before(async () => {
  postgres = await PostgresServer.start();
  psql = postgres.psql();
  const settings = {gateway: {database: {url: postgres.url()}, auth: {user: {delete_user: {enabled: true}}}}};
  world = await World.start(settings);
  other = await World.start(settings);
});
after(async () => {
  await world?.stop();
  await other?.stop();
  await psql?.close();
  await postgres?.remove();
});

const as = (user) => ({Cookie: user.cookie});
const statusAt = async (where, user) => (await where.ask('GET', '/private/x', {as: user})).response.status;
const sessionOf = async (user) => JSON.parse((await world.gateway.request('GET', '/api/auth/get-session', {headers: as(user)})).body);
const settledAt = (time) => new Promise((done) => setTimeout(done, time));

describe('67: the end of a session is the row’s, not the cookie’s', () => {
  test('a cookie that browsers would keep for a week opens nothing once the row has ended', async () => {
    const user = await signUp(world.gateway);
    assert.equal(await statusAt(world, user), 200);
    await psql.query(`UPDATE "session" SET "expiresAt" = now() - interval '1 second' WHERE "token" = '${user.token}'`);
    await settledAt(1_100);
    assert.equal(await statusAt(world, user), 401);
    assert.equal(await sessionOf(user), null);
  });
  test('a renewal of an ended session does not happen', async () => {
    const user = await signUp(world.gateway);
    await psql.query(`UPDATE "session" SET "expiresAt" = now() - interval '1 second' WHERE "token" = '${user.token}'`);
    const response = await world.gateway.request('GET', '/api/auth/list-sessions', {headers: as(user)});
    assert.equal(response.status, 401);
    assert.ok(!response.fields.all('set-cookie').some((line) => line.includes('session_token=') && !/Max-Age=0/.test(line)));
  });
  test('an idle session past its update age gets a whole life once, an unused one keeps its end', async () => {
    const user = await signUp(world.gateway);
    await psql.query(`UPDATE "session" SET "expiresAt" = now() + interval '5 days' WHERE "token" = '${user.token}'`);
    await settledAt(1_100);
    const {session} = await sessionOf(user);
    assert.ok(Math.abs(Date.parse(session.expiresAt) - Date.now() - 7 * 86_400_000) < 60_000, session.expiresAt);
  });
});

describe('68: a session that the browser says it has is not believed', () => {
  const payloads = [
    'garbage', '', Buffer.from('{}').toString('base64url'), 'eyJhbGciOiJub25lIn0.e30.', 'eyJhbGciOiJIUzI1NiJ9.e30.AAAA', 'A'.repeat(3000),
    Buffer.from(JSON.stringify({session: {session: {session: {token: 'x'}, user: {role: 'admin'}}, expiresAt: Date.now() + 1e9, signature: 'x'}})).toString('base64url'),
  ];
  test('with or without a session cookie', async () => {
    const user = await signUp(world.gateway);
    for (const payload of payloads) {
      for (const name of ['__Secure-better-auth.session_data', '__Secure-better-auth.session_data.0']) {
        const alone = await world.gateway.request('GET', '/api/auth/get-session', {headers: {Cookie: `${name}=${payload}`}});
        assert.equal(alone.body.toString(), 'null');
        assert.equal((await world.ask('GET', '/private/x', {headers: {Cookie: `${name}=${payload}`}})).response.status, 401);
        const both = await world.gateway.request('GET', '/api/auth/get-session', {headers: {Cookie: `${user.cookie}; ${name}=${payload}`}});
        assert.equal(JSON.parse(both.body).user.id, user.user.id);
      }
    }
  });
});

describe('69: what ends all sessions has ended them, on every gateway, when the answer is there', () => {
  const open = async () => {
    const first = await signUp(world.gateway);
    const second = await signIn(other.gateway, first);
    for (const [where, user] of [[world, first], [other, first], [world, second], [other, second]]) assert.equal(await statusAt(where, user), 200);
    return [first, second];
  };
  test('revoking them all', async () => {
    const [first, second] = await open();
    assert.equal((await postJson(world.gateway, '/api/auth/revoke-sessions', {}, as(first))).status, 200);
    for (const user of [first, second]) assert.equal(await statusAt(world, user), 401);
    await settledAt(1_100);
    for (const user of [first, second]) assert.equal(await statusAt(other, user), 401);
  });
  test('deleting the user', async () => {
    const [first, second] = await open();
    const response = await postJson(world.gateway, '/api/auth/delete-user', {password: first.password}, as(first));
    assert.equal(response.status, 200, response.body.toString());
    for (const user of [first, second]) assert.equal(await statusAt(world, user), 401);
    await settledAt(1_100);
    for (const user of [first, second]) assert.equal(await statusAt(other, user), 401);
  });
  test('a changed password, where that is asked for', async () => {
    const [first, second] = await open();
    const response = await postJson(world.gateway, '/api/auth/change-password', {currentPassword: first.password, newPassword: 'another long password', revokeOtherSessions: true}, as(first));
    assert.equal(response.status, 200, response.body.toString());
    for (const user of [first, second]) assert.equal(await statusAt(world, user), 401);
    await settledAt(1_100);
    for (const user of [first, second]) assert.equal(await statusAt(other, user), 401);
    await signIn(world.gateway, {...first, password: 'another long password'});
    assert.equal((await postJson(world.gateway, '/api/auth/sign-in/email', {email: first.email, password: first.password})).status, 401);
  });
});
