// Cross-origin requests: trusted origins may call and read, on every route; other origins are told nothing, whatever an upstream says.
import assert from 'node:assert/strict';
import {after, before, describe, test} from 'node:test';
import {kOrigin} from './support/gateway.mjs';
import {answer} from './support/upstream.mjs';
import {World, kRoutes} from './support/world.mjs';

const kTrusted = ['https://app.example.test', 'https://a.wild.example.test', 'https://env.example.test'];
const kForeign = [
  'https://evil.test', 'null', 'https://app.example.test.evil.test', 'https://evil.test#https://app.example.test', 'https://app.example.test:444', 'http://app.example.test',
  'https://APP.example.test', 'https://app.example.test/', 'https://app.example.test.', 'https://user@app.example.test', 'https://wild.example.test', '', 'https://app.example.test, https://evil.test',
];
const kTargets = ['/private/x', '/public/x', '/optional/x', '/api/auth/get-session', '/api/auth/nothing', '/sign-in', '/.well-known/jwks.json'];
const kUpstreamSays = [['Access-Control-Allow-Origin', 'https://evil.test'], ['Access-Control-Allow-Credentials', 'true'], ['Access-Control-Allow-Methods', 'DELETE'], ['Access-Control-Expose-Headers', 'X-Total'], ['Vary', 'Accept']];

let world;
const settings = (auth) => ({
  routes: [...kRoutes, {path: '/own/**', upstream: 'orders', cors: false}, {path: '/free/**', upstream: 'orders', auth: 'public', cors: false}],
  env: {BETTER_AUTH_TRUSTED_ORIGINS: 'https://env.example.test'},
  gateway: {trusted_origins: ['https://app.example.test', 'https://*.wild.example.test'], auth},
  respond: async (received, wire) => {
    await received.complete;
    wire.write(answer(200, 'hello', kUpstreamSays));
  },
});
before(async () => {
  world = await World.start(settings({}));
  await world.signUpTwo();
});
after(() => world?.stop());

const corsFields = ({fields}) => fields.list.filter(([name]) => /^access-control-/i.test(name)).map(([name, value]) => `${name.toLowerCase()}: ${value}`);
const preflight = (target, origin, method = 'GET') =>
  world.ask('OPTIONS', target, {headers: {Origin: origin, 'Access-Control-Request-Method': method, 'Access-Control-Request-Headers': 'content-type,x-custom'}});

describe('a trusted origin', () => {
  for (const target of kTargets) {
    test(`may call ${target}, and read what is answered`, async () => {
      for (const origin of kTrusted) {
        const {response, bytes} = await preflight(target, origin);
        assert.equal(response.status, 204, `${target} ${origin}`);
        assert.deepEqual(corsFields(response), [
          `access-control-allow-origin: ${origin}`, 'access-control-allow-credentials: true', 'access-control-max-age: 600',
          'access-control-allow-methods: GET', 'access-control-allow-headers: content-type,x-custom',
        ]);
        assert.match(response.fields.all('vary').join(', '), /Origin/);
        assert.equal(bytes, '', 'the upstream was bothered');
        for (const as of [undefined, world.ada]) {
          const answer = (await world.ask('GET', target, {as, headers: {Origin: origin}})).response;
          assert.deepEqual(answer.fields.all('access-control-allow-origin'), [origin], `${target}: ${answer.status}`);
          assert.deepEqual(answer.fields.all('access-control-allow-credentials'), ['true']);
          assert.match(answer.fields.all('vary').join(', '), /Origin/);
        }
      }
    });
  }
  test('is told of refusals as of answers, and what an upstream lets it see besides', async () => {
    const refused = (await world.ask('GET', '/private/x', {headers: {Origin: kTrusted[0]}})).response;
    assert.equal(refused.status, 401);
    assert.equal(refused.fields.get('access-control-allow-origin'), kTrusted[0]);
    const seen = (await world.ask('GET', '/public/x', {headers: {Origin: kTrusted[0]}})).response.fields.all('access-control-expose-headers').join(', ');
    for (const name of ['X-Total', 'X-Request-ID', 'Retry-After', 'X-Retry-After']) assert.ok(seen.includes(name), `${name}: ${seen}`);
  });
});

describe('any other origin', () => {
  for (const origin of kForeign) {
    test(`${JSON.stringify(origin)} is told nothing`, async () => {
      for (const target of kTargets) {
        for (const method of ['GET', 'POST', 'DELETE']) assert.deepEqual(corsFields((await preflight(target, origin, method)).response), [], `preflight ${target}`);
        for (const as of [undefined, world.ada]) {
          const {response} = await world.ask('GET', target, {as, headers: {Origin: origin}});
          assert.deepEqual(corsFields(response), [], `${target}: ${response.status}`);
          if (target !== '/sign-in') assert.match(response.fields.all('vary').join(', '), /Origin/, 'a cache could hand it on');
        }
      }
    });
  }
  test('several Origin fields are none', async () => {
    const {response} = await world.ask('GET', '/public/x', {headers: [['Origin', kTrusted[0]], ['Origin', 'https://evil.test']]});
    if (response.status !== 400) assert.deepEqual(corsFields(response), []);
  });
});

test('base_url itself needs no such field', async () => {
  assert.deepEqual(corsFields((await world.ask('GET', '/private/x', {as: world.ada, headers: {Origin: kOrigin}})).response), []);
});

test('a route that leaves CORS to its upstream still shows no session to an origin that is not trusted', async () => {
  const own = async (target, origin) => corsFields((await world.ask('GET', target, {as: world.ada, headers: {Origin: origin}})).response);
  assert.ok(!(await own('/own/x', 'https://evil.test')).some((line) => line.includes('credentials')));
  assert.ok((await own('/own/x', kTrusted[0])).includes('access-control-allow-credentials: true'));
  assert.ok((await own('/free/x', 'https://evil.test')).includes('access-control-allow-origin: https://evil.test'));
});

test('switched off, answers of the auth endpoints have no such field, and preflights are 404 as the library’s', async () => {
  const off = await World.start(settings({cors: {enabled: false}}));
  try {
    const headers = {Origin: kTrusted[0], 'Access-Control-Request-Method': 'POST'};
    const asked = (await off.ask('OPTIONS', '/api/auth/sign-in/email', {headers})).response;
    assert.equal(asked.status, 404);
    for (const target of ['/api/auth/ok', '/api/auth/nothing']) {
      const {response} = await off.ask('GET', target, {headers: {Origin: kTrusted[0]}});
      assert.deepEqual(corsFields(response), []);
      assert.deepEqual(response.fields.all('vary'), []);
    }
    assert.deepEqual(corsFields(asked), []);
  } finally {
    await off.stop();
  }
});
