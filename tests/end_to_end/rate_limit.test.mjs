// Rate limits: 429 with what a client needs to come back, and never more than the limit however the requests arrive.
import assert from 'node:assert/strict';
import {after, before, describe, test} from 'node:test';
import {requestText} from './support/raw.mjs';
import {signIn} from './support/session.mjs';
import {World, kRoutes} from './support/world.mjs';

let world;

const limited = (path, limit, by, more = {}) => ({path, upstream: 'orders', auth: 'public', rate_limit: {limit, window: '1m', by}, ...more});

before(async () => {
  world = await World.start({
    routes: [
      ...kRoutes,
      limited('/five/**', 5, 'ip'),
      limited('/burst/**', 20, ['ip']),
      limited('/each/**', 3, ['session'], {auth: 'required'}),
      limited('/both/**', 4, ['session', 'ip'], {auth: 'required'}),
      limited('/person/**', 3, 'user', {auth: 'required'}),
      limited('/together/**', 2, [['user', 'ip']], {auth: 'required'}),
      limited('/whole/**', 2, 'route'),
      limited('/spelled/**', 5, 'ip'),
      limited('/guarded/**', 3, 'ip', {auth: 'required'}),
      {path: '/quick/**', upstream: 'orders', auth: 'public', rate_limit: {limit: 2, window: '1s', by: 'ip'}},
    ],
  });
  await world.signUpTwo();
});
after(() => world?.stop());

const statusesOf = async (count, target, options) => {
  const statuses = [];
  for (let index = 0; index < count; ++index) statuses.push((await world.gateway.request('GET', target, options)).status);
  return statuses;
};

test('the sixth of five is refused, with the fields that say why and until when', async () => {
  const mark = world.upstream.mark();
  for (let left = 4; left >= 0; --left) {
    const response = await world.gateway.request('GET', '/five/x');
    assert.equal(response.status, 200);
  }
  const {response, bytes} = await world.ask('GET', '/five/x');
  assert.equal(response.status, 429);
  assert.equal(bytes, '');
  assert.equal(mark.requests().length, 5);
  const retryAfter = Number(response.fields.get('retry-after'));
  assert.ok(Number.isInteger(retryAfter) && retryAfter >= 1 && retryAfter <= 60, response.fields.get('retry-after'));
  // draft-ietf-httpapi-ratelimit-headers: "name";r=remaining;t=seconds and "name";q=quota;w=window
  assert.equal(response.fields.get('ratelimit'), `"ip";r=0;t=${retryAfter}`);
  assert.match(response.fields.get('ratelimit-policy'), /^"[^"]+";\s*q=5;\s*w=60/);
  assert.match(JSON.parse(response.body).code, /^[A-Z_]+$/);
  assert.ok(response.fields.get('x-request-id'));
});

test('other routes are not touched by it', async () => assert.deepEqual(await statusesOf(3, '/public/x'), [200, 200, 200]));

test('a parallel burst never gets more than the limit', async () => {
  const mark = world.upstream.mark();
  const clients = await Promise.all(Array.from({length: 20}, () => world.gateway.connect()));
  const statuses = (
    await Promise.all(
      clients.map(async (client) => {
        await client.send(Buffer.concat(Array.from({length: 10}, () => requestText('GET', '/burst/x'))));
        const found = [];
        for (let index = 0; index < 10; ++index) found.push((await client.finalResponse()).status);
        client.close();
        return found;
      }),
    )
  ).flat();
  const served = statuses.filter((status) => status === 200).length;
  // GCRA gives back one request each three seconds; the burst takes less than that.
  assert.ok(served >= 20 && served <= 22, `${served} were served`);
  assert.equal(mark.requests().length, served);
  assert.equal(statuses.filter((status) => status === 429).length, 200 - served);
});

describe('75: the key cannot be chosen by the client', () => {
  test('not by forwarding headers', async () => {
    const headers = (index) => ({'X-Forwarded-For': `198.51.100.${index}`, 'X-Real-IP': `198.51.100.${index}`, Forwarded: `for=198.51.100.${index}`, 'CF-Connecting-IP': `198.51.100.${index}`});
    const statuses = [];
    for (let index = 0; index < 8; ++index) statuses.push((await world.gateway.request('GET', '/spelled/x', {headers: headers(index)})).status);
    assert.deepEqual(statuses, [200, 200, 200, 200, 200, 429, 429, 429]);
  });
  test('not by another spelling of the path, a query or a method', async () => {
    for (const target of ['/spelled/y', '/%73pelled/x', '//spelled/x', '/./spelled/x', '/spelled/x?fresh=1', '/public/../spelled/x', '/spelled/x/']) {
      assert.ok([429, 301, 308, 404].includes((await world.gateway.request('GET', target)).status), target);
    }
    assert.equal((await world.gateway.request('POST', '/spelled/x', {body: 'x'})).status, 429);
  });
  test('not by a new connection or another name of the host', async () => {
    assert.equal((await world.gateway.request('GET', '/spelled/x', {host: 'GATEWAY.TEST:443'})).status, 429);
  });
});

test('by session: each session has its own, made-up cookies are no key', async () => {
  const other = await signIn(world.gateway, world.ada);
  const as = (session) => ({headers: {Cookie: session.cookie}});
  assert.deepEqual(await statusesOf(4, '/each/x', as(world.ada)), [200, 200, 200, 429]);
  assert.deepEqual(await statusesOf(4, '/each/x', as(world.bob)), [200, 200, 200, 429]);
  assert.deepEqual(await statusesOf(4, '/each/x', as(other)), [200, 200, 200, 429]);
  assert.deepEqual(await statusesOf(3, '/each/x', {headers: {Cookie: '__Secure-better-auth.session_token=forged.AAAA'}}), [401, 401, 401]);
});

test('several keys must all pass', async () => {
  const as = (session) => ({headers: {Cookie: session.cookie}});
  const statuses = [...(await statusesOf(3, '/both/x', as(world.ada))), ...(await statusesOf(3, '/both/x', as(world.bob)))];
  assert.deepEqual(statuses, [200, 200, 200, 200, 429, 429]);
});

test('by user: all sessions of one together', async () => {
  const other = await signIn(world.gateway, world.ada);
  const as = (session) => ({headers: {Cookie: session.cookie}});
  assert.deepEqual(await statusesOf(2, '/person/x', as(world.ada)), [200, 200]);
  assert.deepEqual(await statusesOf(2, '/person/x', as(other)), [200, 429]);
  assert.deepEqual(await statusesOf(1, '/person/x', as(world.bob)), [200]);
  assert.deepEqual(await statusesOf(3, '/together/x', as(world.bob)), [200, 200, 429]);
  assert.deepEqual(await statusesOf(1, '/together/x', as(world.ada)), [200]);
});

test('by route: whoever asks', async () => {
  assert.deepEqual(await statusesOf(1, '/whole/x'), [200]);
  assert.deepEqual(await statusesOf(2, '/whole/x', {headers: {Cookie: world.ada.cookie}}), [200, 429]);
});

test('the address limit counts before the cookie is looked at', async () => {
  assert.deepEqual(await statusesOf(5, '/guarded/x'), [401, 401, 401, 429, 429]);
  assert.equal((await world.gateway.request('GET', '/guarded/x', {headers: {Cookie: world.ada.cookie}})).status, 429);
});

test('it comes back after the time it told', async () => {
  assert.deepEqual(await statusesOf(2, '/quick/x'), [200, 200]);
  const refused = await world.gateway.request('GET', '/quick/x');
  assert.equal(refused.status, 429);
  await new Promise((resolve) => setTimeout(resolve, Number(refused.fields.get('retry-after')) * 1000));
  assert.equal((await world.gateway.request('GET', '/quick/x')).status, 200);
});

test('a rule that a reload changes holds at once, and what others have counted stays', async () => {
  const rule = (path, limit, window) => ({path, upstream: 'orders', auth: 'public', rate_limit: {limit, window, by: 'ip'}});
  const reloads = await World.start({routes: [rule('/wider/**', 2, '10h'), rule('/shorter/**', 2, '10h'), rule('/same/**', 2, '10h')]});
  try {
    const statuses = async () => {
      const answers = [];
      for (const path of ['/wider/x', '/shorter/x', '/same/x']) answers.push((await reloads.gateway.request('GET', path)).status);
      return answers;
    };
    assert.deepEqual([await statuses(), await statuses(), await statuses()], [[200, 200, 200], [200, 200, 200], [429, 429, 429]]);
    const routes = [rule('/wider/**', 3, '10h'), rule('/shorter/**', 2, '1m'), rule('/same/**', 2, '10h')];
    reloads.gateway.writeConfiguration({...reloads.gateway.configuration, routes});
    reloads.gateway.signal('SIGHUP');
    await reloads.gateway.until(() => reloads.gateway.stderr.includes('configuration reloaded'), 'reload');
    assert.deepEqual(await statuses(), [200, 200, 429]);
  } finally {
    await reloads.stop();
  }
});

test('a refusal is logged with its reason', async () => {
  const line = await world.gateway.logged((entry) => entry.status === 429);
  assert.match(JSON.stringify(line), /rate|limit/i);
});
