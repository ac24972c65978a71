// Threats J: limits, deadlines and memory. The deadlines are set short here, so that each is seen to end what dawdles.
import assert from 'node:assert/strict';
import {after, before, describe, test} from 'node:test';
import {once} from 'node:events';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {availableParallelism, tmpdir} from 'node:os';
import {join} from 'node:path';
import {isSanitized, kBinary} from './support/gateway.mjs';
import {RawClient, requestText} from './support/raw.mjs';
import {World} from './support/world.mjs';

let world;

before(async () => {
  world = await World.start({
    gateway: {limits: {handshake: '1s', head_time: '1s', body_idle: '1s', keep_alive: '1s', drain: '2s'}},
    defaults: {body_limit: '1MiB', timeout: {connect: '2s', response: '20s', idle: '20s'}},
  });
  await world.signUpTwo();
});
after(() => world?.stop());

const kTooMany = [400, 414, 431];

describe('104: sizes of a head', () => {
  for (const size of [17_000, 20_000, 30_000, 33_000, 100_000]) {
    test(`a target of ${size} bytes → 414`, async () => {
      const status = size <= 30_000 ? [414] : [414, 431];
      await world.expectRefused(requestText('GET', `/public/${'x'.repeat(size)}`), {status});
      await world.expectRefused(requestText('GET', `/public/x?${'x'.repeat(size)}`), {status});
    });
  }
  test('a target of 8000 bytes is served', async () => {
    const target = `/public/${'x'.repeat(7900)}`;
    assert.equal((await world.askOnce('GET', target)).request.target, target);
  });
  test('a request line without end is bounded', () => world.expectRefused('G'.repeat(200_000), {status: kTooMany, tail: ''}));
  for (const [name, headers] of Object.entries({
    'one value of 40 KiB': [['X-Large', 'x'.repeat(40_960)]],
    'one value of 70 KiB': [['X-Large', 'x'.repeat(71_680)]],
    'one name of 70 KiB': [['X'.repeat(71_680), 'x']],
    '90 headers of 1 KiB': Array.from({length: 90}, (_, index) => [`X-${index}`, 'x'.repeat(1024)]),
    '101 headers': Array.from({length: 101}, (_, index) => [`X-${index}`, 'x']),
    '1000 headers': Array.from({length: 1000}, (_, index) => [`X-${index}`, 'x']),
    '2000 times one header': Array.from({length: 2000}, () => ['A', 'b']),
    '300 cookies lines': Array.from({length: 300}, (_, index) => ['Cookie', `c${index}=1`]),
  })) {
    test(`${name} → 431`, () => world.expectRefused(requestText('GET', '/public/x', {headers}), {status: [431]}));
  }
  test('a head without end is refused while it still comes', () =>
    world.expectRefused(`GET /public/x HTTP/1.1\r\nHost: gateway.test\r\n${'X-Filler: 0123456789\r\n'.repeat(20_000)}`, {status: [431], tail: ''}));
  test('90 headers and 16 KiB are served', async () => {
    const headers = Array.from({length: 90}, (_, index) => [`X-Own-${index}`, 'x'.repeat(150)]);
    const {request} = await world.askOnce('GET', '/public/x', {headers});
    for (const [name, value] of headers) assert.equal(request.fields.get(name), value);
  });
  test('a body over the limit of the route → 413 before it is taken', async () => {
    const mark = world.upstream.mark();
    const client = await world.gateway.connect();
    await client.send(`POST /public/x HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: ${2 * 1024 * 1024}\r\n\r\n`);
    const response = await client.finalResponse('POST');
    assert.equal(response.status, 413);
    assert.equal(mark.bytes().length, 0);
    client.close();
  });
  test('a chunked body over the limit is cut', async () => {
    const mark = world.upstream.mark();
    const client = await world.gateway.connect();
    const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
    await client.send('POST /public/x HTTP/1.1\r\nHost: gateway.test\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (let index = 0; index < 20 && client.isOpen(); ++index) await client.send(chunk);
    await client.send('0\r\n\r\n');
    const {responses} = await client.untilClosed('POST');
    for (const response of responses) assert.equal(response.status, 413);
    assert.deepEqual(mark.requests(), []);
    client.close();
    await world.expectHealthy();
  });
  test('a body of just the limit is served', async () => {
    const {request} = await world.askOnce('POST', '/public/x', {body: Buffer.alloc(1024 * 1024, 'x')});
    assert.equal(request.body.length, 1024 * 1024);
  });
});

// Sends one byte of `bytes` each 100 ms until the peer closes; → milliseconds until then.
async function drip(client, bytes) {
  const start = Date.now();
  const data = Buffer.from(bytes, 'latin1');
  let at = 0;
  const ticker = setInterval(() => at < data.length && client.isOpen() && client.send(data.subarray(at, ++at)), 100);
  try {
    await client.until(() => (client.isOpen() ? undefined : true), 'close');
  } finally {
    clearInterval(ticker);
  }
  return Date.now() - start;
}

// The end came because of the deadline of 1 s: neither at once nor much later.
function expectDeadline(elapsed) {
  assert.ok(elapsed > 500 && elapsed < 5500, `after ${elapsed} ms`);
}

describe('105: what is not finished in time is closed', {concurrency: true}, () => {
  test('a connection that says nothing', async () => {
    const client = await world.gateway.connectPlain('https');
    expectDeadline(await drip(client, ''));
  });
  test('a handshake in single bytes', async () => {
    const client = await world.gateway.connectPlain('https');
    expectDeadline(await drip(client, `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${'x'.repeat(500)}`));
  });
  test('TLS done, but no request', async () => expectDeadline(await drip(await world.gateway.connect(), '')));
  test('a head in single bytes', async () => {
    const mark = world.upstream.mark();
    const client = await world.gateway.connect();
    expectDeadline(await drip(client, `GET /public/x HTTP/1.1\r\nHost: gateway.test\r\nX: ${'x'.repeat(500)}`));
    const {responses} = await client.untilClosed();
    for (const response of responses) assert.equal(response.status, 408);
    assert.ok(!mark.bytes().includes('xxxx'));
  });
  test('a second head in single bytes on a used connection', async () => {
    const client = await world.gateway.connect();
    await client.send(requestText('GET', '/public/first'));
    await client.finalResponse();
    expectDeadline(await drip(client, `GET /public/second HTTP/1.1\r\nHost: gateway.test\r\nX: ${'x'.repeat(500)}`));
  });
  test('an idle connection after an answer', async () => {
    const client = await world.gateway.connect();
    await client.send(requestText('GET', '/public/idle'));
    await client.finalResponse();
    expectDeadline(await drip(client, ''));
    assert.equal(client.received.length, 0, 'closed without a word');
  });
  test('a body that stalls', async () => {
    const mark = world.upstream.mark();
    const client = await world.gateway.connect();
    await client.send(`POST /public/stall HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 1000\r\n\r\nhalf`);
    expectDeadline(await drip(client, ''));
    const {responses} = await client.untilClosed('POST');
    for (const response of responses) assert.equal(response.status, 408);
    assert.ok(mark.requests().every((request) => request.target !== '/public/stall'));
  });
  test('a chunked body that stalls', async () => {
    const client = await world.gateway.connect();
    await client.send('POST /public/stall-chunked HTTP/1.1\r\nHost: gateway.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel');
    expectDeadline(await drip(client, ''));
  });
  test('a sign-in whose body stalls', async () => {
    const client = await world.gateway.connect();
    await client.send('POST /api/auth/sign-in/email HTTP/1.1\r\nHost: gateway.test\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{');
    expectDeadline(await drip(client, ''));
  });
  test('a plain connection', async () => {
    const client = await world.gateway.connectPlain('http');
    expectDeadline(await drip(client, 'GET /x HTTP/1.1\r\nHost: gateway.test\r\nX: '));
  });
});

test('105: a slow but steady client is served', async () => {
  const client = await world.gateway.connect();
  await client.sendByteByByte(requestText('POST', '/public/steady', {body: 'hello'}));
  assert.equal((await client.finalResponse('POST')).status, 200);
  client.close();
});

test('106: many idle connections cost little memory, and a new visitor is served at once', async () => {
  const count = isSanitized() ? 100 : 400;
  const calm = await World.start({gateway: {limits: {connections: 5000, per_address: 5000, keep_alive: '60s'}}});
  const clients = [];
  try {
    const open = async (number) => {
      for (let at = 0; at < number; at += 50) clients.push(...(await Promise.all(Array.from({length: 50}, () => calm.gateway.connect()))));
    };
    await open(50);
    const before = calm.gateway.memory();
    await open(count);
    for (const client of clients) await client.send(requestText('GET', '/public/idle'));
    for (const client of clients) await client.finalResponse();
    const each = (calm.gateway.memory() - before) / count;
    if (!isSanitized()) assert.ok(each < 64 * 1024, `${Math.round(each / 1024)} KiB for each connection`);
    const start = process.hrtime.bigint();
    await calm.expectHealthy('idle connections');
    const elapsed = Number(process.hrtime.bigint() - start) / 1e6;
    assert.ok(elapsed < (isSanitized() ? 1000 : 300), `${elapsed} ms`);
  } finally {
    for (const client of clients) client.close();
    await calm.stop();
  }
});

describe('107: connection limits', () => {
  for (const [name, limits] of Object.entries({'in total': {connections: 20, per_address: 1000}, 'per address': {connections: 1000, per_address: 20}})) {
    test(`${name}: refused at accept, counted, health still answers, and room is made again`, async () => {
      const narrow = await World.start({gateway: {limits}});
      const opened = [];
      try {
        for (let index = 0; index < 40; ++index) {
          const client = await RawClient.connect({port: narrow.gateway.ports.https, tls: narrow.gateway.tlsOptions()}).catch(() => undefined);
          if (client) opened.push(client);
        }
        const alive = [];
        for (const client of opened) {
          await client.send(requestText('GET', '/public/x'));
          if ((await client.finalResponse().catch(() => undefined))?.status === 200) alive.push(client);
        }
        assert.ok(alive.length >= 10 && alive.length <= 20, `${alive.length} were served`);
        assert.equal((await narrow.gateway.internal('/livez')).status, 200);
        assert.equal((await narrow.gateway.internal('/readyz')).status, 200);
        const metrics = (await narrow.gateway.internal('/metrics')).body.toString();
        assert.match(metrics, /^gatehouse_\S*(refused|rejected|limit)\S* ([1-9]\d*)$/m);
        for (const client of opened) client.close();
        for (let attempt = 0; ; ++attempt) {
          const response = await narrow.gateway.request('GET', '/public/again').catch(() => undefined);
          if (response?.status === 200) break;
          assert.ok(attempt < 50, 'no room was made');
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      } finally {
        for (const client of opened) client.close();
        await narrow.stop();
      }
    });
  }
});

describe('108 and 109: nobody makes the gateway hold a large body', () => {
  test('108: a client that does not read holds the upstream back', async () => {
    const total = 64 * 1024 * 1024;
    let written = 0;
    const large = await World.start({
      gateway: {limits: {body_idle: '2s'}},
      defaults: {timeout: {connect: '2s', response: '20s', idle: '2s'}},
      respond: async (received, wire) => {
        await received.complete;
        const block = Buffer.alloc(65_536, 'x');
        wire.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
        while (written < total && !wire.destroyed) {
          written += block.length;
          if (!wire.write(block)) await Promise.race([once(wire, 'drain'), once(wire, 'close')]);
        }
      },
    });
    try {
      const before = large.gateway.memory();
      const client = await large.gateway.connect({paused: true});
      client.socket.pause();
      await client.send(requestText('GET', '/public/large'));
      await large.upstream.until(() => written > 0);
      let last = -1;
      while (last !== written) {
        last = written;
        await new Promise((resolve) => setTimeout(resolve, 300));
      }
      assert.ok(written < 24 * 1024 * 1024, `the upstream could send ${written} bytes`);
      assert.ok(large.gateway.memory() - before < 16 * 1024 * 1024, 'memory grew');
      await large.upstream.until(() => large.upstream.connections.every((connection) => connection.closed), 'end of the upstream connection');
      client.close();
    } finally {
      await large.stop();
    }
  });

  test('109: an upstream that does not read holds the client back', async () => {
    const stuck = await World.start({
      defaults: {body_limit: '256MiB', timeout: {connect: '2s', response: '20s', idle: '20s'}},
      respond: (received, wire) => wire.pause(),
    });
    try {
      const before = stuck.gateway.memory();
      const client = await stuck.gateway.connect();
      await client.send(`POST /public/upload HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: ${200 * 1024 * 1024}\r\n\r\n`);
      const block = Buffer.alloc(65_536, 'x');
      let sent = 0;
      for (let idle = false; !idle && sent < 100 * 1024 * 1024; ) {
        idle = await Promise.race([client.send(block).then(() => false), new Promise((resolve) => setTimeout(() => resolve(true), 700).unref())]);
        sent += block.length;
      }
      assert.ok(sent < 32 * 1024 * 1024, `the client could send ${sent} bytes`);
      assert.ok(stuck.gateway.memory() - before < 16 * 1024 * 1024, 'memory grew');
      client.close();
    } finally {
      await stuck.stop();
    }
  });
});

describe('110 and 111: a flood of sign-ins', () => {
  test('what the queue of hashes does not hold is 503 with Retry-After before the queue is through, others are served, and memory is bounded', async () => {
    const flooded = await World.start({gateway: {limits: {per_address: 1000, head_time: '300s', body_idle: '300s'}, auth: {abuse_ladder: {enabled: false}}}});
    const clients = [];
    try {
      const before = flooded.gateway.memory();
      const body = JSON.stringify({email: 'nobody@example.test', password: 'wrong horse battery'});
      const text = requestText('POST', '/api/auth/sign-in/email', {headers: {'Content-Type': 'application/json', Origin: 'https://gateway.test'}, body});
      const total = 160;
      const inQueue = 64 + Math.max(1, availableParallelism() - 1);
      const answers = [];
      for (let at = 0; at < total; at += 20) clients.push(...(await Promise.all(Array.from({length: 20}, () => flooded.gateway.connect()))));
      for (const client of clients) {
        client.send(text);
        client.finalResponse('POST', 120_000).then((response) => answers.push(response), () => {});
      }
      await flooded.gateway.until(() => answers.length >= total - inQueue, 'answers to what is not in the queue', 60_000);
      const refused = answers.filter(({status}) => status === 503);
      assert.ok(refused.length > 0, `statuses ${answers.map(({status}) => status)}`);
      assert.ok(answers.length < total, 'the queue is still worked on');
      for (const response of refused) {
        assert.ok(Number(response.fields.get('retry-after')) > 0, 'Retry-After');
        assert.match(response.body.toString(), /"code"/);
      }
      await flooded.expectHealthy('a flood of sign-ins');
      assert.equal((await flooded.gateway.internal('/readyz')).status, 200);
      const threads = Math.max(1, availableParallelism() - 1);
      if (!isSanitized()) assert.ok(flooded.gateway.memory() - before < (threads * 32 + 48) * 1024 * 1024, 'memory grew');
    } finally {
      for (const client of clients) client.close();
      await flooded.stop();
    }
  });
});

describe('112: few file descriptors', () => {
  test('as many connections as there are descriptors for, the rest is refused; health answers, and room is made again', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'gatehouse-few-'));
    const binary = join(directory, 'few');
    writeFileSync(binary, `#!/bin/sh\nulimit -n 256\nexec '${kBinary}' "$@"\n`, {mode: 0o755});
    const few = await World.start({binary, gateway: {limits: {connections: 10_000, per_address: 10_000, handshake: '300s'}}});
    const opened = [];
    try {
      assert.match(few.gateway.stderr, /only 256 file descriptors: 128 connections at a time/);
      for (let index = 0; index < 160; ++index) opened.push(await few.gateway.connectPlain('https'));
      await few.gateway.until(() => opened.filter((client) => !client.isOpen()).length >= 32, 'refusals');
      for (let index = 0; index < 10; ++index) assert.equal((await few.gateway.internal('/livez')).status, 200);
      assert.equal((await few.gateway.internal('/readyz')).status, 200);
      for (const client of opened) client.close();
      for (let attempt = 0; (await few.gateway.request('GET', '/public/x').catch(() => ({}))).status !== 200; ++attempt) {
        assert.ok(attempt < 300, 'no room was made');
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      await few.expectHealthy('few descriptors');
    } finally {
      for (const client of opened) client.close();
      await few.stop();
      rmSync(directory, {recursive: true, force: true});
    }
  });
});
