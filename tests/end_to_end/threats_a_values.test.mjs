// Threats A: what the gateway itself puts into the upstream's head, and the secrets that it keeps. Judged by the recorded bytes.
import assert from 'node:assert/strict';
import {after, before, describe, test} from 'node:test';
import {signUp} from './support/session.mjs';
import {World, expectIdentity, expectOnlyGatewayValues, kKey, kRoutes} from './support/world.mjs';

let world;

before(async () => {
  world = await World.start({
    routes: [
      ...kRoutes,
      {path: '/pages/**', upstream: 'orders', auth: 'optional', forward_session_cookie: true},
      {path: '/stripped/**', upstream: 'orders', auth: 'public', strip_prefix: '/stripped'},
    ],
  });
  await world.signUpTwo();
});
after(() => world?.stop());

describe('10: a user attribute with odd characters leaves the upstream head well-formed', () => {
  const names = [
    'Eve\r\nX-User-Role: admin',
    'Eve\nX-User-Role: admin',
    'Eve\rX-User-Role: admin',
    'Eve\r\n\r\nGET /private/smuggled HTTP/1.1\r\nHost: gateway.test',
    'Zoë Ünïcode',
    '漢字 かな',
    '😀 smile',
    'tab\there',
    'bell\u0007',
    'delete\u007f',
    'escape\u001b[31m',
    'line\u2028separator\u0085',
    '  padded  ',
    'nul\u0000here',
    'quo"te\\back, semi; colon:',
  ];
  for (const name of names) {
    test(JSON.stringify(name), async () => {
      let session;
      try {
        session = await signUp(world.gateway, {name});
      } catch (error) {
        if (/sign-up/.test(error.message) && name.includes('\0')) return; // the store refuses NUL
        throw error;
      }
      const {request} = await world.askOnce('GET', '/private/name', {as: session});
      expectIdentity(request, session);
      const sent = request.fields.get('x-user-name');
      assert.match(sent, /^[\x20-\x7e]*$/);
      assert.ok(!request.fields.has('x-user-role') || request.fields.get('x-user-role') !== 'admin');
      if (!name.startsWith(' ')) assert.equal(decodeURIComponent(sent), name);
      await world.expectHealthy(name);
    });
  }
});

test('11: TRACE shows the internal key to nobody', async () => {
  const {response, bytes} = await world.ask('TRACE', '/public/trace', {headers: {'X-Secret': 'mine'}});
  assert.ok([400, 404, 405, 501].includes(response.status), `status ${response.status}`);
  assert.equal(bytes, '');
  assert.ok(!response.body.toString().includes('mine'));
});

describe('12: the gateway keeps its own cookies', () => {
  const own = (session) => [
    session.cookie,
    `better-auth.session_token=${session.cookie.split('=').slice(1).join('=')}`,
    '__Secure-better-auth.session_data=evil',
    '__Secure-better-auth.session_data.0=evil',
    '__Secure-better-auth.dont_remember=evil',
    '__Secure-better-auth.state=evil',
    'better-auth.session_data=evil',
    '__Secure-better-auth.account_data=evil',
  ];

  test('its cookies are removed, others are forwarded unchanged', async () => {
    for (const cookie of own(world.ada)) {
      for (const target of ['/optional/cookies', '/public/cookies']) {
        const headers = [['Cookie', `theme=dark; ${cookie}; x="y z"; a=b=c%20; empty=`]];
        const {request, bytes} = await world.askOnce('GET', target, {headers});
        assert.equal(request.fields.all('cookie').join('; '), 'theme=dark; x="y z"; a=b=c%20; empty=');
        assert.ok(!bytes.includes(world.ada.token) && !bytes.includes('evil'), bytes);
      }
    }
  });

  test('with no other cookie the upstream gets none', async () => {
    const {request} = await world.askOnce('GET', '/private/cookies', {as: world.ada});
    assert.deepEqual(request.fields.all('cookie'), []);
  });

  test('cookies in several lines, without blanks and in odd order are understood alike', async () => {
    const headers = [['Cookie', `a=1;${world.ada.cookie};b=2`], ['Cookie', world.bob.cookie], ['cookie', 'c=3']];
    const {response, requests, bytes} = await world.ask('GET', '/optional/cookies', {headers});
    if (response.status === 400) return;
    assert.deepEqual(requests[0].fields.all('cookie').join('; ').split(/; ?/), ['a=1', 'b=2', 'c=3']);
    assert.ok(!bytes.includes(world.ada.token) && !bytes.includes(world.bob.token));
  });

  test('forward_session_cookie keeps the session cookie', async () => {
    const {request} = await world.askOnce('GET', '/pages/home', {headers: [['Cookie', `theme=dark; ${world.ada.cookie}`]]});
    assert.ok(request.fields.get('cookie').includes(world.ada.cookie));
    assert.ok(request.fields.get('cookie').includes('theme=dark'));
  });
});

test('13: forwarding headers of an untrusted peer are replaced by the socket address', async () => {
  const spoofed = [
    ['X-Forwarded-For', '6.6.6.6'],
    ['X-Forwarded-For', '6.6.6.6, 127.0.0.1'],
    ['X-Real-IP', '6.6.6.6'],
    ['Forwarded', 'for=6.6.6.6;proto=http;host=evil.test'],
    ['Client-IP', '6.6.6.6'],
    ['X-Client-IP', '6.6.6.6'],
    ['True-Client-IP', '6.6.6.6'],
    ['CF-Connecting-IP', '6.6.6.6'],
    ['X-Cluster-Client-IP', '6.6.6.6'],
  ];
  for (const header of spoofed) {
    const {request} = await world.askOnce('GET', '/public/ip', {headers: [header]});
    assert.deepEqual(request.fields.all('x-forwarded-for'), ['127.0.0.1'], header[0]);
    for (const value of request.fields.all('x-real-ip')) assert.equal(value, '127.0.0.1');
    for (const value of request.fields.all('forwarded')) assert.ok(!value.includes('6.6.6.6') && !value.includes('evil'));
  }
});

test('14: X-Forwarded-Proto, -Host, -Port and -Prefix tell what the gateway saw', async () => {
  const headers = [['X-Forwarded-Proto', 'http'], ['X-Forwarded-Host', 'evil.test'], ['X-Forwarded-Port', '666'], ['X-Forwarded-Prefix', '/evil']];
  const {request} = await world.askOnce('GET', '/public/proto', {headers});
  expectOnlyGatewayValues(request);
  assert.equal(request.fields.get('x-forwarded-proto'), 'https');
  assert.equal(request.fields.get('x-forwarded-host'), 'gateway.test');
  assert.ok(!request.fields.all('x-forwarded-port').includes('666'));
  const stripped = await world.askOnce('GET', '/stripped/inner', {headers});
  expectOnlyGatewayValues(stripped.request);
  assert.equal(stripped.request.target, '/inner');
});

describe('13: behind a listed proxy', () => {
  let trusted;
  before(async () => {
    trusted = await World.start({gateway: {trusted_proxies: ['127.0.0.0/8', '10.0.0.0/8']}});
  });
  after(() => trusted?.stop());

  const table = [
    ['203.0.113.7', '203.0.113.7'],
    ['6.6.6.6, 203.0.113.7', '203.0.113.7'],
    ['6.6.6.6, 203.0.113.7, 10.1.2.3', '203.0.113.7'],
    ['6.6.6.6,203.0.113.7,\t10.1.2.3 , 10.9.9.9', '203.0.113.7'],
    ['2001:db8::7, 10.1.2.3', '2001:db8::7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
  ];
  for (const [chain, client] of table) {
    test(`${chain} is walked from the right to ${client}`, async () => {
      const {request} = await trusted.askOnce('GET', '/public/ip', {headers: [['X-Forwarded-For', chain]]});
      const sent = request.fields.all('x-forwarded-for').join(', ');
      assert.ok(!sent.includes('6.6.6.6'), sent);
      assert.equal(sent.split(',')[0].trim(), client);
      if (request.fields.has('x-real-ip')) assert.equal(request.fields.get('x-real-ip'), client);
    });
  }

  for (const chain of ['6.6.6.6, not-an-address', '6.6.6.6, 300.1.1.1', '6.6.6.6,', '', 'unknown', '6.6.6.6, evil:80:80']) {
    test(`a chain that cannot be read (${JSON.stringify(chain)}) is believed no further`, async () => {
      const {request} = await trusted.askOnce('GET', '/public/ip', {headers: [['X-Forwarded-For', chain]]});
      assert.ok(!request.fields.all('x-forwarded-for').join(',').includes('6.6.6.6'));
      assert.ok(!request.fields.all('x-forwarded-for').join(',').includes('evil'));
    });
  }
});

test('11: the internal key is in no answer, log or metric', async () => {
  const metrics = await world.gateway.internal('/metrics');
  const seen = Buffer.concat([...world.gateway.transcript, metrics.body, Buffer.from(world.gateway.stdout + world.gateway.stderr)]);
  assert.ok(!seen.includes(kKey));
});
