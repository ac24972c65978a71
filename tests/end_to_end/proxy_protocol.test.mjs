// Behind a load balancer that passes connections on as they are and says with the PROXY protocol whose they are.
import assert from 'node:assert/strict';
import {after, before, describe, test} from 'node:test';
import {requestText} from './support/raw.mjs';
import {World, kRoutes} from './support/world.mjs';

const kSignature = '\r\n\r\n\0\r\nQUIT\n';

function line(address, port = 56324) {
  return `PROXY ${address.includes(':') ? 'TCP6' : 'TCP4'} ${address} ${address.includes(':') ? '2001:db8::1' : '198.51.100.1'} ${port} 443\r\n`;
}

// Version 2, for IPv4, with an extension of 40 bytes.
function binary(address) {
  const rest = String.fromCharCode(...address.split('.').map(Number), 198, 51, 100, 1, 0xdc, 4, 1, 0xbb) + `\x05\0\x25${'i'.repeat(37)}`;
  return `${kSignature}\x21\x11\0${String.fromCharCode(rest.length)}${rest}`;
}

const kLocal = `${kSignature}\x20\0\0\0`;

async function metric(gateway, name) {
  const text = (await gateway.internal('/metrics')).body.toString();
  const row = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  assert.ok(row, `no metric ${name}`);
  return Number(row.slice(name.length));
}

const refused = (gateway, reason) => metric(gateway, `gatehouse_proxy_headers_refused_total{reason="${reason}"}`);

// A connection that begins with these bytes is closed without an answer.
async function expectClosed(gateway, listener, bytes) {
  const client = await gateway.connectPlain(listener);
  await client.send(bytes);
  await client.until(() => (client.isOpen() ? undefined : true), 'close');
  assert.equal(client.received.length, 0);
  client.close();
}

describe('a listener that expects the header, and a trusted proxy', () => {
  let world;
  before(async () => {
    world = await World.start({
      gateway: {listen: {proxy_protocol: true}, trusted_proxies: ['127.0.0.1', '10.0.0.0/8'], limits: {handshake: '5s', head_time: '300s', per_address: 50}},
      routes: [...kRoutes, {path: '/limited/**', upstream: 'orders', auth: 'public', rate_limit: {limit: 2, window: '10m', by: 'ip'}}],
    });
  });
  after(() => world?.stop());

  const ask = (preface, target, options = {}) => world.askOnce('GET', target, {...options, connect: {preface}});

  for (const [name, preface, address] of [
    ['version 1', line('203.0.113.7'), '203.0.113.7'],
    ['version 1, IPv6', line('2001:db8::7'), '2001:db8::7'],
    ['version 2', binary('203.0.113.8'), '203.0.113.8'],
    ['LOCAL', kLocal, '127.0.0.1'],
    ['UNKNOWN', 'PROXY UNKNOWN\r\n', '127.0.0.1'],
  ]) {
    test(`${name}: the upstream and the log are told of ${address}`, async () => {
      const target = `/public/${encodeURIComponent(name).replaceAll('%', '-')}`;
      const {request} = await ask(preface, target);
      assert.equal(request.fields.get('x-forwarded-for'), address);
      assert.equal(request.fields.get('x-real-ip'), address);
      assert.equal(request.fields.get('x-forwarded-proto'), 'https');
      const row = await world.gateway.logged(({path}) => path === target);
      assert.equal(row.client ?? row.peer, address);
    });
  }

  test('a header field of the client does not change that, also where the proxy does not know the client', async () => {
    const headers = {'X-Forwarded-For': '192.0.2.66', Forwarded: 'for=192.0.2.66'};
    for (const [preface, address] of [[line('203.0.113.7'), '203.0.113.7'], ['PROXY UNKNOWN\r\n', '127.0.0.1'], [`${kSignature}\x21\0\0\0`, '127.0.0.1']]) {
      const {request} = await ask(preface, '/public/x', {headers});
      assert.equal(request.fields.get('x-forwarded-for'), address);
      assert.equal(request.fields.get('x-real-ip'), address);
    }
  });

  test('a proxy behind the first one that is trusted as well is asked for the next hop', async () => {
    const {request} = await ask(line('10.1.2.3'), '/public/x', {headers: {'X-Forwarded-For': '192.0.2.66, 203.0.113.7'}});
    assert.equal(request.fields.get('x-real-ip'), '203.0.113.7');
  });

  test('limits count the client, not its proxy', async () => {
    const status = async (address) => (await world.gateway.request('GET', '/limited/x', {connect: {preface: line(address)}})).status;
    assert.deepEqual([await status('203.0.113.20'), await status('203.0.113.20'), await status('203.0.113.20')], [200, 200, 429]);
    assert.equal(await status('203.0.113.21'), 200);
  });

  test('the header counts for the whole connection', async () => {
    const mark = world.upstream.mark();
    const client = await world.gateway.connect({preface: line('203.0.113.9')});
    for (let index = 0; index < 3; ++index) {
      await client.send(requestText('GET', '/public/again', {headers: {'X-Forwarded-For': '192.0.2.66'}}));
      assert.equal((await client.finalResponse()).status, 200);
    }
    client.close();
    assert.deepEqual(mark.requests().map((request) => request.fields.get('x-real-ip')), ['203.0.113.9', '203.0.113.9', '203.0.113.9']);
  });

  test('the redirecting listener expects it as well, the internal one does not', async () => {
    const client = await world.gateway.connectPlain('http', {preface: line('203.0.113.7')});
    await client.send(requestText('GET', '/x'));
    assert.equal((await client.finalResponse()).status, 308);
    client.close();
    assert.equal((await world.gateway.internal('/livez')).status, 200);
  });

  test('without a header, or with a malformed one, the connection is closed unanswered and counted', async () => {
    const before = await refused(world.gateway, 'malformed');
    const bytes = [requestText('GET', '/public/x'), '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03', 'PROXY TCP4 203.0.113.7 198.51.100.1 01 443\r\n', 'PROXY TCP4 evil 198.51.100.1 1 443\r\n', `${kSignature}\x21\x12\0\x0c${'x'.repeat(12)}`];
    for (const each of bytes) await expectClosed(world.gateway, 'https', each);
    await expectClosed(world.gateway, 'http', requestText('GET', '/x'));
    assert.equal(await refused(world.gateway, 'malformed'), before + bytes.length + 1);
  });

  test('a second header is no request', async () => {
    const client = await world.gateway.connect({preface: line('203.0.113.7')});
    await client.send(line('203.0.113.8') + requestText('GET', '/public/x').toString('latin1'));
    const {responses} = await client.untilClosed();
    assert.deepEqual(responses.map(({status}) => status), [400]);
  });

  test('who only connects is no case for the log, who begins and stalls is closed in time', async () => {
    const before = await refused(world.gateway, 'malformed');
    const probe = await world.gateway.connectPlain('https');
    probe.halfClose();
    await probe.until(() => (probe.isOpen() ? undefined : true), 'close');
    await expectClosed(world.gateway, 'https', 'PROXY TCP4');
    assert.equal(await refused(world.gateway, 'malformed'), before);
    assert.ok((await refused(world.gateway, 'late')) >= 1);
  });

  test('the limit of connections counts for each client', async () => {
    const opened = [];
    try {
      for (let index = 0; index < 50; ++index) opened.push(await world.gateway.connect({preface: line('203.0.113.99')}));
      await assert.rejects(world.gateway.connect({preface: line('203.0.113.99')}));
      const {response} = await ask(line('203.0.113.98'), '/public/x');
      assert.equal(response.status, 200);
    } finally {
      for (const client of opened) client.close();
    }
  });
});

test('a stranger gets nothing, is counted, and a flood of them is one line of the log', async () => {
  const world = await World.start({gateway: {listen: {proxy_protocol: true}, trusted_proxies: ['192.0.2.0/24']}});
  try {
    for (let index = 0; index < 30; ++index) await expectClosed(world.gateway, 'https', '');
    assert.equal(await refused(world.gateway, 'stranger'), 30);
    const told = world.gateway.stderr.split('\n').filter((row) => row.includes('none of trusted_proxies'));
    assert.ok(told.length >= 1 && told.length <= 2, `${told.length} lines`);
  } finally {
    await world.stop();
  }
});

test('where it is off, the header is a broken handshake or a bad request, and changes nothing for a trusted proxy either', async () => {
  const world = await World.start({gateway: {trusted_proxies: ['127.0.0.1']}});
  try {
    const mark = world.upstream.mark();
    await assert.rejects(world.gateway.connect({preface: line('203.0.113.7')}));
    for (const preface of [line('203.0.113.7'), binary('203.0.113.7')]) {
      const client = await world.gateway.connectPlain('http', {preface});
      await client.send(requestText('GET', '/x'));
      const {responses} = await client.untilClosed();
      assert.deepEqual(responses.map(({status}) => status), [400]);
    }
    assert.deepEqual(mark.requests(), []);
  } finally {
    await world.stop();
  }
});
