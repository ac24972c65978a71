// Threats A: identity and internal headers. Judged by what the recording upstream received.
import assert from 'node:assert/strict';
import {after, before, describe, test} from 'node:test';
import {requestText} from './support/raw.mjs';
import {
  World,
  expectIdentity,
  expectNoIdentity,
  expectOnlyGatewayValues,
  kIdentityNames,
  kInjectedNames,
  kKey,
  kRoutes,
} from './support/world.mjs';

let world;

before(async () => {
  world = await World.start({
    routes: [...kRoutes, {path: '/legacy/**', upstream: 'orders', forward_authorization_as: 'X-Client-Authorization'}],
  });
  await world.signUpTwo();
});
after(() => world?.stop());

const kSpellings = {
  'as written': (name) => name,
  'lower case': (name) => name.toLowerCase(),
  'upper case': (name) => name.toUpperCase(),
  'swapped case': (name) => [...name].map((c, i) => (i % 2 ? c.toUpperCase() : c.toLowerCase())).join(''),
};

// Characters that may stand in a name and that some upstream reads as '-'.
const kSeparators = ['_', '.', '--', '__', '-_', '_-', '~', '!', '#', '$', '%', '&', "'", '*', '+', '^', '`', '|'];

function* chunksOf(list, size) {
  for (let at = 0; at < list.length; at += size) yield list.slice(at, at + size);
}

function evil(names) {
  return names.map((name) => [name, 'evil']);
}

for (const [kind, spell] of Object.entries(kSpellings)) {
  test(`1: injected names ${kind} are replaced on a protected route and removed on a public one`, async () => {
    const headers = evil([...kInjectedNames, 'traceparent'].map(spell).filter((name) => name.toLowerCase() !== 'authorization'));
    const signedIn = await world.askOnce('GET', '/private/one', {headers, as: world.ada});
    assert.equal(signedIn.response.status, 200);
    expectOnlyGatewayValues(signedIn.request);
    expectIdentity(signedIn.request, world.ada);
    assert.ok(signedIn.request.fields.all('traceparent').length <= 1);
    for (const target of ['/public/one', '/optional/one']) {
      const open = await world.askOnce('GET', target, {headers});
      expectOnlyGatewayValues(open.request);
      expectNoIdentity(open.request);
    }
  });

  test(`1: the client's Authorization ${kind} never reaches an upstream`, async () => {
    for (const value of ['Bearer evil', 'Basic ZXZpbDpldmls', 'evil', 'Bearer', '', 'Bearer evil, Bearer evil', '\tBearer  evil']) {
      const headers = [[spell('Authorization'), value]];
      const {request} = await world.askOnce('GET', '/public/two', {headers});
      expectOnlyGatewayValues(request);
      for (const sent of request.fields.all('authorization')) assert.equal(sent, `Bearer ${kKey}`);
      const refused = await world.ask('GET', '/private/two', {headers});
      assert.equal(refused.response.status, 401);
      assert.equal(refused.bytes, '');
    }
  });
}

test('1: on a public route a session does not turn into identity unless the gateway says so itself', async () => {
  const {request} = await world.askOnce('GET', '/public/three', {as: world.ada, headers: evil(kIdentityNames)});
  expectOnlyGatewayValues(request);
  const sent = request.fields.get('x-user-id');
  assert.ok(sent === undefined || sent === world.ada.user.id);
});

test('1: on an optional route a signed-in user is named, a stranger is not', async () => {
  expectIdentity((await world.askOnce('GET', '/optional/four', {as: world.ada})).request, world.ada);
  expectNoIdentity((await world.askOnce('GET', '/optional/four')).request);
});

test("1: forward_authorization_as keeps the client's value under that name alone", async () => {
  const headers = [
    ['Authorization', 'Bearer from-the-client'],
    ['X-Client-Authorization', 'evil'],
    ['X_Client_Authorization', 'evil'],
  ];
  const {request} = await world.askOnce('GET', '/legacy/one', {headers, as: world.ada});
  assert.equal(request.fields.get('authorization'), `Bearer ${kKey}`);
  assert.deepEqual(request.fields.all('x-client-authorization'), ['Bearer from-the-client']);
  expectOnlyGatewayValues(request);
});

test('2: a name that folds to an injected name never reaches the upstream', async () => {
  const spellings = kInjectedNames
    .filter((name) => name.includes('-'))
    .flatMap((name) => kSeparators.map((separator) => name.replaceAll('-', separator)))
    .concat(['X-User_ID', 'x_user-id', 'X-USER_id', 'X__User--ID', 'HTTP_X_USER_ID'.slice(5), 'x.user_ID', 'X_Gatehouse-Assertion']);
  for (const names of chunksOf(spellings, 60)) {
    for (const [target, session] of [['/public/fold', undefined], ['/private/fold', world.ada]]) {
      const {response, requests, bytes} = await world.ask('GET', target, {headers: evil(names), as: session});
      assert.ok([200, 400, 431].includes(response.status), `status ${response.status}`);
      assert.ok(!bytes.toLowerCase().includes('evil'), `a look-alike reached the upstream:\n${bytes}`);
      for (const request of requests) expectOnlyGatewayValues(request);
      if (response.status === 200 && session) expectIdentity(requests[0], session);
    }
  }
});

test('2: each look-alike alone is removed or refused', async () => {
  for (const separator of kSeparators) {
    const name = `X${separator}User${separator}ID`;
    const {response, bytes} = await world.ask('GET', '/public/alone', {headers: [[name, 'evil']]});
    assert.ok([200, 400].includes(response.status), `${name}: ${response.status}`);
    assert.ok(!bytes.includes('evil'), name);
  }
});

test('2: an ordinary name that only resembles an injected one is kept', async () => {
  const headers = [['X-Username', 'kept-1'], ['X-Custom-Header', 'kept-2'], ['X-Request-Start', 'kept-3'], ['X-Real', 'kept-4']];
  const {request} = await world.askOnce('GET', '/public/kept', {headers});
  for (const [name, value] of headers) assert.equal(request.fields.get(name), value);
});

test('3: an injected name that is repeated arrives once, with the value of the gateway', async () => {
  for (const name of kInjectedNames) {
    const headers = [[name, 'evil-1'], [name.toLowerCase(), 'evil-2'], ['X-Between', 'kept'], [name.toUpperCase(), 'evil-3'], [name, '']];
    const {request} = await world.askOnce('GET', '/private/repeat', {headers, as: world.ada});
    expectOnlyGatewayValues(request);
    expectIdentity(request, world.ada);
    assert.ok(request.fields.all(name).length <= 1, name);
    assert.equal(request.fields.get('x-between'), 'kept');
  }
});

test('3: traceparent is continued or replaced, never doubled, and a malformed one is not passed on', async () => {
  const parent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  for (const values of [[parent], [parent, parent], ['evil'], [parent, 'evil'], ['00-00000000000000000000000000000000-0000000000000000-00'], ['']]) {
    const {request} = await world.askOnce('GET', '/public/trace', {headers: values.map((value) => ['traceparent', value])});
    expectOnlyGatewayValues(request);
    const sent = request.fields.all('traceparent');
    assert.ok(sent.length <= 1);
    if (sent.length === 1) {
      assert.match(sent[0], /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/);
    }
  }
});

test("3: the client's request id is not believed, and the answer names the one the upstream got", async () => {
  const {request, response} = await world.askOnce('GET', '/public/id', {headers: [['X-Request-ID', 'evil-id']]});
  assert.ok(!request.fields.get('x-request-id').includes('evil'));
  assert.equal(response.fields.get('x-request-id'), request.fields.get('x-request-id'));
});

test('4: an injected name in a chunked trailer is forwarded neither as trailer nor as header', async () => {
  for (const session of [undefined, world.ada]) {
    const target = session ? '/private/trailer' : '/public/trailer';
    for (const names of chunksOf([...kInjectedNames, ...kIdentityNames.map((name) => name.replaceAll('-', '_'))], 8)) {
      const headers = [['Transfer-Encoding', 'chunked'], ['Trailer', names.join(', ')], ['TE', 'trailers']];
      const body = `5\r\nhello\r\n0\r\n${names.map((name) => `${name}: evil\r\n`).join('')}\r\n`;
      const {response, requests, bytes} = await world.ask('POST', target, {headers, body, as: session});
      assert.ok(!bytes.includes('evil'), bytes);
      if (response.status === 200) {
        assert.equal(requests[0].body.toString(), 'hello');
        assert.deepEqual(requests[0].trailers.list, []);
      } else {
        assert.equal(response.status, 400);
      }
    }
  }
});

test('5: Connection naming injected headers takes none of them away', async () => {
  const lists = [...kInjectedNames.map((name) => name), kInjectedNames.join(', '), kInjectedNames.join(',').toLowerCase(), 'X-User-ID,,X-User-ID'];
  for (const list of lists) {
    for (const connection of [list, `close, ${list}`, `keep-alive,${list}`]) {
      const {response, requests} = await world.ask('GET', '/private/hop', {headers: [['Connection', connection]], as: world.ada});
      if (response.status === 400) {
        assert.deepEqual(requests, []);
        continue;
      }
      assert.equal(response.status, 200, connection);
      expectIdentity(requests[0], world.ada);
      assert.equal(requests[0].fields.get('x-forwarded-proto'), 'https');
      assert.ok(requests[0].fields.has('x-forwarded-for'));
    }
  }
});

test('5: Connection naming injected headers in several lines takes none of them away', async () => {
  const headers = kInjectedNames.map((name) => ['Connection', name]);
  const {response, requests} = await world.ask('GET', '/private/hop', {headers, as: world.ada});
  if (response.status !== 400) expectIdentity(requests[0], world.ada);
});

test('6: Connection cannot take Host, Content-Length, Cookie or X-Forwarded-For away', async () => {
  for (const named of ['Host', 'Content-Length', 'Cookie', 'X-Forwarded-For', 'Origin', 'Transfer-Encoding', 'Authorization', 'host, content-length, cookie']) {
    const headers = [['Connection', named], ['Origin', 'https://gateway.test']];
    const {response, requests, bytes} = await world.ask('POST', '/private/six', {headers, body: 'hello', as: world.ada});
    if (response.status === 200) {
      assert.equal(requests.length, 1, named);
      assert.equal(requests[0].body.toString(), 'hello');
      assert.equal(requests[0].fields.all('host').length, 1);
      expectIdentity(requests[0], world.ada);
      assert.equal(requests[0].fields.get('x-forwarded-for'), '127.0.0.1');
    } else {
      assert.ok([400, 401].includes(response.status), `${named}: ${response.status}`);
      assert.equal(bytes, '');
    }
    await world.expectHealthy(named);
  }
});

test('6: Connection naming Origin does not switch the cross-site check off', async () => {
  const headers = [['Connection', 'Origin, Sec-Fetch-Site'], ['Origin', 'https://evil.test'], ['Sec-Fetch-Site', 'cross-site']];
  const {response, bytes} = await world.ask('POST', '/private/six', {headers, body: 'x', as: world.ada});
  assert.ok([400, 403].includes(response.status), `status ${response.status}`);
  assert.equal(bytes, '');
});

test('7: hop-by-hop headers and what Connection names are not forwarded', async () => {
  const table = [
    [['Connection', 'X-Foo'], ['X-Foo', 'evil']],
    [['Connection', 'x-foo , X-BAR'], ['X-Foo', 'evil'], ['x-bar', 'evil']],
    [['Connection', ',, close ,\tX-Foo,'], ['X-Foo', 'evil']],
    [['Connection', 'close'], ['Connection', 'X-Foo'], ['X-Foo', 'evil']],
    [['X-Foo', 'evil'], ['Connection', 'X-Foo']],
    [['Keep-Alive', 'timeout=5, evil']],
    [['Proxy-Connection', 'evil']],
    [['Proxy-Authorization', 'Basic evil']],
    [['Proxy-Authenticate', 'evil']],
    [['TE', 'trailers, evil']],
    [['Trailer', 'X-evil']],
    [['Upgrade', 'evil/1']],
    [['Connection', 'Upgrade'], ['Upgrade', 'evil/1']],
    [['Connection', 'upgrade, http2-settings'], ['Upgrade', 'h2c'], ['HTTP2-Settings', 'evil']],
  ];
  for (const headers of table) {
    const {response, requests, bytes} = await world.ask('GET', '/public/seven', {headers});
    const label = JSON.stringify(headers);
    assert.ok([200, 400].includes(response.status), `${label}: ${response.status}`);
    assert.ok(!bytes.toLowerCase().includes('evil') && !/h2c|http2-settings/i.test(bytes), `${label}:\n${bytes}`);
    if (response.status === 200) {
      for (const name of ['keep-alive', 'proxy-connection', 'te', 'upgrade', 'trailer']) assert.equal(requests[0].fields.has(name), false, label);
    }
  }
});

test('8: a request without cookie after a signed-in one on the same connection carries no identity', async () => {
  const client = await world.gateway.connect();
  const mark = world.upstream.mark();
  await client.send(requestText('GET', '/private/a', {headers: {Cookie: world.ada.cookie}}));
  assert.equal((await client.finalResponse()).status, 200);
  await client.send(requestText('GET', '/optional/b'));
  assert.equal((await client.finalResponse()).status, 200);
  await client.send(requestText('GET', '/private/c'));
  assert.equal((await client.finalResponse()).status, 401);
  await client.send(requestText('GET', '/private/d', {headers: {Cookie: world.bob.cookie}}));
  assert.equal((await client.finalResponse()).status, 200);
  client.close();
  assert.deepEqual(mark.requests().map((request) => request.target), ['/private/a', '/optional/b', '/private/d']);
  expectIdentity(mark.requests()[0], world.ada);
  expectNoIdentity(mark.requests()[1]);
  expectIdentity(mark.requests()[2], world.bob);
});

test('9: users that share an upstream connection keep their own identity', async () => {
  const clients = await Promise.all([world.gateway.connect(), world.gateway.connect(), world.gateway.connect()]);
  const mark = world.upstream.mark();
  for (let round = 0; round < 20; ++round) {
    for (const [index, session] of [world.ada, world.bob, undefined].entries()) {
      const client = clients[index];
      await client.send(requestText('GET', `/optional/${index}`, {headers: session ? {Cookie: session.cookie} : {}}));
      assert.equal((await client.finalResponse()).body.toString(), `GET /optional/${index}`);
    }
  }
  for (const client of clients) client.close();
  assert.equal(mark.requests().length, 60);
  for (const request of mark.requests()) {
    const session = [world.ada, world.bob, undefined][Number(request.target.at(-1))];
    if (session) expectIdentity(request, session);
    else expectNoIdentity(request);
  }
  const shared = new Map();
  for (const request of mark.requests()) {
    shared.set(request.connection, (shared.get(request.connection) ?? new Set()).add(request.fields.get('x-user-id')));
  }
  assert.ok([...shared.values()].some((users) => users.size > 1), 'no upstream connection was shared, so nothing was shown');
});

describe('15: headers that name another URL or method change nothing', () => {
  const urls = ['X-Original-URL', 'X-Original-URI', 'X-Rewrite-URL', 'X-Forwarded-Uri', 'X-Forwarded-Path', 'x_original_url', 'X_Rewrite_URL'];
  for (const name of urls) {
    test(name, async () => {
      const open = await world.askOnce('GET', '/public/here', {headers: [[name, '/private/evil']]});
      assert.equal(open.request.target, '/public/here');
      assert.ok(!open.bytes.includes('evil'), open.bytes);
      const closed = await world.ask('GET', '/private/here', {headers: [[name, '/public/evil']]});
      assert.equal(closed.response.status, 401);
      assert.equal(closed.bytes, '');
    });
  }
  for (const name of ['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override', 'X-Original-Method', 'X-Forwarded-Method']) {
    test(name, async () => {
      const refused = await world.ask('GET', '/posts/one', {headers: [[name, 'POST']]});
      assert.ok([404, 405].includes(refused.response.status), `status ${refused.response.status}`);
      assert.equal(refused.bytes, '');
      const served = await world.askOnce('POST', '/posts/one', {headers: [[name, 'GET']], body: 'x'});
      assert.equal(served.request.method, 'POST');
    });
  }
});
