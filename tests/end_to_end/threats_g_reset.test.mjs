// Strangers learn nothing from a sign-in or a password reset, and a link works once: two gateways on one PostgreSQL, mails to a server
// of our own.
import assert from 'node:assert/strict';
import {after, before, describe, test} from 'node:test';
import {PostgresServer} from './support/postgres.mjs';
import {postJson, signIn, signUp} from './support/session.mjs';
import {SmtpServer} from './support/smtp_server.mjs';
import {World} from './support/world.mjs';

let postgres, psql, smtp, world, other;
before(async () => {
  postgres = await PostgresServer.start();
  psql = postgres.psql();
  smtp = await SmtpServer.start();
  const settings = {gateway: {database: {url: postgres.url()}, mail: {host: 'localhost', port: smtp.port, from: 'no-reply@example.test', insecure_plain: true}}};
  world = await World.start(settings);
  other = await World.start(settings);
});
after(async () => {
  await world?.stop();
  await other?.stop();
  await smtp?.close();
  await psql?.close();
  await postgres?.remove();
});

const request = (where, email) => postJson(where.gateway, '/api/auth/request-password-reset', {email, redirectTo: '/reset'});
const reset = (where, token, newPassword) => postJson(where.gateway, '/api/auth/reset-password', {token, newPassword});
const statusAt = async (where, user) => (await where.ask('GET', '/private/x', {as: user})).response.status;
const settled = () => new Promise((done) => setTimeout(done, 1_100));

let mails = 0;
async function newToken(email) {
  assert.equal((await request(world, email)).status, 200);
  const mail = await smtp.mail(++mails);
  assert.deepEqual(mail.to, [email]);
  return /\/reset-password\/([^?]+)\?/.exec(mail.parts[0].text)[1];
}

describe('81: the token of a reset', () => {
  test('has at least 128 bits, and is another one each time', async () => {
    const user = await signUp(world.gateway);
    const tokens = [await newToken(user.email), await newToken(user.email), await newToken(user.email)];
    for (const token of tokens) assert.match(token, /^[A-Za-z0-9]{22,}$/);
    assert.equal(new Set(tokens).size, 3);
  });
  test('of 20 uses at once, at both gateways, one sets a password', async () => {
    const user = await signUp(world.gateway);
    const token = await newToken(user.email);
    const answers = await Promise.all(Array.from({length: 20}, (_, index) => reset(index % 2 ? world : other, token, `password number ${index}`)));
    const winners = answers.flatMap(({status}, index) => (status === 200 ? [index] : []));
    assert.equal(winners.length, 1, String(answers.map(({status}) => status)));
    await signIn(world.gateway, {email: user.email, password: `password number ${winners[0]}`});
    assert.equal((await reset(world, token, 'once more, please')).status, 400);
  });
  test('does not outlive its time', async () => {
    const user = await signUp(world.gateway);
    const token = await newToken(user.email);
    await psql.query(`UPDATE "verification" SET "expiresAt" = now() - interval '1 second' WHERE "identifier" = 'reset-password:${token}'`);
    assert.equal((await reset(other, token, 'a new long password')).status, 400);
    await signIn(world.gateway, user);
  });
  test('is for nothing else, and nothing else is for it', async () => {
    const user = await signUp(world.gateway);
    const token = await newToken(user.email);
    for (const target of [`/api/auth/verify-email?token=${token}`, `/api/auth/delete-user/callback?token=${token}`]) {
      const response = await world.gateway.request('GET', target, {headers: {Cookie: user.cookie}});
      assert.ok([302, 400, 401, 404].includes(response.status), `${target}: ${response.status}`);
    }
    const row = `INSERT INTO "verification" ("id", "identifier", "value", "expiresAt") VALUES ('other', 'delete-account-${'a'.repeat(24)}', '${user.user.id}', now() + interval '1 hour')`;
    await psql.query(row);
    assert.equal((await reset(world, 'a'.repeat(24), 'a new long password')).status, 400);
    assert.equal((await reset(world, token, 'a new long password')).status, 200);
  });
  test('is in no log', async () => {
    const user = await signUp(world.gateway);
    const token = await newToken(user.email);
    await world.gateway.request('GET', `/api/auth/reset-password/${token}?callbackURL=%2Freset`);
    await world.gateway.request('GET', `/api/auth/reset-password/${token}`);
    await world.gateway.request('GET', `/reset?token=${token}`);
    await postJson(world.gateway, `/api/auth/reset-password?token=${token}`, {newPassword: 'x'});
    await reset(world, token, 'a new long password');
    await world.gateway.logged(({path}) => path === '/reset');
    for (const log of [world.gateway.stdout, world.gateway.stderr]) assert.ok(!log.includes(token));
  });
});

describe('72 and 82: with and without an account the answer is the same', () => {
  test('of a reset, to the byte, and only who has one gets a mail', async () => {
    const user = await signUp(world.gateway);
    const seen = smtp.mails.length;
    const shape = ({status, body, fields}) => [status, body.toString(), fields.list.map(([name, value]) => (/^(date|x-request-id)$/i.test(name) ? name : `${name}: ${value}`))];
    const known = shape(await request(world, user.email));
    for (const email of ['nobody@example.test', user.email.toUpperCase()]) assert.deepEqual(shape(await request(world, email)), known);
    await smtp.mail(seen + 2);
    mails = seen + 2;
    assert.ok(smtp.mails.slice(seen).every(({to}) => to[0] === user.email));
  });
  test('of a sign-in: unknown, wrong password, no password', async () => {
    const user = await signUp(world.gateway);
    const without = await signUp(world.gateway);
    await psql.query(`UPDATE "account" SET "password" = NULL WHERE "userId" = '${without.user.id}'`);
    const answers = [];
    for (const email of [user.email, without.email, 'nobody@example.test']) {
      const response = await postJson(world.gateway, '/api/auth/sign-in/email', {email, password: 'not the password'});
      answers.push(`${response.status} ${response.body} ${response.fields.all('set-cookie')}`);
    }
    assert.equal(new Set(answers).size, 1, answers.join('\n'));
  });
});

test('83: a reset ends all sessions, on every gateway', async () => {
  const user = await signUp(world.gateway);
  const second = await signIn(other.gateway, user);
  for (const [where, session] of [[world, user], [other, user], [world, second], [other, second]]) assert.equal(await statusAt(where, session), 200);
  assert.equal((await reset(world, await newToken(user.email), 'a new long password')).status, 200);
  for (const session of [user, second]) assert.equal(await statusAt(world, session), 401);
  await settled();
  for (const session of [user, second]) assert.equal(await statusAt(other, session), 401);
  assert.equal((await postJson(world.gateway, '/api/auth/sign-in/email', {email: user.email, password: user.password})).status, 401);
});

test('44 and 89: a link is made of base_url alone, and leads nowhere that is not trusted', async () => {
  const user = await signUp(world.gateway);
  const headers = {'X-Forwarded-Host': 'evil.test', 'X-Forwarded-Proto': 'http', Forwarded: 'host=evil.test', 'X-Original-Host': 'evil.test'};
  assert.equal((await postJson(world.gateway, '/api/auth/request-password-reset', {email: user.email, redirectTo: '/reset'}, headers)).status, 200);
  const mail = await smtp.mail(++mails);
  for (const part of mail.parts) assert.ok(!part.text.includes('evil.test'));
  assert.match(mail.parts[0].text, /https:\/\/gateway\.test\/api\/auth\/reset-password\//);
  for (const redirectTo of ['https://evil.test', '//evil.test', '/\\evil.test', 'javascript:alert(1)', '/\tx', '%2f%2fevil.test']) {
    assert.equal((await postJson(world.gateway, '/api/auth/request-password-reset', {email: user.email, redirectTo})).status, 403, redirectTo);
  }
});
