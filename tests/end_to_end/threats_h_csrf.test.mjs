// Cross-site requests to the auth endpoints, and where they could be made to lead.
import assert from 'node:assert/strict';
import {after, before, describe, test} from 'node:test';
import {kHost, kOrigin} from './support/gateway.mjs';
import {postJson, signUp} from './support/session.mjs';
import {World} from './support/world.mjs';

let world;
before(async () => {
  world = await World.start({gateway: {trusted_origins: ['https://app.example.test', 'https://*.wild.example.test', 'myapp://'], hosts: ['other.gateway.test']}});
  await world.signUpTwo();
});
after(() => world?.stop());

const post = (target, {body = {}, headers = {}} = {}) =>
  world.gateway.request('POST', target, {patience: 240_000, headers: {'Content-Type': 'application/json', ...headers}, body: typeof body === 'string' ? body : JSON.stringify(body)});
const isSignedIn = async (user) => JSON.parse((await world.gateway.request('GET', '/api/auth/get-session', {headers: {Cookie: user.cookie}})).body) !== null;

describe('86: a state-changing auth endpoint, asked from another site', () => {
  const changing = ['/sign-out', '/revoke-sessions', '/revoke-other-sessions', '/revoke-session', '/update-user', '/change-password', '/change-email', '/delete-user', '/link-social', '/unlink-account', '/sign-in/social', '/request-password-reset', '/send-verification-email'];
  const foreign = [{Origin: 'https://evil.test'}, {Referer: 'https://evil.test/page'}, {Origin: 'null'}, {Origin: 'https://evil.test', Referer: `${kOrigin}/`}, {'Sec-Fetch-Site': 'cross-site'}, {}];
  test('with a session cookie is 403 and changes nothing', async () => {
    const user = await signUp(world.gateway);
    for (const endpoint of changing) {
      for (const headers of foreign) {
        const response = await post(`/api/auth${endpoint}`, {headers: {Cookie: user.cookie, ...headers}, body: {token: user.token, name: 'Mallory', newPassword: 'another password', currentPassword: user.password, email: user.email}});
        assert.ok([403, 404].includes(response.status), `${endpoint} ${JSON.stringify(headers)}: ${response.status}`);
        if (response.status === 403) assert.match(JSON.parse(response.body).code, /^(INVALID_ORIGIN|MISSING_OR_NULL_ORIGIN)$/);
      }
    }
    assert.ok(await isSignedIn(user));
  });
  test('a form that signs a visitor in or up is refused without cookies too', async () => {
    for (const endpoint of ['/sign-in/email', '/sign-up/email']) {
      for (const headers of [{Origin: 'https://evil.test'}, {Referer: 'https://evil.test/'}, {'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate'}, {'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.test'}, {Origin: 'null', 'Sec-Fetch-Site': 'cross-site'}]) {
        for (const type of ['application/json', 'application/x-www-form-urlencoded']) {
          const body = type === 'application/json' ? JSON.stringify({email: world.ada.email, password: world.ada.password, name: 'M'}) : new URLSearchParams({email: world.ada.email, password: world.ada.password, name: 'M'}).toString();
          const response = await post(`/api/auth${endpoint}`, {headers: {...headers, 'Content-Type': type}, body});
          assert.equal(response.status, 403, `${endpoint} ${JSON.stringify(headers)}`);
          assert.deepEqual(response.fields.all('set-cookie'), []);
        }
      }
    }
  });
});

describe('87: origins are judged as parsed, not as text', () => {
  const refused = [
    `${kOrigin}.evil.test`, `https://evil.test/${kOrigin}`, `https://evil.test?${kOrigin}`, `https://evil.test#${kOrigin}`, `https://${kHost}@evil.test`, `https://evil.test\\@${kHost}`, `${kOrigin}:8443`, `http://${kHost}`,
    `https://x${kHost}`, `https://${kHost}.`, 'https://other.gateway.test', 'https://app.example.test.evil.test', 'https://app.example.test:81', 'https://evilwild.example.test', 'https://wild.example.test', 'https://a.wild.example.test.evil.test',
    'https://evil.test/.wild.example.test', 'null', 'file://', 'data:text/html,x', 'chrome-extension://abc', 'undefined', 'https://', '://', 'https://[::1]',
  ];
  const accepted = [kOrigin, 'https://app.example.test', 'https://a.wild.example.test', 'https://a.b.wild.example.test', `${kOrigin}:443`, `https://${kHost.toUpperCase()}`];
  for (const origin of refused) {
    test(`${origin} is refused`, async () => {
      const response = await post('/api/auth/update-session', {headers: {Cookie: world.ada.cookie, Origin: origin}});
      assert.ok([403, 404].includes(response.status));
      const signOut = await post('/api/auth/revoke-other-sessions', {headers: {Cookie: world.ada.cookie, Origin: origin}});
      assert.equal(signOut.status, 403, signOut.body.toString());
    });
  }
  for (const origin of accepted) {
    test(`${origin} is accepted`, async () => {
      assert.equal((await post('/api/auth/revoke-other-sessions', {headers: {Cookie: world.ada.cookie, Origin: origin}})).status, 200);
    });
  }
  test('the Host header makes nothing its own origin', async () => {
    const headers = {Cookie: world.ada.cookie, Origin: 'https://other.gateway.test'};
    const response = await world.gateway.request('POST', '/api/auth/revoke-other-sessions', {host: 'other.gateway.test', headers: {...headers, 'Content-Type': 'application/json'}, body: '{}'});
    assert.ok([403, 421].includes(response.status), String(response.status));
  });
});

describe('88: a body that a form can send is no JSON', () => {
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/json-patch+json', 'text/json', 'application/xml']) {
    test(`${type} → 415`, async () => {
      for (const endpoint of ['/sign-out', '/revoke-session']) {
        const response = await post(`/api/auth${endpoint}`, {headers: {'Content-Type': type, Cookie: world.ada.cookie, Origin: kOrigin}, body: JSON.stringify({token: world.ada.token})});
        assert.equal(response.status, 415, endpoint);
        assert.equal(JSON.parse(response.body).code, 'UNSUPPORTED_MEDIA_TYPE');
      }
      assert.ok(await isSignedIn(world.ada));
    });
  }
});

describe('89: a URL to be sent to afterwards leads nowhere else', () => {
  const evil = [
    '//evil.test', '///evil.test', '/\\evil.test', '\\\\evil.test', '/\\/evil.test', 'https:evil.test', 'https:/evil.test', 'https://evil.test', 'HTTPS://EVIL.TEST', 'javascript:alert(1)', ' javascript:alert(1)', 'JaVaScRiPt:alert(1)', 'java\tscript:alert(1)',
    'data:text/html,x', 'vbscript:x', 'file:///etc/passwd', '/\tevil', '/a\nb', '/%2fevil.test', '/%2Fevil.test', '/%5cevil.test', '%2f%2fevil.test', '@evil.test', `https://${kHost}@evil.test`, `${kOrigin}.evil.test`, `${kOrigin}:444/`,
    'https://evil.test/https://app.example.test', 'otherapp://x', 'blob:https://evil.test/x', 'evil.test', '\u0000/x', '/\u0080/x',
  ];
  const fields = {callbackURL: 'INVALID_CALLBACK_URL', redirectTo: 'INVALID_REDIRECT_URL', errorCallbackURL: 'INVALID_ERROR_CALLBACK_URL', newUserCallbackURL: 'INVALID_NEW_USER_CALLBACK_URL'};
  for (const url of evil) {
    test(`${JSON.stringify(url)} → 403`, async () => {
      for (const [field, code] of Object.entries(fields)) {
        const response = await postJson(world.gateway, '/api/auth/sign-in/email', {email: world.ada.email, password: world.ada.password, [field]: url});
        assert.equal(response.status, 403, `${field}: ${response.body}`);
        assert.equal(JSON.parse(response.body).code, code);
        assert.deepEqual([...response.fields.all('location'), ...response.fields.all('set-cookie')], []);
      }
    });
  }
  test('45: line ends that are written as escapes reach no header', async () => {
    const response = await postJson(world.gateway, '/api/auth/sign-in/email', {...world.ada, user: undefined, callbackURL: '/x?a=%0d%0aSet-Cookie:%20evil=1'});
    assert.equal(response.status, 200);
    assert.ok(!response.fields.all('set-cookie').some((line) => line.startsWith('evil')));
    assert.equal(response.fields.get('location'), '/x?a=%0d%0aSet-Cookie:%20evil=1');
  });
  test('a path of our own origin, and a trusted one, are followed', async () => {
    for (const url of ['/welcome', '/a?next=https://evil.test', 'https://app.example.test/in', 'https://a.wild.example.test/', 'myapp://in', `${kOrigin}/x`]) {
      const response = await postJson(world.gateway, '/api/auth/sign-in/email', {email: world.ada.email, password: world.ada.password, callbackURL: url});
      assert.equal(response.status, 200, `${url}: ${response.body}`);
      assert.equal(response.fields.get('location'), url);
    }
  });
});
