// session_data as the real package reads it, what it opens and what it does not, a change of the secret, and bound sessions.
import assert from 'node:assert/strict';
import {describe, test} from 'node:test';
import {getCookieCache} from 'better-auth/cookies';
import {kOrigin} from './support/gateway.mjs';
import {cookiesOf, postJson} from './support/session.mjs';
import {World} from './support/world.mjs';

const kOld = 'an-older-secret-for-tests-only-0123456789-abcdef';
const kNew = 'the-newer-secret-for-tests-only-0123456789-abcde';

async function withWorld(gateway, run) {
  const world = await World.start({gateway});
  try {
    await run(world);
  } finally {
    await world.stop();
  }
}

async function signUpWithCookies(world) {
  const email = `cached${process.pid}@example.test`;
  const response = await postJson(world.gateway, '/api/auth/sign-up/email', {name: 'Ada Lövelace', email, password: 'correct horse battery'});
  assert.equal(response.status, 200, String(response.body));
  return {email, cookies: cookiesOf(response), cookie: cookiesOf(response).join('; ')};
}

const sessionOf = async (world, cookie, headers = {}) =>
  JSON.parse((await world.gateway.request('GET', '/api/auth/get-session', {headers: {Cookie: cookie, ...headers}})).body);

describe('the cookie cache', () => {
  for (const strategy of ['compact', 'jwt', 'jwe']) {
    test(`${strategy}: the real package opens it; a revoked session opens what believes it, and no proxied route`, () =>
      withWorld({secret: kNew, auth: {session: {cookie_cache: {enabled: true, strategy}}}}, async (world) => {
        const {email, cookies, cookie} = await signUpWithCookies(world);
        assert.equal(cookies.length, 2);
        const payload = await getCookieCache(new Headers({cookie}), {secret: kNew, isSecure: true, strategy, version: '1'});
        assert.equal(payload.user.email, email);
        assert.equal(payload.user.name, 'Ada Lövelace');
        const token = payload.session.token;
        const headers = {Cookie: cookie, Origin: kOrigin};
        assert.equal((await world.gateway.request('GET', '/private/a', {headers})).status, 200);
        assert.equal((await postJson(world.gateway, '/api/auth/revoke-session', {token}, headers)).status, 200);
        assert.equal((await sessionOf(world, cookie)).user.email, email);
        assert.equal((await world.gateway.request('GET', '/private/a', {headers})).status, 401);
        assert.equal((await world.gateway.request('GET', '/private/a', {headers: {Cookie: cookies.find((pair) => pair.includes('session_data'))}})).status, 401);
        assert.equal((await postJson(world.gateway, '/api/auth/revoke-sessions', {}, headers)).status, 401);
      }));
  }
});

test('a new current secret voids signatures, and one that is only known still opens nothing by itself', async () => {
  const settings = (secrets) => ({secret: undefined, secrets, auth: {session: {cookie_cache: {enabled: true, strategy: 'jwe'}}}});
  let old;
  await withWorld(settings(`1:${kOld}`), async (world) => (old = await signUpWithCookies(world)));
  await withWorld(settings(`2:${kNew},1:${kOld}`), async (world) => {
    assert.equal(await sessionOf(world, old.cookie), null);
    assert.equal((await world.gateway.request('GET', '/private/a', {headers: {Cookie: old.cookie}})).status, 401);
    const own = await signUpWithCookies(world);
    const mixed = [own.cookies.find((pair) => pair.includes('session_token')), old.cookies.find((pair) => pair.includes('session_data'))].join('; ');
    assert.equal((await sessionOf(world, mixed)).user.email, own.email);
  });
});

test('a bound token opens nothing for another user agent, on proxied routes and auth endpoints, and the log says so', () =>
  withWorld({auth: {session: {bind: {user_agent: true}}}}, async (world) => {
    const email = 'bound@example.test';
    const response = await postJson(world.gateway, '/api/auth/sign-up/email', {name: 'Ada', email, password: 'correct horse battery'}, {'User-Agent': 'Own/1.0'});
    const [cookie] = cookiesOf(response);
    const status = async (agent) => (await world.gateway.request('GET', '/private/a', {headers: {Cookie: cookie, 'User-Agent': agent}})).status;
    assert.equal(await status('Own/1.0'), 200);
    assert.equal(await status('Thief/1.0'), 401);
    assert.equal(await sessionOf(world, cookie, {'User-Agent': 'Thief/1.0'}), null);
    assert.equal((await sessionOf(world, cookie, {'User-Agent': 'Own/1.0'})).user.email, email);
    await world.gateway.until(() => world.gateway.stderr.split('session_bound_elsewhere').length > 2, 'two lines in the log');
    assert.ok(!world.gateway.stderr.includes(JSON.parse(response.body).token), 'the log shows the token');
  }));
