// Upstreams that are spoken to over TLS: whose certificates are believed, and what the gateway shows of itself.
import assert from 'node:assert/strict';
import {once} from 'node:events';
import {copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import tls from 'node:tls';
import {after, before, describe, test} from 'node:test';
import {Authority} from './support/certificates.mjs';
import {Gateway, runCommand} from './support/gateway.mjs';
import {answer} from './support/upstream.mjs';

const kPatience = 30_000;

// Answers each request with the name of whoever asks: the common name of the client's certificate.
class TlsServer {
  sockets = new Set();
  handshakes = 0;
  static async start({cert, key}, options = {}) {
    const made = new TlsServer();
    made.server = tls.createServer({cert: readFileSync(cert), key: readFileSync(key), ALPNProtocols: ['http/1.1'], ...options}, (socket) => {
      ++made.handshakes;
      let text = '';
      socket.on('data', (bytes) => {
        text += bytes.toString('latin1');
        for (let end; (end = text.indexOf('\r\n\r\n')) >= 0; text = text.slice(end + 4)) {
          socket.write(answer(200, `${socket.servername || '-'} ${socket.getPeerCertificate()?.subject?.CN ?? 'nobody'}`));
        }
      });
      socket.on('error', () => {});
    });
    made.server.on('connection', (socket) => {
      made.sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => made.sockets.delete(socket));
    });
    made.server.on('tlsClientError', () => {});
    made.server.listen(0, '127.0.0.1');
    await once(made.server, 'listening');
    return made;
  }
  get url() {
    return `https://127.0.0.1:${this.server.address().port}`;
  }
  async stop() {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await once(this.server, 'close');
  }
}

const servers = [];
let directory, ours, foreign, gateway, client, plain;

async function start(files, options) {
  const server = await TlsServer.start(files, options);
  servers.push(server);
  return server;
}

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'gatehouse-upstream-tls-'));
  const folder = (name) => mkdtempSync(join(directory, `${name}-`));
  ours = new Authority(folder('ours'));
  foreign = new Authority(folder('foreign'));
  client = ours.issue('client', ['gateway.internal']);
  plain = await start(ours.issue('plain', ['orders.internal']));
  const byAddress = await start(ours.issue('address', ['127.0.0.1']));
  const stranger = await start(foreign.issue('stranger', ['orders.internal']));
  const expired = await start(ours.issue('expired', ['orders.internal'], {days: -1}));
  const mutual = await start(ours.issue('mutual', ['orders.internal']), {requestCert: true, rejectUnauthorized: true, ca: ours.pem});
  const name = 'orders.internal';
  const upstreams = {
    plain: {servers: [plain.url], tls: {ca: ours.file, server_name: name}},
    address: {servers: [byAddress.url], tls: {ca: ours.file}},
    wrong_name: {servers: [plain.url], tls: {ca: ours.file, server_name: 'web.internal'}},
    stranger: {servers: [stranger.url], tls: {ca: ours.file, server_name: name}},
    expired: {servers: [expired.url], tls: {ca: ours.file, server_name: name}},
    system: {servers: [plain.url], tls: {server_name: name}},
    mutual: {servers: [mutual.url], tls: {ca: ours.file, cert: client.cert, key: client.key, server_name: name}},
    without: {servers: [mutual.url], tls: {ca: ours.file, server_name: name}},
    one_broken: {servers: [stranger.url, plain.url], tls: {ca: ours.file, server_name: name}},
  };
  for (const [upstream, settings] of Object.entries(upstreams)) settings.key = `${upstream}-key-0123456789-abcdefghijklmnopqrstuvwxyz`;
  gateway = await Gateway.start({upstreams, routes: Object.keys(upstreams).map((upstream) => ({path: `/${upstream}/**`, upstream, auth: 'public'})), gateway: {threads: 1}});
});
after(async () => {
  await gateway?.stop();
  for (const server of servers) await server.stop();
  if (directory) rmSync(directory, {recursive: true});
});

const ask = (upstream) => gateway.request('GET', `/${upstream}/x`);

describe('an upstream over TLS', () => {
  test('is verified by its own authority and name, and its connections are used again', async () => {
    for (let i = 0; i < 5; ++i) {
      const response = await ask('plain');
      assert.equal(response.status, 200);
      assert.equal(response.body.toString(), 'orders.internal nobody');
    }
    assert.equal(plain.handshakes, 1);
  });

  test('is verified by its address where that is how it is written', async () => {
    assert.equal((await ask('address')).body.toString(), '- nobody');
  });

  for (const upstream of ['wrong_name', 'stranger', 'expired', 'system']) {
    test(`${upstream.replace('_', ' ')}: 502, told in the log alone`, async () => {
      const response = await ask(upstream);
      assert.equal(response.status, 502);
      assert.ok(!/certificate|127\.0\.0\.1/.test(response.body.toString()));
      await gateway.until(() => gateway.stderr.split('\n').some((line) => line.includes(`upstream ${upstream}: `) && line.includes('its certificate is refused')), 'log line');
    });
  }

  test('mutual: the gateway shows its certificate; without one it is refused', async () => {
    assert.equal((await ask('mutual')).body.toString(), 'orders.internal gateway.internal');
    assert.equal((await ask('without')).status, 502);
  });

  test('one server with a broken certificate of two costs no request', async () => {
    for (let i = 0; i < 12; ++i) assert.equal((await ask('one_broken')).status, 200);
  });

  test('a certificate of the gateway that is replaced is shown without a restart, a broken one is not', async () => {
    const mutualNow = async () => (await ask('mutual')).body.toString();
    writeFileSync(client.cert, 'nonsense');
    await gateway.until(() => gateway.stderr.includes('upstream mutual: certificates stay as they were'), 'complaint', kPatience);
    assert.equal(await mutualNow(), 'orders.internal gateway.internal');
    const renewed = ours.issue('renewed', ['renewed.internal']);
    copyFileSync(renewed.key, client.key);
    copyFileSync(renewed.cert, client.cert);
    await gateway.until(() => gateway.stderr.includes('upstream mutual: certificates reloaded'), 'new certificate', kPatience);
    // Connections that are idle keep what they were made with.
    for (const server of servers) for (const socket of server.sockets) socket.destroy();
    const end = Date.now() + kPatience;
    while ((await mutualNow()) !== 'orders.internal renewed.internal') {
      assert.ok(Date.now() < end, 'the renewed certificate is not shown');
      await new Promise((done) => setTimeout(done, 50));
    }
  });

  test('authorities that cannot be read: it does not start', async () => {
    const file = join(directory, 'broken.yaml');
    const broken = structuredClone(gateway.configuration);
    broken.upstreams.plain.tls.ca = join(directory, 'no-such-file.pem');
    broken.gateway.database = {url: `sqlite:${join(directory, 'broken.db')}`, migrate: 'at_start'};
    writeFileSync(file, JSON.stringify(broken));
    const {code, stderr} = await runCommand(['run', '--config', file]);
    assert.equal(code, 1);
    assert.match(stderr, /upstreams\.plain\.tls: cannot use the authorities/);
  });
});
