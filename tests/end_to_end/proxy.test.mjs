// What a proxied request is besides safe: forwarded whole, streamed at once, on connections that are used again.
import assert from 'node:assert/strict';
import {after, before, describe, test} from 'node:test';
import {requestText} from './support/raw.mjs';
import {Scripts} from './support/scripted.mjs';
import {Upstream, answer} from './support/upstream.mjs';
import {World, kKey, kRoutes} from './support/world.mjs';

const kWebKey = 'web-key-0123456789-abcdefghijklmnopqrstuvwxyz';
const scripts = new Scripts();
const scripted = (respond) => scripts.add(respond);
let world;
let web;

before(async () => {
  web = await Upstream.start();
  world = await World.start({
    respond: scripts.respond,
    routes: [
      ...kRoutes,
      {path: '/web/**', upstream: 'web', auth: 'optional'},
      {path: '/api/stripped/**', upstream: 'orders', auth: 'public', strip_prefix: '/api'},
      {path: '/staff/**', upstream: 'orders', require: {role: ['staff', 'admin']}},
    ],
    upstreams: {web: {servers: [web.url], key: kWebKey}},
  });
  await world.signUpTwo();
});
after(async () => {
  await world?.stop();
  await web?.stop();
});

describe('what is forwarded', () => {
  test('method, target, end-to-end headers and body arrive as they were sent', async () => {
    const headers = [['Accept', 'text/x-odd; q=0.5'], ['X-Custom', 'one'], ['x-custom', 'two'], ['User-Agent', 'test/1'], ['Content-Type', 'application/x-test'], ['Accept-Language', 'de, en;q=0.5'], ['If-None-Match', '"etag"'], ['Range', 'bytes=0-1'], ['X-Empty', '']];
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'REPORT']) {
      const {request, response} = await world.askOnce(method, '/public/path?query=1', {headers, body: /^P|REPORT/.test(method) && method !== 'PROPFIND' ? 'payload' : undefined});
      assert.equal(response.status, 200, method);
      assert.equal(request.method, method);
      assert.equal(request.target, '/public/path?query=1');
      for (const [name, value] of headers) assert.ok(request.fields.all(name).includes(value), `${method} ${name}`);
      assert.deepEqual(request.fields.all('x-custom'), ['one', 'two']);
    }
  });

  test('strip_prefix cuts the canonical path', async () => {
    for (const [target, forwarded] of [['/api/stripped/x', '/stripped/x'], ['/api//stripped/./x?q=1', '/stripped/x?q=1'], ['/%61pi/stripped/x', '/stripped/x']]) {
      const {response, requests} = await world.ask('GET', target);
      if (response.status === 200) assert.equal(requests[0].target, forwarded);
    }
    assert.equal((await world.askOnce('GET', '/api/stripped/x')).request.target, '/stripped/x');
  });

  test('a chunked body arrives whole, whatever the chunks', async () => {
    const text = 'The quick brown fox jumps over the lazy dog. '.repeat(50);
    for (const size of [1, 7, 1000, 100_000]) {
      let body = '';
      for (let at = 0; at < text.length; at += size) body += `${Math.min(size, text.length - at).toString(16)}\r\n${text.slice(at, at + size)}\r\n`;
      const {request} = await world.askOnce('POST', '/public/chunks', {headers: {'Transfer-Encoding': 'chunked'}, body: `${body}0\r\n\r\n`});
      assert.equal(request.body.toString(), text);
    }
  });

  test('each upstream gets its own key and nobody else’s', async () => {
    const mark = web.mark();
    assert.equal((await world.gateway.request('GET', '/web/x', {headers: {Cookie: world.ada.cookie}})).status, 200);
    assert.equal(mark.requests()[0].fields.get('authorization'), `Bearer ${kWebKey}`);
    assert.ok(!mark.bytes().includes(kKey));
    assert.equal((await world.askOnce('GET', '/private/x', {as: world.ada})).request.fields.get('authorization'), `Bearer ${kKey}`);
    assert.ok(!Buffer.concat(world.upstream.connections.map((connection) => connection.bytes)).includes(kWebKey));
  });

  test('a role that the user does not have answers 403 and nothing is forwarded', async () => {
    const {response, bytes} = await world.ask('GET', '/staff/x', {as: world.ada});
    assert.equal(response.status, 403);
    assert.equal(typeof JSON.parse(response.body).code, 'string');
    assert.equal(bytes, '');
    assert.equal((await world.ask('GET', '/staff/x')).response.status, 401);
  });
});

describe('what comes back', () => {
  test('status, headers and body pass through, hop-by-hop ones do not', async () => {
    const target = scripted(async (received, wire) => {
      await received.complete;
      wire.write(answer(203, 'body', [['Content-Type', 'text/x-odd'], ['Set-Cookie', 'a=1; Path=/'], ['Set-Cookie', 'b=2'], ['X-Custom', 'yes'], ['Connection', 'X-Hop'], ['X-Hop', 'no'], ['Keep-Alive', 'timeout=9'], ['Proxy-Authenticate', 'no'], ['Upgrade', 'h2c'], ['Cache-Control', 'private'], ['ETag', '"x"']]));
    });
    const response = await world.gateway.request('GET', target);
    assert.equal(response.status, 203);
    assert.equal(response.body.toString(), 'body');
    assert.deepEqual(response.fields.all('set-cookie'), ['a=1; Path=/', 'b=2']);
    assert.equal(response.fields.get('x-custom'), 'yes');
    assert.equal(response.fields.get('cache-control'), 'private');
    for (const name of ['x-hop', 'keep-alive', 'upgrade', 'proxy-authenticate']) assert.equal(response.fields.has(name), false, name);
  });

  for (const [name, write] of Object.entries({
    'with chunks': (wire) => wire.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Trailer: t\r\n\r\n'),
    'until close': (wire) => wire.end('HTTP/1.1 200 OK\r\n\r\nabcdefg'),
    'of HTTP/1.0': (wire) => wire.end('HTTP/1.0 200 OK\r\n\r\nabcdefg'),
    'with Content-Length': (wire) => wire.write('HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nabcdefg'),
    'after an interim answer': (wire) => wire.write('HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nabcdefg'),
    'byte by byte': async (wire) => {
      for (const byte of 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nabcdefg\r\n0\r\n\r\n') {
        wire.write(byte);
        await new Promise(setImmediate);
      }
    },
  })) {
    test(`an answer ${name} arrives whole and the connection goes on`, async () => {
      const target = scripted(async (received, wire) => {
        await received.complete;
        await write(wire);
      });
      const client = await world.gateway.connect();
      for (let round = 0; round < 2; ++round) {
        await client.send(requestText('GET', target));
        const response = await client.finalResponse();
        assert.equal(response.status, 200);
        assert.equal(response.body.toString(), 'abcdefg');
        assert.deepEqual(response.trailers.list, []);
      }
      client.close();
    });
  }

  for (const [status, head] of [[204, 'HTTP/1.1 204 No Content\r\n\r\n'], [304, 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n'], [304, 'HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n'], [205, 'HTTP/1.1 205 Reset\r\nContent-Length: 0\r\n\r\n']]) {
    test(`${JSON.stringify(head)} has no body and does not shift the next answer`, async () => {
      const target = scripted(async (received, wire) => (await received.complete, wire.write(head)));
      const client = await world.gateway.connect();
      await client.send(Buffer.concat([requestText('GET', target), requestText('GET', '/public/next')]));
      assert.equal((await client.finalResponse(status === 304 ? 'HEAD' : 'GET')).status, status);
      assert.equal((await client.finalResponse()).body.toString(), 'GET /public/next');
      client.close();
    });
  }

  test('HEAD keeps the length and has no body', async () => {
    const target = scripted(async (received, wire) => (await received.complete, wire.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n')));
    const client = await world.gateway.connect();
    await client.send(Buffer.concat([requestText('HEAD', target), requestText('GET', '/public/next')]));
    const response = await client.finalResponse('HEAD');
    assert.equal(response.fields.get('content-length'), '1000');
    assert.equal((await client.finalResponse()).body.toString(), 'GET /public/next');
    client.close();
  });

  test('an HTTP/1.0 client gets an answer that ends with the connection', async () => {
    const client = await world.gateway.connect();
    await client.send('GET /public/old HTTP/1.0\r\nHost: gateway.test\r\n\r\n');
    const {responses} = await client.untilClosed();
    assert.equal(responses[0].body.toString(), 'GET /public/old');
    assert.equal(responses[0].fields.has('transfer-encoding'), false);
  });

  test('server-sent events arrive one by one, at once', async () => {
    let send;
    const target = scripted(async (received, wire) => {
      await received.complete;
      wire.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n');
      send = (text) => wire.write(text === undefined ? '0\r\n\r\n' : `${text.length.toString(16)}\r\n${text}\r\n`);
    });
    const client = await world.gateway.connect();
    await client.send(requestText('GET', target));
    await client.until(() => client.received.includes('\r\n\r\n') || undefined, 'head before the first event', 2000);
    for (let index = 0; index < 5; ++index) {
      send(`data: event ${index}\n\n`);
      await client.until(() => client.received.includes(`data: event ${index}\n\n`) || undefined, `event ${index}`, 1000);
    }
    send();
    assert.equal((await client.finalResponse()).body.toString().split('\n\n').length, 6);
    client.close();
  });

  test('an upload is passed on while it comes', async () => {
    const client = await world.gateway.connect();
    const target = scripted(async (received, wire) => (await received.complete, wire.write(answer(200, 'done'))));
    await client.send(`POST ${target} HTTP/1.1\r\nHost: gateway.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n`);
    await world.upstream.until(() => world.upstream.connections.some((connection) => connection.bytes.includes('first')), 'first bytes', 1000);
    await client.send('6\r\nsecond\r\n0\r\n\r\n');
    assert.equal((await client.finalResponse('POST')).body.toString(), 'done');
    client.close();
  });

  test('an answer that comes before the upload is complete reaches the client', async () => {
    const target = scripted((received, wire) => wire.end(answer(413, 'too much', [['Connection', 'close']])));
    const client = await world.gateway.connect();
    await client.send(`POST ${target} HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 1000000\r\n\r\nhalf`);
    assert.equal((await client.finalResponse('POST')).body.toString(), 'too much');
    client.close();
    await world.expectHealthy('an early answer');
  });
});

describe('keep-alive to the upstream', () => {
  test('its connections are used again', async () => {
    const client = await world.gateway.connect();
    const mark = world.upstream.mark();
    for (let index = 0; index < 10; ++index) {
      await client.send(requestText('GET', `/public/${index}`));
      await client.finalResponse();
    }
    client.close();
    assert.ok(new Set(mark.requests().map((request) => request.connection)).size < 5);
  });

  test('one that the upstream closed while it was idle costs nobody an answer', async () => {
    for (let round = 0; round < 10; ++round) {
      for (const connection of world.upstream.connections) if (!connection.closed) connection.socket.end();
      await world.expectHealthy('closed idle connections');
    }
  });

  test('Connection: close of the upstream is obeyed', async () => {
    const target = scripted(async (received, wire) => (await received.complete, wire.end(answer(200, 'bye', [['Connection', 'close']]))));
    for (let index = 0; index < 3; ++index) assert.equal((await world.gateway.request('GET', target)).body.toString(), 'bye');
    await world.expectHealthy();
  });

  test('surplus bytes after an answer are never the answer of somebody else', async () => {
    const target = scripted(async (received, wire) => (await received.complete, wire.write(Buffer.concat([answer(200, 'mine'), answer(200, 'poison')]))));
    for (let index = 0; index < 5; ++index) {
      assert.equal((await world.gateway.request('GET', target)).body.toString(), 'mine');
      await world.expectHealthy('surplus bytes');
    }
  });
});
