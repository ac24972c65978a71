// WebSockets with an ordinary client library (ws) on both ends, through TLS and the gateway.
import assert from 'node:assert/strict';
import {once} from 'node:events';
import http from 'node:http';
import {after, before, test} from 'node:test';
import {WebSocket, WebSocketServer} from 'ws';
import {Gateway, kOrigin} from './support/gateway.mjs';
import {postJson, signIn, signUp} from './support/session.mjs';
import {kKey} from './support/world.mjs';

let gateway;
let server;
let sockets;
let ada;
const upgrades = [];

before(async () => {
  server = http.createServer((request, response) => response.end('ok'));
  sockets = new WebSocketServer({server, maxPayload: 64 * 1024 * 1024});
  sockets.on('connection', (socket, request) => {
    upgrades.push(request);
    socket.on('message', (data, isBinary) => socket.send(data, {binary: isBinary}));
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  gateway = await Gateway.start({
    upstreams: {live: {servers: [`http://127.0.0.1:${server.address().port}`], key: kKey}},
    routes: [
      {path: '/live/**', upstream: 'live'},
      {path: '/open/**', upstream: 'live', auth: 'public'},
      {path: '/hasty/**', upstream: 'live', auth: 'public', timeout: {connect: '1s', response: '1s', idle: '1s'}},
    ],
  });
  ada = await signUp(gateway);
});
after(async () => {
  for (const socket of sockets?.clients ?? []) socket.terminate();
  await gateway?.stop();
  server?.close();
});

// An open socket, or the status with which the upgrade was refused.
async function connect(target, {headers = {}, origin = kOrigin, ...options} = {}) {
  const socket = new WebSocket(`wss://gateway.test:${gateway.ports.https}${target}`, {
    ...gateway.tlsOptions(), ...options, origin,
    lookup: (_, wanted, done) => (wanted.all ? done(null, [{address: '127.0.0.1', family: 4}]) : done(null, '127.0.0.1', 4)),
    headers: {...headers, Host: 'gateway.test'},
  });
  socket.on('error', () => {});
  return new Promise((resolve) => {
    socket.once('open', () => resolve({socket}));
    socket.once('unexpected-response', (request, response) => (request.destroy(), resolve({status: response.statusCode})));
    socket.once('close', () => resolve({status: 0}));
  });
}

async function echo(socket, data) {
  socket.send(data);
  const [answer] = await once(socket, 'message');
  return answer;
}

test('text, binary, empty and large messages come back', async () => {
  const {socket} = await connect('/live/echo', {headers: {Cookie: ada.cookie}});
  assert.equal((await echo(socket, 'hello')).toString(), 'hello');
  assert.equal((await echo(socket, '')).length, 0);
  const large = Buffer.alloc(5_000_000, 'x');
  assert.ok((await echo(socket, large)).equals(large));
  socket.close(1000, 'done');
  const [code, reason] = await once(socket, 'close');
  assert.equal(code, 1000);
  assert.equal(reason.toString(), 'done');
});

test('with compression and a subprotocol negotiated end to end', async () => {
  const {socket} = await connect('/open/echo?room=1', {perMessageDeflate: true});
  assert.ok(socket.extensions.includes('permessage-deflate') || socket.extensions === '');
  assert.equal((await echo(socket, 'x'.repeat(100_000))).length, 100_000);
  assert.equal(upgrades.at(-1).url, '/open/echo?room=1');
  socket.close();
});

test('pings and pongs pass, and many sockets at once keep apart', async () => {
  const opened = await Promise.all(Array.from({length: 30}, () => connect('/open/echo')));
  await Promise.all(opened.map(async ({socket}, index) => assert.equal((await echo(socket, `mine ${index}`)).toString(), `mine ${index}`)));
  opened[0].socket.ping('p');
  assert.equal((await once(opened[0].socket, 'pong'))[0].toString(), 'p');
  for (const {socket} of opened) socket.close();
});

test('the upstream sees who it is, without the session cookie', async () => {
  const {socket} = await connect('/live/who', {headers: {Cookie: `theme=dark; ${ada.cookie}`, 'X-User-ID': 'evil'}});
  const {headers} = upgrades.at(-1);
  assert.equal(headers['x-user-id'], ada.user.id);
  assert.equal(headers.authorization, `Bearer ${kKey}`);
  assert.equal(headers.cookie, 'theme=dark');
  socket.close();
});

test('without a session 401, from another origin 403', async () => {
  assert.equal((await connect('/live/x')).status, 401);
  assert.equal((await connect('/live/x', {headers: {Cookie: ada.cookie}, origin: 'https://evil.test'})).status, 403);
});

test('a revoked session closes its socket, and no other', async () => {
  const [first, second] = [await signIn(gateway, ada), await signIn(gateway, ada)];
  const one = (await connect('/live/a', {headers: {Cookie: first.cookie}})).socket;
  const two = (await connect('/live/b', {headers: {Cookie: second.cookie}})).socket;
  const closed = once(one, 'close');
  const started = Date.now();
  assert.equal((await postJson(gateway, '/api/auth/revoke-session', {token: first.token}, {Cookie: second.cookie})).status, 200);
  await closed;
  assert.ok(Date.now() - started < 2000);
  assert.equal((await echo(two, 'still here')).toString(), 'still here');
  const alsoClosed = once(two, 'close');
  assert.equal((await postJson(gateway, '/api/auth/sign-out', {}, {Cookie: second.cookie})).status, 200);
  await alsoClosed;
});

test('a socket with traffic outlives the idle time, a silent one does not', async () => {
  const busy = (await connect('/hasty/busy')).socket;
  const silent = (await connect('/hasty/silent')).socket;
  const silentClosed = once(silent, 'close');
  const ticker = setInterval(() => busy.send('tick'), 200);
  await silentClosed;
  assert.equal((await echo(busy, 'alive')).length > 0, true);
  clearInterval(ticker);
  busy.close();
});

test('SIGTERM ends open sockets within the drain time', async () => {
  const other = await Gateway.start({...gateway.settings, gateway: {limits: {drain: '1s'}}});
  const socket = new WebSocket(`wss://gateway.test:${other.ports.https}/open/x`, {
    ...other.tlsOptions(),
    lookup: (_, options, done) => (options.all ? done(null, [{address: '127.0.0.1', family: 4}]) : done(null, '127.0.0.1', 4)),
    headers: {Host: 'gateway.test'},
  });
  socket.on('error', () => {});
  await once(socket, 'open');
  const closed = once(socket, 'close');
  await other.stop();
  await closed;
});
