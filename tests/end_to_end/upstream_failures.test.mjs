// An upstream that fails: the client gets an honest error or a visibly broken answer, and nobody else notices.
import assert from 'node:assert/strict';
import {after, before, describe, test} from 'node:test';
import {requestText} from './support/raw.mjs';
import {Scripts, closedPort} from './support/scripted.mjs';
import {answer} from './support/upstream.mjs';
import {World, kRoutes} from './support/world.mjs';

const scripts = new Scripts();
const scripted = (respond) => scripts.add(respond);
let world;

before(async () => {
  world = await World.start({
    respond: scripts.respond,
    defaults: {timeout: {connect: '1s', response: '1s', idle: '2s'}},
    routes: [...kRoutes, {path: '/dead/**', upstream: 'dead', auth: 'public'}],
    upstreams: {dead: {servers: [`http://127.0.0.1:${await closedPort()}`], key: 'dead-key-0123456789-abcdefghijklmnop'}},
  });
});
after(() => world?.stop());

// The error of the gateway itself: {code, message}, the request id, nothing about the inside.
function expectGatewayError(response, status) {
  assert.equal(response.status, status);
  assert.match(response.fields.get('content-type'), /^application\/json/);
  const {code, message, ...rest} = JSON.parse(response.body);
  assert.match(code, /^[A-Z][A-Z_]+$/);
  assert.equal(typeof message, 'string');
  assert.ok(!/127\.0\.0\.1|errno|exception|std::|boost|refused by|\.cpp/i.test(message), message);
  assert.ok(response.fields.get('x-request-id'));
  return rest;
}

describe('an upstream that fails', () => {
  test('refusing connections → 502 or 503', async () => {
    const response = await world.gateway.request('GET', '/dead/x');
    assert.ok([502, 503].includes(response.status));
    expectGatewayError(response, response.status);
  });

  test('silent → 504 in bounded time, and its connection is not used again', async () => {
    const target = scripted(() => {});
    const start = Date.now();
    expectGatewayError(await world.gateway.request('GET', target), 504);
    assert.ok(Date.now() - start < 5000);
    await world.upstream.until(() => world.upstream.connections.every((connection) => connection.closed || !connection.current), 'close of the silent connection');
    await world.expectHealthy('504');
  });

  for (const [name, bytes] of Object.entries({
    'nothing and closes': '', 'half a status line': 'HTTP/1.1 2', 'half a head': 'HTTP/1.1 200 OK\r\nContent-Le', 'no HTTP': 'hello\r\n\r\n', 'SSH': 'SSH-2.0-OpenSSH_9.2\r\n', 'a bad status': 'HTTP/1.1 2000 OK\r\n\r\n', 'a status of letters': 'HTTP/1.1 abc OK\r\n\r\n', 'status 099': 'HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n', 'another version': 'HTTP/2.0 200 OK\r\n\r\n', 'an endless status line': `HTTP/1.1 200 ${'x'.repeat(200_000)}`,
    'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!', 'an odd length': 'HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\nhello', 'a negative length': 'HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello', 'an overflowing length': 'HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551617\r\n\r\nh',
    'length and chunks': 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n', 'an odd encoding': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello', 'chunked twice': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n',
    'a NUL in its head': 'HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n', 'a bare CR in its head': 'HTTP/1.1 200 OK\r\nX: a\rX-Evil: b\r\nContent-Length: 0\r\n\r\n', 'a blank before the colon': 'HTTP/1.1 200 OK\r\nX-Evil : 1\r\nContent-Length: 0\r\n\r\n', 'an empty name': 'HTTP/1.1 200 OK\r\n: x\r\nContent-Length: 0\r\n\r\n', 'a line without colon': 'HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 0\r\n\r\n',
    'a head without end': `HTTP/1.1 200 OK\r\n${'X-Filler: 0123456789\r\n'.repeat(20_000)}`, 'interim answers without end': 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(500),
  })) {
    test(`sending ${name} → 502, once, and the next client is served`, async () => {
      const target = scripted(async (received, wire) => (await received.complete, wire.end(Buffer.from(bytes, 'latin1'))));
      for (const method of ['GET', 'POST']) {
        const response = await world.gateway.request(method, target, method === 'POST' ? {body: 'x'} : {});
        expectGatewayError(response, 502);
        assert.ok(!response.fields.has('x-evil'));
      }
      await world.expectHealthy(name);
    });
  }

  test('an upstream that folds its header lines: refused or unfolded, never passed on raw', async () => {
    const target = scripted(async (received, wire) => (await received.complete, wire.end('HTTP/1.1 200 OK\r\nX: a\r\n X-Evil: b\r\nContent-Length: 0\r\n\r\n')));
    const response = await world.gateway.request('GET', target);
    assert.ok([200, 502].includes(response.status));
    assert.ok(!response.fields.has('x-evil'));
  });

  for (const [name, bytes] of Object.entries({
    'with Content-Length': `HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n${'x'.repeat(500)}`,
    'with chunks': `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1f4\r\n${'x'.repeat(500)}\r\n`,
    'inside a chunk': `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n${'x'.repeat(500)}`,
    'with a broken chunk': `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1f4\r\n${'x'.repeat(500)}\r\nzz\r\n`,
    'with only its last chunk missing its end': `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1f4\r\n${'x'.repeat(500)}\r\n0\r\n`,
  })) {
    for (const how of ['end', 'resetAndDestroy']) {
      test(`dying in the middle of an answer ${name} (${how}) → the client sees that it is incomplete`, async () => {
        const target = scripted(async (received, wire) => {
          await received.complete;
          wire.write(bytes);
          await new Promise((resolve) => setTimeout(resolve, 30));
          wire[how]();
        });
        for (const keepAlive of [true, false]) {
          const client = await world.gateway.connect();
          await client.send(requestText('GET', target, {keepAlive}));
          const outcome = await client.finalResponse().catch((error) => error);
          if (!(outcome instanceof Error)) assert.equal(outcome.status, 502, 'a complete-looking answer');
          client.close();
        }
        await world.expectHealthy(name);
      });
    }
  }

  test('stalling in the middle of an answer is cut after the idle time', async () => {
    const target = scripted(async (received, wire) => (await received.complete, wire.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf')));
    const client = await world.gateway.connect();
    await client.send(requestText('GET', target));
    const start = Date.now();
    await assert.rejects(client.finalResponse(), /ended without a complete response/);
    assert.ok(Date.now() - start > 1000);
    client.close();
  });

  test('a POST is sent once, whatever happens', async () => {
    const target = scripted((received, wire) => received.complete.then(() => wire.destroy()));
    const mark = world.upstream.mark();
    const response = await world.gateway.request('POST', target, {body: 'pay'});
    expectGatewayError(response, 502);
    assert.equal(mark.requests().filter((request) => request.target === target).length, 1);
  });

  test('a GET whose connection ends is tried again, and a POST is not', async () => {
    const failed = new Set();
    const target = scripted(async (received, wire) => {
      const {target: asked} = await received.complete;
      if (failed.has(asked)) return wire.write(answer(200, 'at last'));
      failed.add(asked);
      wire.destroy();
    });
    const sent = (asked) => world.upstream.requests.filter((request) => request.target === asked).length;
    const response = await world.gateway.request('GET', `${target}?get`);
    assert.equal(response.body.toString(), 'at last');
    assert.equal(sent(`${target}?get`), 2);
    expectGatewayError(await world.gateway.request('POST', `${target}?post`, {body: 'pay'}), 502);
    assert.equal(sent(`${target}?post`), 1);
  });

  test('a GET is tried again at most once', async () => {
    const target = scripted((received, wire) => received.complete.then(() => wire.destroy()));
    const mark = world.upstream.mark();
    await world.gateway.request('GET', target);
    assert.ok(mark.requests().filter((request) => request.target === target).length <= 2);
  });

  test('an error page of the gateway tells the same request id as the log', async () => {
    const response = await world.gateway.request('GET', '/dead/logged');
    const id = response.fields.get('x-request-id');
    const line = await world.gateway.logged((entry) => JSON.stringify(entry).includes(id));
    assert.equal(line.status, response.status);
  });
});
