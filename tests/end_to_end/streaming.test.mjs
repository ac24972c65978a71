// Bodies far larger than memory should ever hold pass through in both directions with flat memory.
import assert from 'node:assert/strict';
import http from 'node:http';
import {once} from 'node:events';
import {after, before, test} from 'node:test';
import {Gateway, gatewayBinary, isSanitized} from './support/gateway.mjs';
import {requestText} from './support/raw.mjs';
import {kKey} from './support/world.mjs';

const binary = gatewayBinary('release') ?? gatewayBinary();
const total = isSanitized(binary) ? 96 * 1024 * 1024 : 1024 * 1024 * 1024;
let gateway;
let server;
let received;

before(async () => {
  server = http.createServer((request, response) => {
    if (request.method === 'GET') return sendZeros(response, total);
    received = 0;
    request.on('data', (bytes) => (received += bytes.length));
    request.on('end', () => response.end(String(received)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const servers = [`http://127.0.0.1:${server.address().port}`];
  gateway = await Gateway.start({
    binary,
    upstreams: {orders: {servers, key: kKey}},
    routes: [{path: '/public/**', upstream: 'orders', auth: 'public', body_limit: '2GiB'}],
  });
});
after(async () => {
  await gateway?.stop();
  server?.close();
});

async function sendZeros(writable, count) {
  const block = Buffer.alloc(1024 * 1024);
  for (let sent = 0; sent < count && !writable.destroyed; sent += block.length) {
    if (!writable.write(block)) await Promise.race([once(writable, 'drain'), once(writable, 'close')]);
  }
  writable.end?.();
}

// Resident memory at most, over the run of `work`.
async function peakDuring(work) {
  let peak = gateway.memory();
  const ticker = setInterval(() => (peak = Math.max(peak, gateway.memory())), 50);
  try {
    await work();
  } finally {
    clearInterval(ticker);
  }
  return peak;
}

const kBound = (isSanitized(binary) ? 96 : 24) * 1024 * 1024;

test('down', async () => {
  await gateway.request('POST', '/public/warm', {body: 'x'});
  const base = gateway.memory();
  let count = 0;
  const peak = await peakDuring(async () => {
    const client = await gateway.connect({paused: true, transcript: undefined});
    client.socket.on('data', (bytes) => (count += bytes.length));
    await client.send(requestText('GET', '/public/down', {keepAlive: false}));
    await client.until(() => (client.closed || client.ended ? true : undefined), 'end', 60_000);
    client.close();
  });
  assert.ok(count >= total, `only ${count} bytes came`);
  assert.ok(peak - base < kBound, `grew by ${Math.round((peak - base) / 1048576)} MiB`);
});

for (const framing of ['Content-Length', 'chunks']) {
  test(`up with ${framing}`, async () => {
    const base = gateway.memory();
    const block = Buffer.alloc(1024 * 1024, 'x');
    const piece = framing === 'chunks' ? Buffer.concat([Buffer.from('100000\r\n'), block, Buffer.from('\r\n')]) : block;
    const size = framing === 'chunks' ? total / 4 : total;
    const head = framing === 'chunks' ? 'Transfer-Encoding: chunked' : `Content-Length: ${size}`;
    const peak = await peakDuring(async () => {
      const client = await gateway.connect();
      await client.send(`POST /public/up HTTP/1.1\r\nHost: gateway.test\r\n${head}\r\n\r\n`);
      for (let sent = 0; sent < size; sent += block.length) await client.send(piece);
      if (framing === 'chunks') await client.send('0\r\n\r\n');
      assert.equal((await client.finalResponse('POST', 60_000)).body.toString(), String(size));
      client.close();
    });
    assert.ok(peak - base < kBound, `grew by ${Math.round((peak - base) / 1048576)} MiB`);
  });
}
