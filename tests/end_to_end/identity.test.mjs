// Who a request comes from: cookies, the answer without a session, the cross-site rule, the signed assertion, long sessions.
import assert from 'node:assert/strict';
import {createHmac, createPublicKey, verify} from 'node:crypto';
import {after, before, describe, test} from 'node:test';
import {kOrigin} from './support/gateway.mjs';
import {requestText} from './support/raw.mjs';
import {postJson, signIn, signUp} from './support/session.mjs';
import {World, expectIdentity, expectNoIdentity, kKey, kRoutes} from './support/world.mjs';

const kSharedKey = 'hs256-key-0123456789-abcdefghijklmnopqrstuvwxyz';
const kPreviousKey = 'previous-key-0123456789-abcdefghijklmnopqrstuvwxyz';
let world;

before(async () => {
  world = await World.start({
    routes: [
      ...kRoutes,
      {path: '/symmetric/**', upstream: 'symmetric'},
      {path: '/no-csrf/**', upstream: 'orders', csrf: 'off'},
      {path: '/fresh/**', upstream: 'orders', require: {fresh: '15m'}},
    ],
    gateway: {trusted_origins: ['https://app.example.test', 'https://*.wild.example.test']},
    // Both upstreams are the one recording server.
    upstreams: (url) => ({
      orders: {previous_key: kPreviousKey, assertion: {audience: 'orders-service', ttl: '5m'}},
      symmetric: {servers: [url], key: kSharedKey, assertion: {algorithm: 'HS256'}},
    }),
  });
  await world.signUpTwo();
});
after(() => world?.stop());

describe('62: a cookie that proves nothing', () => {
  const name = '__Secure-better-auth.session_token';
  const raw = () => decodeURIComponent(world.ada.cookie.slice(name.length + 1));
  const encoded = (value) => `${name}=${encodeURIComponent(value)}`;
  const flip = (text, at) => text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1);
  const cases = {
    none: () => '',
    empty: () => `${name}=`,
    'without signature': () => encoded(raw().split('.')[0]),
    'with an empty signature': () => encoded(`${raw().split('.')[0]}.`),
    'signature alone': () => encoded(`.${raw().split('.')[1]}`),
    cut: () => encoded(raw().slice(0, -5)),
    'with a changed token': () => encoded(flip(raw(), 3)),
    'with a changed signature': () => encoded(flip(raw(), raw().length - 20)),
    'with a longer token': () => encoded(`x${raw()}`),
    'with a second signature': () => encoded(`${raw()}.${raw().split('.')[1]}`),
    'signed with another secret': () => encoded(sign(world.ada.token, 'another-secret-0123456789-abcdefghijkl')),
    'signed with an empty secret': () => encoded(sign(world.ada.token, '')),
    'of a token that does not exist': () => encoded(sign('A'.repeat(32), world.gateway.configuration.gateway.secret)),
    'of an empty token': () => encoded(sign('', world.gateway.configuration.gateway.secret)),
    'under the name without prefix': () => world.ada.cookie.replace('__Secure-', ''),
    'under another case': () => world.ada.cookie.replace('better-auth', 'Better-Auth'),
    'under a longer name': () => `x${world.ada.cookie}`,
    'in quotes of another': () => `a="${world.ada.cookie}"`,
    'broken escapes': () => `${name}=%ZZ%${raw()}`,
    'NUL inside': () => encoded(`${world.ada.token}\0.${raw().split('.')[1]}`),
    'SQL inside': () => encoded(sign("' OR '1'='1", world.gateway.configuration.gateway.secret)),
    huge: () => `${name}=${'A'.repeat(10_000)}`,
    'many dots': () => `${name}=${'.'.repeat(5000)}`,
    'a session token as Bearer': () => undefined,
  };
  function sign(value, secret) {
    return `${value}.${createHmac('sha256', secret).update(value).digest('base64')}`;
  }
  for (const [kind, make] of Object.entries(cases)) {
    test(`${kind} → 401, nothing forwarded`, async () => {
      const cookie = make();
      const headers = cookie === undefined ? {Authorization: `Bearer ${world.ada.token}`} : cookie ? {Cookie: cookie} : {};
      const {response, bytes} = await world.ask('GET', '/private/x', {headers});
      assert.equal(response.status, 401);
      assert.equal(bytes, '');
      assert.equal(response.fields.get('content-type').split(';')[0], 'application/json');
      assert.equal(typeof JSON.parse(response.body).code, 'string');
      const open = await world.ask('GET', '/optional/x', {headers});
      if (open.response.status === 200) expectNoIdentity(open.requests[0]);
    });
  }

  test('65: of two cookies of the name an unsigned one never wins', async () => {
    for (const cookie of [`${name}=evil.AAAA; ${world.ada.cookie}`, `${world.ada.cookie}; ${name}=evil.AAAA`]) {
      const {response, requests} = await world.ask('GET', '/private/x', {headers: {Cookie: cookie}});
      if (response.status === 200) expectIdentity(requests[0], world.ada);
      else assert.ok([400, 401].includes(response.status));
    }
  });

  test('an unencoded value and lower-case escapes are the same cookie', async () => {
    for (const cookie of [`${name}=${raw()}`, world.ada.cookie.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase())]) {
      assert.equal((await world.ask('GET', '/private/x', {headers: {Cookie: cookie}})).response.status, 200);
    }
  });

  test('66: a cookie header over 16 KiB or of over 100 cookies → 431', async () => {
    const many = Array.from({length: 200}, (_, index) => `c${index}=1`).join('; ');
    for (const cookie of [`a=${'x'.repeat(20_000)}`, many]) {
      const {response, bytes} = await world.ask('GET', '/public/x', {headers: {Cookie: cookie}});
      assert.equal(response.status, 431);
      assert.equal(bytes, '');
    }
  });
});

describe('without a session', () => {
  const navigations = [
    {'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document', Accept: 'text/html,application/xhtml+xml,*/*;q=0.8'},
    {Accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'},
  ];
  for (const headers of navigations) {
    test(`a navigation (${Object.keys(headers)[0]}) is sent to the sign-in page`, async () => {
      const {response, bytes} = await world.ask('GET', '/private/page?a=1&b=2', {headers});
      assert.ok([302, 303].includes(response.status), `status ${response.status}`);
      const location = new URL(response.fields.get('location'), kOrigin);
      assert.equal(location.origin, kOrigin);
      assert.equal(location.pathname, '/sign-in');
      assert.ok(decodeURIComponent(location.search).includes('/private/page?a=1&b=2'), location.search);
      assert.equal(bytes, '');
      assert.match(response.fields.get('cache-control') ?? '', /no-store/);
    });
  }
  const others = [
    ['GET', {}], ['GET', {Accept: 'application/json'}], ['GET', {Accept: '*/*'}], ['GET', {'Sec-Fetch-Mode': 'cors', Accept: 'text/html'}], ['GET', {'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'image', Accept: 'image/*'}],
    ['POST', {Accept: 'text/html', 'Sec-Fetch-Mode': 'navigate'}], ['DELETE', {Accept: 'text/html'}], ['GET', {Accept: 'application/json, text/plain, */*', 'X-Requested-With': 'XMLHttpRequest'}],
  ];
  for (const [method, headers] of others) {
    test(`${method} ${JSON.stringify(headers)} answers 401 JSON`, async () => {
      const {response, bytes} = await world.ask(method, '/private/page', {headers});
      assert.equal(response.status, 401);
      assert.equal(typeof JSON.parse(response.body).message, 'string');
      assert.ok(!response.fields.has('location'));
      assert.ok(response.fields.has('x-request-id'));
      assert.equal(bytes, '');
    });
  }
});

describe('the cross-site rule of proxied routes', () => {
  const attempts = [
    ['the own origin', {Origin: kOrigin}, true],
    ['a trusted origin', {Origin: 'https://app.example.test'}, true],
    ['a trusted pattern', {Origin: 'https://a.wild.example.test'}, true],
    ['no Origin, same-origin', {'Sec-Fetch-Site': 'same-origin'}, true],
    ['no Origin, none', {'Sec-Fetch-Site': 'none'}, true],
    ['neither header: no browser', {}, true],
    ['a foreign origin', {Origin: 'https://evil.test'}, false],
    ['Origin: null', {Origin: 'null'}, false],
    ['an empty Origin', {Origin: ''}, false],
    ['two Origins', {Origin: `${kOrigin}, https://evil.test`}, false],
    ['a longer host', {Origin: 'https://gateway.test.evil.test'}, false],
    ['userinfo', {Origin: 'https://gateway.test@evil.test'}, false],
    ['http', {Origin: 'http://gateway.test'}, false],
    ['another port', {Origin: 'https://gateway.test:444'}, false],
    ['a sibling', {Origin: 'https://sibling.gateway.test'}, false],
    ['the pattern in a longer name', {Origin: 'https://a.wild.example.test.evil.test'}, false],
    ['no Origin, cross-site', {'Sec-Fetch-Site': 'cross-site'}, false],
    ['no Origin, same-site', {'Sec-Fetch-Site': 'same-site'}, false],
    ['a foreign origin that says same-origin', {Origin: 'https://evil.test', 'Sec-Fetch-Site': 'same-origin'}, false],
    ['a good Referer with a foreign origin', {Origin: 'https://evil.test', Referer: `${kOrigin}/x`}, false],
    ['an odd Sec-Fetch-Site', {'Sec-Fetch-Site': 'evil'}, false],
  ];
  for (const [name, headers, allowed] of attempts) {
    test(`${name} ${allowed ? 'may' : 'may not'} send an unsafe method with a session cookie`, async () => {
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'REPORT']) {
        for (const target of ['/private/x', '/optional/x']) {
          const {response, bytes} = await world.ask(method, target, {headers, as: world.ada, body: 'x'});
          assert.equal(response.status, allowed ? 200 : 403, `${method} ${target}`);
          if (!allowed) assert.equal(bytes, '');
        }
      }
      assert.equal((await world.ask('GET', '/private/x', {headers, as: world.ada})).response.status, 200, 'safe methods are free');
      assert.equal((await world.ask('POST', '/no-csrf/x', {headers, as: world.ada, body: 'x'})).response.status, 200, 'csrf: off');
    });
  }
  test('without a session cookie the rule does not apply', async () => {
    assert.equal((await world.ask('POST', '/public/x', {headers: {Origin: 'https://evil.test'}, body: 'x'})).response.status, 200);
    assert.equal((await world.ask('POST', '/private/x', {headers: {Origin: 'https://evil.test'}, body: 'x'})).response.status, 401);
  });
});

describe('preflights', () => {
  const preflight = (target, origin) => world.ask('OPTIONS', target, {headers: {Origin: origin, 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'content-type'}});
  test('of trusted origins are answered here, on protected routes too', async () => {
    for (const target of ['/private/x', '/public/x', '/api/auth/sign-in/email']) {
      const {response, bytes} = await preflight(target, 'https://app.example.test');
      assert.ok([200, 204].includes(response.status), `${target}: ${response.status}`);
      assert.equal(response.fields.get('access-control-allow-origin'), 'https://app.example.test');
      assert.equal(response.fields.get('access-control-allow-credentials'), 'true');
      assert.equal(bytes, '');
    }
  });
  test('of other origins are allowed nothing', async () => {
    for (const origin of ['https://evil.test', 'null']) {
      for (const target of ['/private/x', '/api/auth/sign-in/email']) {
        const {response, bytes} = await preflight(target, origin);
        assert.ok(!response.fields.has('access-control-allow-origin'));
        if (target === '/private/x') assert.equal(bytes, '');
      }
    }
  });
});

test('11: an upstream is sent its key, and never the previous one, which only it needs to know', async () => {
  for (const [target, as] of [['/private/key', world.ada], ['/public/key', undefined]]) {
    const {request, bytes} = await world.askOnce('GET', target, {as});
    assert.deepEqual(request.fields.all('authorization'), [`Bearer ${kKey}`]);
    assert.ok(!bytes.includes(kPreviousKey));
  }
});

describe('the signed assertion', () => {
  const decode = (part) => JSON.parse(Buffer.from(part, 'base64url'));
  const assertionOf = async (target, session) => (await world.askOnce('GET', target, {as: session})).request.fields.get('x-gatehouse-assertion');

  test('is an Ed25519 JWT that the published keys verify', async () => {
    const jwks = JSON.parse((await world.gateway.request('GET', '/.well-known/jwks.json')).body);
    const jwt = await assertionOf('/private/x', world.ada);
    const [head, payload, signature] = jwt.split('.');
    const header = decode(head);
    assert.equal(header.alg, 'EdDSA');
    assert.equal(header.typ, 'gatehouse-assertion+jwt');
    const key = jwks.keys.find((candidate) => candidate.kid === header.kid);
    assert.equal(key.kty, 'OKP');
    assert.equal(key.crv, 'Ed25519');
    assert.equal(key.d, undefined, 'no private part');
    assert.ok(verify(null, Buffer.from(`${head}.${payload}`), createPublicKey({key, format: 'jwk'}), Buffer.from(signature, 'base64url')));
    const claims = decode(payload);
    const now = Math.floor(Date.now() / 1000);
    assert.equal(claims.iss, kOrigin);
    assert.equal(claims.aud, 'orders-service');
    assert.equal(claims.sub, world.ada.user.id);
    assert.equal(claims.email, world.ada.email);
    assert.ok(claims.sid && claims.sid !== world.ada.token, 'the session’s id, not its token');
    assert.ok(Math.abs(claims.iat - now) < 300 && claims.exp > now && claims.exp - claims.iat <= 300);
  });

  test('the keys are on the internal listener as well', async () => {
    const outside = (await world.gateway.request('GET', '/.well-known/jwks.json')).body.toString();
    assert.equal((await world.gateway.internal('/.well-known/jwks.json')).body.toString(), outside);
  });

  test('each user, session and upstream has its own', async () => {
    const again = await signIn(world.gateway, world.ada);
    const [one, two, three] = [await assertionOf('/private/x', world.ada), await assertionOf('/private/x', world.bob), await assertionOf('/private/x', again)];
    assert.equal(new Set([one, two, three]).size, 3);
    assert.equal(decode(two.split('.')[1]).sub, world.bob.user.id);
    assert.notEqual(decode(one.split('.')[1]).sid, decode(three.split('.')[1]).sid);
  });

  test('HS256 is signed with the key of the upstream', async () => {
    const [head, payload, signature] = (await assertionOf('/symmetric/x', world.ada)).split('.');
    assert.equal(decode(head).alg, 'HS256');
    assert.equal(decode(head).typ, 'gatehouse-assertion+jwt');
    assert.equal(signature, createHmac('sha256', kSharedKey).update(`${head}.${payload}`).digest('base64url'));
    assert.equal(decode(payload).aud, 'symmetric');
    assert.equal(decode(payload).sub, world.ada.user.id);
  });
});

describe('sessions end', () => {
  test('64: a signed-out token is refused at once, on an open connection too', async () => {
    const session = await signIn(world.gateway, world.ada);
    const client = await world.gateway.connect();
    const ask = async () => {
      await client.send(requestText('GET', '/private/x', {headers: {Cookie: session.cookie}}));
      return (await client.finalResponse()).status;
    };
    assert.equal(await ask(), 200);
    assert.equal((await postJson(world.gateway, '/api/auth/sign-out', {}, {Cookie: session.cookie})).status, 200);
    assert.equal(await ask(), 401);
    client.close();
  });

  test('63: each sign-in gives a new token', async () => {
    const tokens = new Set();
    for (let index = 0; index < 3; ++index) tokens.add((await signIn(world.gateway, world.bob)).token);
    assert.equal(tokens.size, 3);
  });

  test('a require of freshness holds for a new session', async () => {
    assert.equal((await world.ask('GET', '/fresh/x', {as: world.ada})).response.status, 200);
    assert.equal((await world.ask('GET', '/fresh/x')).response.status, 401);
  });

  test('a session past its update age is refreshed by proxied traffic, once', async () => {
    const brief = await World.start({
      routes: [...kRoutes, {path: '/fresh/**', upstream: 'orders', require: {fresh: '1s'}}],
      gateway: {auth: {session: {expires_in: '1m', update_age: '1s'}}},
    });
    try {
      const session = await signUp(brief.gateway);
      const ask = (target) => brief.gateway.request('GET', target, {headers: {Cookie: session.cookie}});
      const refreshed = (response) => response.fields.all('set-cookie').filter((line) => line.includes('session_token='));
      assert.deepEqual(refreshed(await ask('/private/early')), []);
      let lines = [];
      for (const started = Date.now(); lines.length === 0; ) {
        assert.ok(Date.now() - started < 30_000, 'the cookie was never set again');
        const response = await ask('/private/x');
        assert.equal(response.status, 200);
        assert.equal(response.body.toString(), 'GET /private/x');
        lines = refreshed(response);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      assert.equal(lines.length, 1);
      assert.ok(lines[0].startsWith(session.cookie), 'the same token');
      assert.match(lines[0], /; Max-Age=60; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
      assert.equal((await ask('/fresh/x')).status, 403, 'a refresh makes no session fresh');
    } finally {
      await brief.stop();
    }
  });
});
