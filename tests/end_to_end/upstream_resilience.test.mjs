// Servers of an upstream that die, hang and come back: clients notice as little as can be.
import assert from 'node:assert/strict';
import net from 'node:net';
import {once} from 'node:events';
import {after, before, describe, test} from 'node:test';
import {closedPort} from './support/scripted.mjs';
import {Upstream, answer} from './support/upstream.mjs';
import {Gateway} from './support/gateway.mjs';

const kPatience = 30_000;
const kKey = (name) => `${name}-key-0123456789-abcdefghijklmnopqrstuvwxyz`;
const named = (name) => async (received, wire) => {
  await received.complete;
  wire.write(answer(200, name));
};

// An upstream that says its name, on a port that was chosen before: it can end and come back.
class Comeback {
  sockets = new Set();
  constructor(name, port) {
    this.name = name;
    this.port = port;
  }
  get url() {
    return `http://127.0.0.1:${this.port}`;
  }
  async start() {
    this.server = net.createServer((socket) => {
      this.sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.sockets.delete(socket));
      let text = '';
      socket.on('data', (bytes) => {
        text += bytes.toString('latin1');
        for (let end; (end = text.indexOf('\r\n\r\n')) >= 0; text = text.slice(end + 4)) socket.write(answer(200, this.name));
      });
    });
    this.server.listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
  }
  async stop() {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await once(this.server, 'close');
  }
}

let one, two, comeback, gateway, sick;
let sickStatus = 200;

const publicRoute = (name) => ({path: `/${name}/**`, upstream: name, auth: 'public'});
const ask = (target) => gateway.request('GET', target);
const bodies = async (target, count) => {
  const seen = [];
  for (let i = 0; i < count; ++i) seen.push((await ask(target)).body.toString());
  return seen;
};
async function untilTrue(what, look) {
  for (const end = Date.now() + kPatience; Date.now() < end; ) {
    if (await look()) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  assert.fail(`${what}: not within ${kPatience} ms; log:\n${gateway.stderr.slice(-2000)}`);
}
const logLines = (part) => gateway.stderr.split('\n').filter((line) => line.includes(part));
async function metric(name, upstream, port) {
  const text = (await gateway.internal('/metrics')).body.toString();
  const line = text.split('\n').find((entry) => entry.startsWith(`${name}{upstream="${upstream}",server="127.0.0.1:${port}"}`));
  return line && Number(line.split(' ').at(-1));
}

before(async () => {
  one = await Upstream.start(named('one'));
  two = await Upstream.start(named('two'));
  comeback = new Comeback('back', await closedPort());
  sick = await Upstream.start(async (received, wire) => {
    await received.complete;
    wire.write(received.target === '/healthz' ? answer(sickStatus, '') : answer(200, 'sick'));
  });
  const dead = await closedPort();
  const upstreams = {
    turns: {servers: [one.url, two.url]},
    hashed: {servers: [one.url, two.url], balance: 'hash(session)'},
    half: {servers: [`http://127.0.0.1:${dead}`, two.url]},
    alone: {servers: [comeback.url]},
    checked: {servers: [sick.url, two.url], health: {path: '/healthz', interval: '1s', timeout: '900ms'}},
  };
  for (const [name, settings] of Object.entries(upstreams)) settings.key = kKey(name);
  gateway = await Gateway.start({upstreams, routes: Object.keys(upstreams).map(publicRoute), gateway: {threads: 1}});
  gateway.deadPort = dead;
});
after(async () => {
  await gateway?.stop();
  for (const upstream of [one, two, sick]) await upstream?.stop();
});

describe('the servers of an upstream', () => {
  test('are asked in turn', async () => {
    const seen = await bodies('/turns/x', 6);
    assert.deepEqual(seen.slice(0, 2).sort(), ['one', 'two']);
    assert.deepEqual(seen, [seen[0], seen[1], seen[0], seen[1], seen[0], seen[1]]);
  });

  test('hash(session): one address without a session stays with one server', async () => {
    assert.equal(new Set(await bodies('/hashed/x', 6)).size, 1);
  });

  test('one that is dead costs no request, is left out, told once and counted', async () => {
    assert.deepEqual(new Set(await bodies('/half/x', 30)), new Set(['two']));
    assert.equal(await metric('gatehouse_upstream_server_up', 'half', two.port), 1);
    assert.equal(await metric('gatehouse_upstream_failures_total', 'half', two.port), 0);
    const [failures, leftOut] = await Promise.all(['failures', 'left_out'].map((what) => metric(`gatehouse_upstream_${what}_total`, 'half', gateway.deadPort)));
    assert.ok(failures >= 5 && leftOut >= 1, `${failures} ${leftOut}`);
    assert.equal(logLines(`upstream half: server 127.0.0.1:${gateway.deadPort} fails`).length, 1);
    // Again only when its time was over and it failed again.
    assert.equal(logLines(`upstream half: server 127.0.0.1:${gateway.deadPort} is left out`).length, leftOut);
  });

  test('when none is left: 503 with Retry-After at once, and all is well when one comes back', async () => {
    for (let i = 0; i < 5; ++i) assert.equal((await ask('/alone/x')).status, 502);
    let refused;
    await untilTrue('a 503', async () => (refused = await ask('/alone/x')).status === 503);
    assert.ok(Number(refused.fields.get('retry-after')) > 0);
    assert.equal(JSON.parse(refused.body).code, 'SERVICE_UNAVAILABLE');
    await gateway.until(() => logLines('upstream alone: no server is left').length > 0, 'log line');
    await comeback.start();
    try {
      await untilTrue('the server that came back', async () => (await ask('/alone/x')).status === 200);
      for (let i = 0; i < 10; ++i) assert.equal((await ask('/alone/x')).status, 200);
    } finally {
      await comeback.stop();
    }
  });

  test('one whose health check fails gets no requests, and returns when it passes', async () => {
    await untilTrue('a first check', () => sick.requests.some((request) => request.target === '/healthz'));
    const check = sick.requests.find((request) => request.target === '/healthz');
    assert.equal(check.fields.get('authorization'), `Bearer ${kKey('checked')}`);
    assert.ok((await bodies('/checked/x', 4)).includes('sick'));
    sickStatus = 503;
    await untilTrue('the sick server left out', async () => (await metric('gatehouse_upstream_server_up', 'checked', sick.port)) === 0);
    assert.deepEqual(new Set(await bodies('/checked/x', 10)), new Set(['two']));
    sickStatus = 204;
    await untilTrue('the server that is well again', async () => (await ask('/checked/x')).body.toString() === 'sick');
    assert.equal(logLines('its health check fails: status 503').length, 1);
    assert.ok(logLines('passes its health check').length >= 1);
  });
});
