// What goes on when the drain time is over, and what a reload leaves as it was (threats L 121 and 123).
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {merge} from './support/gateway.mjs';
import {requestText} from './support/raw.mjs';
import {acceptAndEcho, upgradeText} from './support/websocket.mjs';
import {World, kRoutes} from './support/world.mjs';

// Tunnels below /public/tunnel, streams without end below /public/events, half an answer below /public/half; everything else is
// never answered.
async function respond(received, wire) {
  if (received.target.startsWith('/public/tunnel')) return acceptAndEcho(received, wire);
  if (received.target.startsWith('/public/events')) wire.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n');
  if (received.target.startsWith('/public/half')) wire.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n0123456789');
}

test('121: what is left when the drain time is over is cut at both ends, nothing passes for complete, and the exit is clean', async () => {
  const world = await World.start({respond, gateway: {limits: {drain: '1s'}}});
  const clients = [];
  const open = async (bytes) => {
    const client = await world.gateway.connect();
    clients.push(client);
    await client.send(bytes);
    return client;
  };
  try {
    const tunnel = await open(upgradeText('/public/tunnel'));
    assert.equal((await tunnel.response()).status, 101);
    await tunnel.send('ping');
    assert.equal((await tunnel.bytes(4)).toString(), 'ping');
    const events = await open(requestText('GET', '/public/events'));
    await events.until(() => (events.received.includes('data: 1') ? true : undefined), 'event');
    const half = await open(requestText('GET', '/public/half'));
    await half.until(() => (half.received.includes('0123456789') ? true : undefined), 'half an answer');
    const upload = await open('POST /public/upload HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 1000000\r\n\r\nfirst');
    const chunked = await open('POST /public/chunked HTTP/1.1\r\nHost: gateway.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n');
    const waiting = await open(requestText('GET', '/public/slow'));
    const body = await open('POST /api/auth/sign-in/email HTTP/1.1\r\nHost: gateway.test\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{');
    const head = await open('GET /public/head HTTP/1.1\r\nHost: gate');
    await world.upstream.until((upstream) => upstream.connections.filter((connection) => connection.bytes.includes('first')).length === 2);
    await world.upstream.until((upstream) => upstream.connections.some((connection) => connection.bytes.includes('/public/slow')));

    const began = Date.now();
    world.gateway.signal('SIGTERM');
    assert.deepEqual(await world.gateway.ended(), {code: 0, signal: null});
    const took = Date.now() - began;
    assert.ok(took >= 900 && took < 5000, `the end took ${took} ms`);
    assert.match(world.gateway.stderr, /the drain time is over/);
    assert.doesNotMatch(world.gateway.stderr, /Sanitizer|runtime error/);
    assert.match(world.gateway.stderr, /"message":"ended"/);

    for (const client of [tunnel, events, half, upload, chunked, waiting, body, head]) await client.until(() => (client.closed ? true : undefined), 'end');
    assert.ok(!half.received.includes('0123456789'.repeat(2)) && half.received.length < 1000);
    assert.ok(!events.received.includes('0\r\n\r\n'), 'the stream ended as if it were complete');
    for (const client of [upload, chunked, waiting]) assert.doesNotMatch(client.received.toString(), /^HTTP\/1\.1 2/);
    await world.upstream.until((upstream) => upstream.connections.every((connection) => connection.closed));
    assert.deepEqual(world.upstream.requests.map((request) => request.target).filter((target) => /upload|chunked/.test(target)), []);
    const targets = world.gateway.accessLog().map((line) => line.path);
    for (const path of ['/public/tunnel', '/public/events', '/public/half', '/public/upload', '/public/slow']) assert.ok(targets.includes(path), `${path} has no line in the log`);
  } finally {
    for (const client of clients) client.close();
    await world.stop();
  }
});

test('121: a second SIGTERM does not wait for what goes on', async () => {
  const world = await World.start({respond, gateway: {limits: {drain: '1h'}}});
  let client;
  let again;
  try {
    client = await world.gateway.connect();
    await client.send(upgradeText('/public/tunnel'));
    assert.equal((await client.response()).status, 101);
    world.gateway.signal('SIGTERM');
    await world.gateway.until(() => /"message":"draining"/.test(world.gateway.stderr), 'drain', 30_000);
    again = setInterval(() => world.gateway.signal('SIGTERM'), 300);
    assert.deepEqual(await world.gateway.ended(60_000), {code: 0, signal: null});
    assert.match(world.gateway.stderr, /told once more to end: ending the connections that are left/);
    assert.match(world.gateway.stderr, /"message":"ended"/);
  } finally {
    clearInterval(again);
    client?.close();
    await world.stop();
  }
});

test('123: a reload takes over the routes and keeps the settings of the gateway, which say that they need a restart', async () => {
  const world = await World.start();
  try {
    await world.signUpTwo();
    const changed = merge(world.gateway.configuration, {
      gateway: {
        base_url: 'https://elsewhere.test',
        hosts: ['elsewhere.test'],
        trusted_origins: ['https://partner.test'],
        secret: 'another-secret-for-tests-0123456789-abcdefghijklmnop',
        limits: {head: '4KiB'},
        auth: {base_path: '/other/auth', advanced: {cookie_prefix: 'other'}},
      },
      routes: [...kRoutes, {path: '/new/**', upstream: 'orders'}],
    });
    world.gateway.writeConfiguration(changed);
    world.gateway.signal('SIGHUP');
    await world.gateway.until(() => /configuration reloaded/.test(world.gateway.stderr), 'reload');
    for (const key of ['base_url', 'secret', 'trusted_origins']) assert.match(world.gateway.stderr, new RegExp(`needs a restart to take effect: gateway\\.${key}`));
    // The new route, under the old secret, cookie name and host.
    const {request} = await world.askOnce('GET', '/new/x', {as: world.ada});
    assert.equal(request.fields.get('x-user-id'), world.ada.user.id);
    assert.equal((await world.gateway.request('GET', '/new/x', {host: 'elsewhere.test', headers: {Cookie: world.ada.cookie}})).status, 421);
    assert.equal((await world.gateway.request('GET', '/api/auth/ok')).status, 200);
    assert.equal((await world.gateway.request('GET', '/other/auth/ok')).status, 404);
    assert.equal((await world.gateway.request('POST', '/new/x', {headers: {Cookie: world.ada.cookie, Origin: 'https://partner.test'}})).status, 403);
    assert.equal((await world.gateway.request('GET', '/public/x', {headers: {'X-Long': 'x'.repeat(8000)}})).status, 200);
    // Said again at the next reload, which still compares with what is in force.
    const seen = world.gateway.stderr.length;
    world.gateway.signal('SIGHUP');
    await world.gateway.until(() => /needs a restart to take effect: gateway\.secret/.test(world.gateway.stderr.slice(seen)), 'reminder');
  } finally {
    await world.stop();
  }
});
