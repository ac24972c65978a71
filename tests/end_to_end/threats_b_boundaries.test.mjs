// Threats B: where one request ends and the next begins: bodies, pipelining, interim answers, requests given up.
import assert from 'node:assert/strict';
import {after, before, describe, test} from 'node:test';
import {answer} from './support/upstream.mjs';
import {requestText} from './support/raw.mjs';
import {World, expectIdentity, expectNoIdentity} from './support/world.mjs';

const kSmuggled = 'GET /private/smuggled HTTP/1.1\r\nHost: gateway.test\r\n\r\n';
let world;

before(async () => {
  world = await World.start();
  await world.signUpTwo();
});
after(() => world?.stop());

// A request to the public route whose head is written as it is given; lines without their CRLF.
function post(lines, body = '', {method = 'POST', version = '1.1', target = '/public/frame'} = {}) {
  return Buffer.from(`${method} ${target} HTTP/${version}\r\nHost: gateway.test\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n${body}`, 'latin1');
}

const kChunked = 'Transfer-Encoding: chunked';
const chunks = (body) => post([kChunked], body);
const printed = (text) => JSON.stringify(text);

describe('26: a body that looks like a request stays a body', () => {
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'DELETE', 'POST', 'PUT', 'PATCH', 'PROPFIND']) {
    for (const framing of ['length', 'chunked']) {
      test(`${method} with ${framing}`, async () => {
        const mark = world.upstream.mark();
        const body = framing === 'length' ? kSmuggled : `${kSmuggled.length.toString(16)}\r\n${kSmuggled}\r\n0\r\n\r\n`;
        const client = await world.gateway.connect();
        await client.send(post([framing === 'length' ? `Content-Length: ${kSmuggled.length}` : kChunked], body, {method}));
        const first = await client.finalResponse(method);
        if (first.status === 200) {
          assert.equal(mark.requests().length, 1);
          assert.equal(mark.requests()[0].body.toString('latin1'), kSmuggled);
          if (client.isOpen() && first.fields.get('connection')?.toLowerCase() !== 'close') {
            await client.send(requestText('GET', '/public/next'));
            assert.equal((await client.finalResponse()).body.toString(), 'GET /public/next');
          }
        } else {
          assert.ok([400, 405, 411, 413, 501].includes(first.status), `status ${first.status}`);
          assert.deepEqual(mark.requests(), []);
          assert.deepEqual((await client.untilClosed()).responses, []);
        }
        client.close();
        await world.expectHealthy(`${method} ${framing}`);
      });
    }
  }

  test('a protected route refuses without reading the body as the next request', async () => {
    for (const lines of [[`Content-Length: ${kSmuggled.length}`], [kChunked]]) {
      const body = lines[0] === kChunked ? `${kSmuggled.length.toString(16)}\r\n${kSmuggled}\r\n0\r\n\r\n` : kSmuggled;
      const mark = world.upstream.mark();
      const client = await world.gateway.connect();
      await client.send(post([...lines, `Cookie: ${'bad=1'}`], body, {target: '/private/frame'}));
      assert.equal((await client.finalResponse()).status, 401);
      await client.send(requestText('GET', '/public/next', {keepAlive: false}));
      const {responses} = await client.untilClosed();
      assert.ok(responses.length <= 1);
      for (const response of responses) assert.equal(response.body.toString(), 'GET /public/next');
      assert.ok(mark.requests().every((request) => request.target === '/public/next'));
      client.close();
    }
  });
});

describe('27: pipelined requests', () => {
  const cookie = () => ({Cookie: world.ada.cookie});

  test('each is judged on its own and answered in order', async () => {
    const mark = world.upstream.mark();
    const client = await world.gateway.connect();
    await client.send(
      Buffer.concat([
        requestText('GET', '/public/1'),
        requestText('GET', '/private/2'),
        requestText('GET', '/private/3', {headers: cookie()}),
        requestText('GET', '/nowhere/4'),
        requestText('POST', '/public/5', {body: kSmuggled}),
        requestText('POST', '/public/6', {headers: {'Transfer-Encoding': 'chunked'}, body: '3\r\nabc\r\n0\r\n\r\n'}),
        requestText('GET', '/optional/7'),
        requestText('GET', '/api/auth/ok'),
        requestText('HEAD', '/public/9'),
        requestText('GET', '/public/10', {keepAlive: false}),
      ]),
    );
    const statuses = [];
    for (const method of ['GET', 'GET', 'GET', 'GET', 'POST', 'POST', 'GET', 'GET', 'HEAD', 'GET']) {
      const response = await client.finalResponse(method);
      statuses.push(response.status);
      if (response.fields.has('x-echo')) assert.match(response.fields.get('x-echo'), new RegExp(`/${statuses.length}$`));
    }
    assert.deepEqual(statuses, [200, 401, 200, 404, 200, 200, 200, 200, 200, 200]);
    assert.deepEqual((await client.untilClosed()).responses, []);
    client.close();
    assert.deepEqual(mark.requests().map((request) => request.target).sort(), ['/optional/7', '/private/3', '/public/1', '/public/10', '/public/5', '/public/6', '/public/9']);
    expectIdentity(mark.requests().find((request) => request.target === '/private/3'), world.ada);
    expectNoIdentity(mark.requests().find((request) => request.target === '/optional/7'));
  });

  test('a hundred at once, and byte by byte', async () => {
    const client = await world.gateway.connect();
    await client.send(Buffer.concat(Array.from({length: 100}, (_, index) => requestText('GET', `/public/${index}`))));
    for (let index = 0; index < 100; ++index) assert.equal((await client.finalResponse()).body.toString(), `GET /public/${index}`);
    await client.sendByteByByte(Buffer.concat([requestText('POST', '/public/slow', {body: 'ab'}), requestText('GET', '/public/after')]));
    assert.equal((await client.finalResponse('POST')).body.toString(), 'POST /public/slow');
    assert.equal((await client.finalResponse()).body.toString(), 'GET /public/after');
    client.close();
  });

  test('what follows Connection: close is not answered', async () => {
    const mark = world.upstream.mark();
    const client = await world.gateway.connect();
    await client.send(Buffer.concat([requestText('GET', '/public/last', {keepAlive: false}), requestText('GET', '/public/never')]));
    const {responses} = await client.untilClosed();
    assert.deepEqual(responses.map((response) => response.body.toString()), ['GET /public/last']);
    assert.deepEqual(mark.requests().map((request) => request.target), ['/public/last']);
  });
});

describe('28: Expect', () => {
  test('100-continue is answered once, then the body is taken', async () => {
    for (const spelling of ['100-continue', '100-Continue', '100-CONTINUE']) {
      const mark = world.upstream.mark();
      const client = await world.gateway.connect();
      await client.send(post([`Expect: ${spelling}`, 'Content-Length: 5']));
      assert.equal((await client.response('POST')).status, 100);
      await client.send('hello');
      const final = await client.response('POST');
      assert.equal(final.status, 200);
      client.close();
      assert.equal(mark.requests().length, 1);
      assert.equal(mark.requests()[0].body.toString(), 'hello');
    }
  });
  test('a client that does not wait gets one answer', async () => {
    const mark = world.upstream.mark();
    const client = await world.gateway.connect();
    await client.send(Buffer.concat([post(['Expect: 100-continue', 'Content-Length: 5'], 'hello'), requestText('GET', '/public/after', {keepAlive: false})]));
    const {responses} = await client.untilClosed();
    const final = responses.filter((response) => response.status >= 200);
    assert.ok(responses.length - final.length <= 1);
    assert.deepEqual(final.map((response) => response.body.toString()), ['POST /public/frame', 'GET /public/after']);
    assert.equal(mark.requests().length, 2);
  });
  for (const value of ['200-ok', '100-continue, foo', 'foo', '100-continue;q=1', '100', 'continue', '100 continue']) {
    test(`${printed(value)} is refused with 417`, () => world.expectRefused(post([`Expect: ${value}`, 'Content-Length: 5'], 'hello'), {status: [417]}));
  }
  test('a refusal comes without 100, and what follows is not mistaken', async () => {
    const mark = world.upstream.mark();
    const client = await world.gateway.connect();
    await client.send(post(['Expect: 100-continue', `Content-Length: ${kSmuggled.length}`], '', {target: '/private/frame'}));
    const first = await client.response('POST');
    assert.equal(first.status, 401);
    await client.send(kSmuggled);
    const {responses} = await client.untilClosed().catch(() => ({responses: []}));
    assert.deepEqual(responses, []);
    assert.deepEqual(mark.requests(), []);
    client.close();
    await world.expectHealthy('401 to Expect');
  });
});

describe('29: after a refusal nothing more is read', () => {
  test('in one segment, in two and byte by byte', async () => {
    const bad = post(['X-Bad : 1']);
    const tail = Buffer.concat([requestText('GET', '/public/smuggled'), requestText('GET', '/public/smuggled')]);
    await world.expectRefused(Buffer.concat([bad, tail]));
    await world.expectRefused(bad, {tail});
    await world.expectRefused(bad, {slowly: true});
  });
  test('after good pipelined requests too', async () => {
    const client = await world.gateway.connect();
    const mark = world.upstream.mark();
    await client.send(Buffer.concat([requestText('GET', '/public/good'), post(['Content-Length: 5', 'Content-Length: 6'], 'hello'), requestText('GET', '/public/smuggled')]));
    const {responses} = await client.untilClosed();
    assert.deepEqual(responses.map((response) => response.status), [200, 400]);
    assert.deepEqual(mark.requests().map((request) => request.target), ['/public/good']);
    await world.expectHealthy();
  });
  test('the answer says that the connection is closed', async () => {
    const client = await world.gateway.connect();
    await client.send(post(['X-Bad : 1']));
    assert.equal((await client.finalResponse()).fields.get('connection')?.toLowerCase(), 'close');
    await client.untilClosed();
  });
});

describe('30: a request given up in the middle', () => {
  const cases = {
    'with Content-Length': post(['Content-Length: 100'], 'x'.repeat(50)),
    'with chunks': chunks('32\r\n' + 'x'.repeat(50) + '\r\n'),
    'inside a chunk': chunks('64\r\n' + 'x'.repeat(50)),
  };
  for (const [name, bytes] of Object.entries(cases)) {
    for (const how of ['close', 'halfClose']) {
      test(`${name}, ${how}: its upstream connection is closed and never used again`, async () => {
        const known = new Set(world.upstream.connections.filter((connection) => !connection.closed));
        const sizes = new Map([...known].map((connection) => [connection, connection.bytes.length]));
        const mark = world.upstream.mark();
        const client = await world.gateway.connect();
        await client.send(bytes);
        const used = await world.upstream
          .until(() => world.upstream.connections.find((connection) => connection.bytes.length > (sizes.get(connection) ?? 0)), 'bytes', 1500)
          .catch(() => undefined); // a gateway that waits for the whole body forwards nothing
        client[how]();
        if (used) {
          await world.upstream.until(() => used.closed, 'close of the upstream connection');
          assert.equal(used.current !== undefined, true, 'the request counts as incomplete');
        }
        assert.deepEqual(mark.requests(), []);
        client.close();
        for (let index = 0; index < 3; ++index) await world.expectHealthy(name);
      });
    }
  }

  test('a client that leaves before the answer leaves no answer for the next', async () => {
    let release;
    const released = new Promise((resolve) => (release = resolve));
    const slow = await World.start({
      respond: async (received, wire) => {
        const whole = await received.complete;
        if (whole.target === '/public/slow') await released;
        wire.write(answer(200, `${whole.method} ${whole.target}`));
      },
    });
    try {
      for (let index = 0; index < 4; ++index) {
        const client = await slow.gateway.connect();
        await client.send(requestText('GET', '/public/slow'));
        await slow.upstream.until((upstream) => upstream.requests.filter((request) => request.target === '/public/slow').length > index);
        client.close();
      }
      setTimeout(release, 50);
      for (let index = 0; index < 10; ++index) await slow.expectHealthy('a client that left');
    } finally {
      await slow.stop();
    }
  });
});
