// Threats D: upgrades. A tunnel exists only after a 101 that was asked for, and only for who may open it.
import assert from 'node:assert/strict';
import {after, before, beforeEach, describe, test} from 'node:test';
import {answer} from './support/upstream.mjs';
import {requestText} from './support/raw.mjs';
import {postJson, signIn} from './support/session.mjs';
import {acceptAndEcho, acceptOf, kKeySample, switchingProtocols, upgradeText} from './support/websocket.mjs';
import {World, expectIdentity, expectNoIdentity} from './support/world.mjs';

let world;
let respondToUpgrade = acceptAndEcho;

before(async () => {
  world = await World.start({
    respond: async (received, wire) => {
      if (received.fields.has('upgrade')) return respondToUpgrade(received, wire);
      const whole = await received.complete;
      if (whole.target === '/private/events') {
        wire.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nd\r\ndata: first\n\n\r\n');
        return;
      }
      wire.write(answer(200, `${whole.method} ${whole.target}`));
    },
  });
  await world.signUpTwo();
});
after(() => world?.stop());
beforeEach(() => (respondToUpgrade = acceptAndEcho));

async function open(target, options) {
  const client = await world.gateway.connect();
  await client.send(upgradeText(target, options));
  return {client, response: await client.finalResponse()};
}

describe('46: h2c', () => {
  const heads = [
    {headers: {Upgrade: 'h2c', Connection: 'Upgrade, HTTP2-Settings', 'HTTP2-Settings': 'AAMAAABkAARAAAAAAAIAAAAA'}},
    {headers: {Upgrade: 'h2c', Connection: 'Upgrade'}},
    {headers: {Upgrade: 'H2C', Connection: 'upgrade'}},
    {headers: {Upgrade: 'h2c, websocket', Connection: 'Upgrade, HTTP2-Settings', 'HTTP2-Settings': 'AAMAAABk'}},
    {headers: {Upgrade: 'websocket, h2c'}},
    {headers: {Upgrade: 'h2'}},
    {headers: {Upgrade: 'h2c', Connection: 'HTTP2-Settings', 'HTTP2-Settings': ''}},
    {headers: {Upgrade: 'h2c', Connection: 'keep-alive'}},
    {headers: {Upgrade: 'TLS/1.0'}},
    {headers: {Upgrade: 'HTTP/2.0'}},
    {headers: {Upgrade: 'evil'}},
  ];
  for (const options of heads) {
    test(`${JSON.stringify(options.headers)} is not forwarded and gets no 101`, async () => {
      for (const target of ['/public/plain', '/private/plain']) {
        const mark = world.upstream.mark();
        const {client, response} = await open(target, {without: ['Sec-WebSocket-Key', 'Sec-WebSocket-Version'], ...options});
        client.close();
        assert.notEqual(response.status, 101);
        assert.doesNotMatch(mark.bytes().toString('latin1'), /h2c|http2-settings|upgrade:/i);
        if (target === '/private/plain') assert.ok([400, 401].includes(response.status));
      }
      await world.expectHealthy('h2c');
    });
  }
  test('the HTTP/2 preface in clear HTTP/1.1 is refused', () => world.expectRefused('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', {status: [400, 404, 405, 501, 505]}));
});

describe('47: who may open a tunnel', () => {
  test('without a session a protected path answers 401 and nothing is forwarded', async () => {
    for (const headers of [{}, {Cookie: 'a=b'}, {Cookie: '__Secure-better-auth.session_token=forged.AAAA'}, {Origin: 'https://gateway.test'}]) {
      const mark = world.upstream.mark();
      const {client, response} = await open('/private/socket', {headers});
      assert.equal(response.status, 401);
      assert.equal(mark.bytes().length, 0);
      client.close();
    }
  });
  test('bytes sent ahead of the answer are no request and no frame', async () => {
    const mark = world.upstream.mark();
    const client = await world.gateway.connect();
    await client.send(upgradeText('/private/socket') + '\x81\x85\0\0\0\0hello');
    assert.equal((await client.finalResponse()).status, 401);
    client.close();
    assert.equal(mark.bytes().length, 0);
    await world.expectHealthy();
  });
  for (const origin of ['https://evil.test', 'https://gateway.test.evil.test', 'http://gateway.test', 'https://gateway.test:8443', 'null', 'https://sub.gateway.test', 'https://evil.test/gateway.test', 'https://gateway.test@evil.test', 'file://', 'https://GATEWAY.TEST.evil.test', '']) {
    test(`a session cookie with Origin ${JSON.stringify(origin)} answers 403`, async () => {
      const mark = world.upstream.mark();
      const {client, response} = await open('/private/socket', {headers: {Cookie: world.ada.cookie, Origin: origin}});
      assert.equal(response.status, 403);
      assert.equal(mark.bytes().length, 0);
      client.close();
    });
  }
  test('a cross-site upgrade with cookie is refused on an optional route too', async () => {
    const mark = world.upstream.mark();
    const {client, response} = await open('/optional/socket', {headers: {Cookie: world.ada.cookie, Origin: 'https://evil.test'}});
    assert.equal(response.status, 403);
    assert.equal(mark.bytes().length, 0);
    client.close();
  });
  test('the own origin opens it, with the identity of the session', async () => {
    const mark = world.upstream.mark();
    const {client, response} = await open('/private/socket?x=1', {headers: {Cookie: world.ada.cookie, Origin: 'https://gateway.test', 'X-User-ID': 'evil'}});
    assert.equal(response.status, 101);
    assert.equal(response.fields.get('sec-websocket-accept'), acceptOf(kKeySample));
    expectIdentity(mark.requests()[0], world.ada);
    assert.equal(mark.requests()[0].target, '/private/socket?x=1');
    assert.equal(mark.requests()[0].fields.get('upgrade').toLowerCase(), 'websocket');
    assert.match(mark.requests()[0].fields.get('connection'), /^upgrade$/i);
    client.close();
  });
  test('a public path opens it without identity', async () => {
    const mark = world.upstream.mark();
    const {client, response} = await open('/public/socket', {headers: {'X-User-ID': 'evil', Connection: 'Upgrade, X-User-ID, Sec-WebSocket-Key'}});
    if (response.status === 101) expectNoIdentity(mark.requests()[0]);
    assert.ok(!mark.bytes().includes('evil'));
    client.close();
  });
});

describe('48: the tunnel opens only after the right 101', () => {
  test('bytes go both ways after it', async () => {
    const {client, response} = await open('/public/socket');
    assert.equal(response.status, 101);
    await client.send('\x81\x05hello');
    assert.equal((await client.bytes(7)).toString('latin1'), '\x81\x05hello');
    const large = Buffer.alloc(1_000_000, 'x');
    await client.send(large);
    assert.ok((await client.bytes(large.length)).equals(large));
    client.close();
  });

  test('bytes that the client sends ahead of the 101 are given to the tunnel or dropped with it, never read as a request', async () => {
    const mark = world.upstream.mark();
    const client = await world.gateway.connect();
    await client.send(upgradeText('/public/socket') + requestText('GET', '/private/smuggled').toString('latin1'));
    const response = await client.finalResponse();
    assert.ok(mark.requests().length <= 1);
    assert.ok([101, 400].includes(response.status));
    client.close();
  });

  test('bytes that the upstream sends with the 101 reach the client', async () => {
    respondToUpgrade = (received, wire) => {
      received.connection.upgraded = true;
      wire.write(Buffer.concat([Buffer.from(switchingProtocols(received)), Buffer.from('\x81\x05early', 'latin1')]));
    };
    const {client, response} = await open('/public/socket');
    assert.equal(response.status, 101);
    assert.equal((await client.bytes(7)).toString('latin1'), '\x81\x05early');
    client.close();
  });

  for (const [name, scripted] of Object.entries({
    200: () => answer(200, 'no tunnel'),
    403: () => answer(403, 'no tunnel'),
    426: () => answer(426, 'no tunnel', [['Upgrade', 'websocket']]),
  })) {
    test(`an answer of ${name} is passed on and HTTP goes on`, async () => {
      respondToUpgrade = (received, wire) => wire.write(scripted());
      const {client, response} = await open('/public/socket');
      assert.equal(response.status, Number(name));
      assert.equal(response.body.toString(), 'no tunnel');
      if (client.isOpen() && response.fields.get('connection')?.toLowerCase() !== 'close') {
        const mark = world.upstream.mark();
        await client.send(requestText('GET', '/private/after'));
        assert.equal((await client.finalResponse()).status, 401);
        assert.equal(mark.bytes().length, 0);
      }
      client.close();
    });
  }

  const wrong = {
    'a wrong accept': {'Sec-WebSocket-Accept': acceptOf('AAAAAAAAAAAAAAAAAAAAAA==')},
    'no accept': {'Sec-WebSocket-Accept': undefined},
    'an empty accept': {'Sec-WebSocket-Accept': ''},
    'another protocol': {Upgrade: 'h2c'},
    'no Upgrade': {Upgrade: undefined},
    'no Connection': {Connection: undefined},
  };
  for (const [name, fields] of Object.entries(wrong)) {
    test(`a 101 with ${name} is answered 502`, async () => {
      respondToUpgrade = (received, wire) => {
        received.connection.upgraded = true;
        wire.write(switchingProtocols(received, fields));
      };
      const {client, response} = await open('/public/socket');
      assert.equal(response.status, 502);
      client.close();
      await world.expectHealthy(name);
    });
  }

  const poor = {
    'without key': {without: ['Sec-WebSocket-Key']},
    'with an empty key': {headers: {'Sec-WebSocket-Key': ''}},
    'by POST': {method: 'POST', headers: {'Content-Length': '0'}},
    'by HTTP/1.0': {version: '1.0'},
    'without Connection': {without: ['Connection']},
    'with Connection: close': {headers: {Connection: 'close'}},
    'with a body': {headers: {'Content-Length': '5'}},
    'with chunks': {headers: {'Transfer-Encoding': 'chunked'}},
  };
  for (const [name, options] of Object.entries(poor)) {
    test(`an upgrade request ${name} opens no tunnel`, async () => {
      const mark = world.upstream.mark();
      const client = await world.gateway.connect();
      await client.send(upgradeText('/public/socket', options) + (name === 'with chunks' ? '0\r\n\r\n' : name === 'with a body' ? 'hello' : ''));
      const response = await client.finalResponse();
      client.close();
      assert.notEqual(response.status, 101);
      assert.ok(mark.requests().every((request) => !request.fields.has('upgrade')), 'an upgrade was forwarded');
      await world.expectHealthy(name);
    });
  }

  test('when one side closes, so does the other', async () => {
    let upstreamSide;
    respondToUpgrade = (received, wire) => ((upstreamSide = received.connection), acceptAndEcho(received, wire));
    const first = await open('/public/socket');
    first.client.close();
    await world.upstream.until(() => upstreamSide.closed, 'close at the upstream');
    const second = await open('/public/socket');
    upstreamSide.socket.destroy();
    await second.client.untilClosed();
  });
});

describe('49: a 101 nobody asked for', () => {
  for (const [method, headers] of [['GET', {}], ['POST', {}], ['GET', {Upgrade: 'websocket'}], ['GET', {'Sec-WebSocket-Key': kKeySample, 'Sec-WebSocket-Version': '13'}]]) {
    test(`${method} ${JSON.stringify(headers)} answers 502`, async () => {
      const liar = await World.start({
        respond: async (received, wire) => {
          const whole = await received.complete;
          if (whole.target === '/public/liar') {
            received.connection.upgraded = true;
            wire.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${acceptOf(kKeySample)}\r\n\r\n${answer(200, 'smuggled')}`);
          } else {
            wire.write(answer(200, `${whole.method} ${whole.target}`));
          }
        },
      });
      try {
        const response = await liar.gateway.request(method, '/public/liar', {headers, ...(method === 'POST' ? {body: 'x'} : {})});
        assert.equal(response.status, 502);
        assert.deepEqual(response.interim, []);
        assert.equal(typeof JSON.parse(response.body).code, 'string');
        for (let index = 0; index < 3; ++index) await liar.expectHealthy();
      } finally {
        await liar.stop();
      }
    });
  }
});

describe('50: the tunnel ends with its session', () => {
  async function openAs(session) {
    const {client, response} = await open('/private/socket', {headers: {Cookie: session.cookie, Origin: 'https://gateway.test'}});
    assert.equal(response.status, 101);
    await client.send('ping');
    assert.equal((await client.bytes(4)).toString(), 'ping');
    return client;
  }
  const sessions = async () => ({kept: await signIn(world.gateway, world.ada), ended: await signIn(world.gateway, world.ada)});

  for (const [name, end] of Object.entries({
    'by its own sign-out': ({ended}) => postJson(world.gateway, '/api/auth/sign-out', {}, {Cookie: ended.cookie}),
    'by revoke-session from another': ({kept, ended}) => postJson(world.gateway, '/api/auth/revoke-session', {token: ended.token}, {Cookie: kept.cookie}),
    'by revoke-other-sessions from another': ({kept}) => postJson(world.gateway, '/api/auth/revoke-other-sessions', {}, {Cookie: kept.cookie}),
  })) {
    test(name, async () => {
      const both = await sessions();
      const [keptTunnel, endedTunnel] = [await openAs(both.kept), await openAs(both.ended)];
      assert.equal((await end(both)).status, 200);
      await endedTunnel.untilClosed();
      await keptTunnel.send('still');
      assert.equal((await keptTunnel.bytes(5)).toString(), 'still');
      keptTunnel.close();
      assert.equal((await world.gateway.request('GET', '/private/x', {headers: {Cookie: both.ended.cookie}})).status, 401);
    });
  }

  test('an event stream ends with its session too', async () => {
    const session = await signIn(world.gateway, world.ada);
    const client = await world.gateway.connect();
    await client.send(requestText('GET', '/private/events', {headers: {Cookie: session.cookie}}));
    await client.until(() => client.received.includes('data: first') || undefined, 'first event');
    assert.equal((await postJson(world.gateway, '/api/auth/sign-out', {}, {Cookie: session.cookie})).status, 200);
    await assert.rejects(client.finalResponse(), /ended without a complete response/);
    client.close();
  });

  test('by revoke-sessions, all of them', async () => {
    const session = await signIn(world.gateway, world.bob);
    const tunnels = [await openAs(session), await openAs(session), await openAs(world.bob)];
    const untouched = await openAs(world.ada.token ? await signIn(world.gateway, world.ada) : world.ada);
    assert.equal((await postJson(world.gateway, '/api/auth/revoke-sessions', {}, {Cookie: session.cookie})).status, 200);
    for (const tunnel of tunnels) await tunnel.untilClosed();
    assert.ok(untouched.isOpen());
    untouched.close();
  });
});
