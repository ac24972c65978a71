// The real better-auth client, unchanged, through TLS: sign up, use a protected route, sign out, be refused.
import assert from 'node:assert/strict';
import {after, afterEach, before, beforeEach, test} from 'node:test';
import {kOrigin} from './support/gateway.mjs';
import {Browser} from './support/session.mjs';
import {World, expectIdentity} from './support/world.mjs';

let world;
let browser;
let client;
let count = 0;

before(async () => (world = await World.start()));
after(() => world?.stop());
beforeEach(() => {
  browser = new Browser(world.gateway);
  client = browser.authClient();
});
afterEach(() => browser.close());

const person = () => ({name: 'Grace Hopper', email: `grace${++count}@example.test`, password: 'nanosecond wire'});
const callProtected = () => browser.fetch(`${kOrigin}/private/report`);

test('sign up, call a protected route, sign out, the call is refused', async () => {
  assert.equal((await callProtected()).status, 401);
  const details = person();
  const {data, error} = await client.signUp.email(details);
  assert.equal(error, null);
  assert.equal(data.user.email, details.email);
  const mark = world.upstream.mark();
  const answer = await callProtected();
  assert.equal(answer.status, 200);
  assert.equal(await answer.text(), 'GET /private/report');
  expectIdentity(mark.requests()[0], {user: data.user, email: details.email});
  assert.equal(decodeURIComponent(mark.requests()[0].fields.get('x-user-name')), 'Grace Hopper');
  assert.deepEqual((await client.signOut()).data, {success: true});
  assert.equal((await callProtected()).status, 401);
  assert.equal((await client.getSession()).data, null);
});

test('sign in again, see the session, and be told what is wrong', async () => {
  const details = person();
  await client.signUp.email(details);
  await client.signOut();
  assert.equal((await client.signIn.email({email: details.email, password: 'wrong password'})).error.code, 'INVALID_EMAIL_OR_PASSWORD');
  assert.equal((await client.signIn.email({email: 'nobody@example.test', password: 'wrong password'})).error.code, 'INVALID_EMAIL_OR_PASSWORD');
  assert.equal((await client.signUp.email(details)).error.code, 'USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL');
  assert.equal((await client.signUp.email({...person(), password: 'short'})).error.code, 'PASSWORD_TOO_SHORT');
  const {data} = await client.signIn.email({email: details.email.toUpperCase(), password: details.password});
  assert.equal(data.user.email, details.email);
  const session = (await client.getSession()).data;
  assert.equal(session.user.id, data.user.id);
  assert.equal(session.session.token, data.token);
  assert.ok(session.session.expiresAt instanceof Date || !Number.isNaN(Date.parse(session.session.expiresAt)));
});

test('sessions are listed and revoked from elsewhere', async () => {
  const details = person();
  await client.signUp.email(details);
  const elsewhere = new Browser(world.gateway);
  const other = elsewhere.authClient();
  await other.signIn.email({email: details.email, password: details.password});
  const sessions = (await client.listSessions()).data;
  assert.equal(sessions.length, 2);
  const own = (await client.getSession()).data.session.token;
  const foreign = sessions.find((session) => session.token !== own);
  assert.equal((await elsewhere.fetch(`${kOrigin}/private/x`)).status, 200);
  assert.deepEqual((await client.revokeSession({token: foreign.token})).data, {status: true});
  assert.equal((await elsewhere.fetch(`${kOrigin}/private/x`)).status, 401);
  assert.equal((await callProtected()).status, 200);
  await other.signIn.email({email: details.email, password: details.password});
  assert.deepEqual((await client.revokeOtherSessions()).data, {status: true});
  assert.equal((await elsewhere.fetch(`${kOrigin}/private/x`)).status, 401);
  assert.deepEqual((await client.revokeSessions()).data, {status: true});
  assert.equal((await callProtected()).status, 401);
  await elsewhere.close();
});

test('another user’s session cannot be revoked', async () => {
  await client.signUp.email(person());
  const elsewhere = new Browser(world.gateway);
  const {data} = await elsewhere.authClient().signUp.email(person());
  await client.revokeSession({token: data.token});
  assert.equal((await elsewhere.fetch(`${kOrigin}/private/x`)).status, 200);
  await elsewhere.close();
});

test('without rememberMe the cookie ends with the browser', async () => {
  const details = person();
  await client.signUp.email(details);
  await client.signOut();
  const response = await browser.fetch(`${kOrigin}/api/auth/sign-in/email`, {
    method: 'POST',
    headers: {'content-type': 'application/json'},
    body: JSON.stringify({email: details.email, password: details.password, rememberMe: false}),
  });
  const line = response.headers.getSetCookie().find((text) => text.includes('session_token='));
  assert.doesNotMatch(line, /max-age/i);
  assert.equal((await callProtected()).status, 200);
});
