// Threats E: TLS versions, ciphers, certificates, and what the two public ports say to the wrong protocol.
import assert from 'node:assert/strict';
import {execFile} from 'node:child_process';
import {copyFileSync, utimesSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import tls from 'node:tls';
import {after, before, describe, test} from 'node:test';
import {requestText} from './support/raw.mjs';
import {postJson} from './support/session.mjs';
import {World} from './support/world.mjs';

let world;

before(async () => {
  world = await World.start({
    gateway: {hosts: ['other.test', 'rsa.test']},
    certificates: (authority) => [
      authority.issue('first', ['gateway.test', '*.gateway.test']),
      authority.issue('second', ['other.test']),
      authority.issue('third', ['rsa.test'], {kind: 'rsa'}),
    ],
  });
});
after(() => world?.stop());

// → {protocol, cipher, serial, error}: what a handshake with these options comes to.
function handshake(options = {}) {
  return new Promise((resolve) => {
    let socket;
    try {
      socket = tls.connect({host: '127.0.0.1', port: world.gateway.ports.https, ...world.gateway.tlsOptions(options)});
    } catch (error) {
      return resolve({unsupported: error.message}); // this Node cannot even offer it
    }
    socket.once('secureConnect', () => {
      const found = {
        protocol: socket.getProtocol(),
        cipher: socket.getCipher().name,
        serial: parseInt(socket.getPeerCertificate().serialNumber, 16),
        subject: socket.getPeerCertificate().subject?.CN,
        reused: socket.isSessionReused(),
      };
      socket.destroy();
      resolve(found);
    });
    socket.once('error', (error) => (socket.destroy(), resolve({error})));
    socket.once('close', () => resolve({error: new Error('closed')}));
  });
}

function openssl(args, input = '') {
  return new Promise((resolve) => {
    const child = execFile('openssl', args, {timeout: 30_000}, (error, stdout, stderr) => resolve({code: error?.code ?? 0, output: stdout + stderr}));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

describe('56: old versions and weak ciphers', () => {
  for (const version of ['TLSv1', 'TLSv1.1']) {
    test(`${version} is refused`, async () => {
      const {error, protocol, unsupported} = await handshake({minVersion: version, maxVersion: version, ciphers: 'ALL:@SECLEVEL=0'});
      assert.ok(unsupported || error, `${protocol} was accepted`);
    });
  }
  for (const version of ['TLSv1.2', 'TLSv1.3']) {
    test(`${version} is spoken`, async () => {
      assert.equal((await handshake({minVersion: version, maxVersion: version})).protocol, version);
    });
  }
  test('SSLv3 is refused', async () => {
    // A ClientHello of version 3.0 offering TLS_RSA_WITH_AES_128_CBC_SHA, written by hand: current libraries cannot send it.
    const body = Buffer.concat([Buffer.from([3, 0]), Buffer.alloc(32, 7), Buffer.from([0, 0, 4, 0x00, 0x2f, 0xc0, 0x2f, 1, 0])]);
    const hello = Buffer.concat([Buffer.from([1, 0, 0, body.length]), body]);
    const client = await world.gateway.connectPlain('https');
    await client.send(Buffer.concat([Buffer.from([22, 3, 0, 0, hello.length]), hello]));
    await client.until(() => (!client.isOpen() || client.received.length > 0 ? true : undefined), 'alert');
    if (client.received.length > 0) assert.equal(client.received[0], 21, 'an alert, no ServerHello');
    client.close();
  });
  for (const ciphers of ['eNULL', 'aNULL', 'RC4', '3DES', 'DES-CBC3-SHA', 'kRSA', 'AES128-SHA', 'AES256-GCM-SHA384', 'AES128-GCM-SHA256', 'CAMELLIA', 'SEED', 'IDEA', 'PSK', 'EXPORT', 'LOW', 'kDHE+CBC', 'ECDHE-ECDSA-AES128-SHA', 'ECDHE-RSA-AES128-SHA', 'MD5']) {
    test(`${ciphers} is refused`, async () => {
      for (const servername of ['gateway.test', 'rsa.test']) {
        const {error, unsupported, cipher} = await handshake({minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2', ciphers: `${ciphers}:@SECLEVEL=0`, servername});
        assert.ok(unsupported || error, `${cipher} was accepted`);
      }
    });
  }
  test('forward secrecy and AEAD are what is chosen', async () => {
    for (const servername of ['gateway.test', 'rsa.test']) {
      const {cipher} = await handshake({maxVersion: 'TLSv1.2', servername});
      assert.match(cipher, /^ECDHE-.*(GCM|CHACHA20)/);
    }
  });
});

describe('57: renegotiation, compression, early data', () => {
  test('a client cannot renegotiate', async () => {
    const client = await world.gateway.connect({tls: {maxVersion: 'TLSv1.2'}});
    await client.send(requestText('GET', '/public/before'));
    assert.equal((await client.finalResponse()).status, 200);
    const outcome = await new Promise((resolve) => {
      client.socket.once('error', () => resolve('refused'));
      client.socket.once('close', () => resolve('refused'));
      client.socket.renegotiate({rejectUnauthorized: false}, (error) => resolve(error ? 'refused' : 'renegotiated'));
      setTimeout(() => resolve('ignored'), 1500).unref();
    });
    assert.notEqual(outcome, 'renegotiated');
    client.close();
    await world.expectHealthy('renegotiation');
  });
  test('compression is off, early data is not taken', async () => {
    const target = ['-connect', `127.0.0.1:${world.gateway.ports.https}`, '-servername', 'gateway.test'];
    const twelve = await openssl(['s_client', ...target, '-tls1_2', '-comp']);
    assert.match(twelve.output, /Compression: NONE/);
    const ticket = join(world.gateway.directory, 'ticket.pem');
    const request = requestText('GET', '/public/early', {keepAlive: false}).toString();
    await openssl(['s_client', ...target, '-tls1_3', '-sess_out', ticket, '-ign_eof', '-quiet'], request);
    const early = join(world.gateway.directory, 'early.txt');
    writeFileSync(early, request);
    const mark = world.upstream.mark();
    const again = await openssl(['s_client', ...target, '-tls1_3', '-sess_in', ticket, '-early_data', early], '');
    assert.doesNotMatch(again.output, /Early data was accepted/);
    assert.deepEqual(mark.requests(), []);
  });
  test('sessions are resumed', async () => {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3']) {
      const client = await world.gateway.connect({tls: {maxVersion}});
      let session = client.socket.getSession();
      client.socket.on('session', (ticket) => (session = ticket));
      await client.send(requestText('GET', '/public/ticket'));
      await client.finalResponse();
      client.close();
      assert.equal((await handshake({maxVersion, session})).reused, true, maxVersion);
    }
  });
  test('ALPN chooses http/1.1 and refuses what is not spoken', async () => {
    const client = await world.gateway.connect({tls: {ALPNProtocols: ['http/1.1']}});
    assert.equal(client.socket.alpnProtocol, 'http/1.1');
    client.close();
    const mixed = await world.gateway.connect({tls: {ALPNProtocols: ['spdy/3', 'http/1.1']}});
    assert.equal(mixed.socket.alpnProtocol, 'http/1.1');
    mixed.close();
  });
});

describe('58: the wrong protocol on a port', () => {
  test('plain HTTP on the TLS port is refused or closed', async () => {
    for (const target of ['/public/x', '/api/auth/ok', '/private/x']) {
      const mark = world.upstream.mark();
      const client = await world.gateway.connectPlain('https');
      await client.send(requestText('GET', target));
      const {responses} = await client.untilClosed().catch(() => ({responses: []})); // an alert is no HTTP
      for (const response of responses) assert.equal(response.status, 400);
      assert.equal(mark.bytes().length, 0);
      client.close();
    }
    await world.expectHealthy('plain HTTP on the TLS port');
  });
  test('garbage on the TLS port harms nobody', async () => {
    for (const bytes of [Buffer.alloc(1), Buffer.alloc(5000), Buffer.from([22, 3, 1, 255, 255]), Buffer.from([22, 3, 1, 0, 5, 1, 0, 0, 1, 0]), Buffer.from([128, 46, 1, 3, 1])]) {
      const client = await world.gateway.connectPlain('https');
      await client.send(bytes);
      client.halfClose();
      await client.until(() => (!client.isOpen() ? true : undefined), 'close').catch(() => {});
      client.close();
    }
    await world.expectHealthy('garbage');
  });
  test('the plain port only sends people to https', async () => {
    for (const [method, target] of [['GET', '/'], ['GET', '/public/x?a=1'], ['POST', '/api/auth/sign-in/email'], ['GET', '/api/auth/ok'], ['GET', '/private/x'], ['HEAD', '/x'], ['DELETE', '/x'], ['OPTIONS', '/x'], ['GET', '/sign-in'], ['GET', '/metrics'], ['GET', '/.well-known/jwks.json']]) {
      const mark = world.upstream.mark();
      const client = await world.gateway.connectPlain('http');
      await client.send(requestText(method, target, {body: method === 'POST' ? '{"email":"a@b.co","password":"x"}' : undefined, keepAlive: false}));
      const response = await client.finalResponse(method);
      client.close();
      assert.equal(response.status, 308, `${method} ${target}`);
      assert.equal(response.fields.get('location'), `https://gateway.test${target}`);
      assert.deepEqual(response.fields.all('set-cookie'), []);
      assert.equal(mark.bytes().length, 0);
    }
  });
  test('odd targets on the plain port lead nowhere else', async () => {
    for (const target of ['//evil.test/', '/\\evil.test', '/@evil.test', 'https://evil.test/', '/%0d%0aLocation:%20https://evil.test', '//evil.test/%2e%2e', '/.evil.test', '@evil.test/', ':80/', '.evil.test/']) {
      const client = await world.gateway.connectPlain('http');
      await client.send(requestText('GET', target, {keepAlive: false}));
      const response = await client.finalResponse();
      client.close();
      assert.ok([308, 400, 404, 421].includes(response.status), `${target}: ${response.status}`);
      if (response.status === 308) {
        assert.equal(new URL(response.fields.get('location')).origin, 'https://gateway.test', target);
        assert.equal(response.fields.all('location').length, 1);
      }
    }
  });
  test('TLS on the plain port is refused or closed', async () => {
    const client = await world.gateway.connectPlain('http');
    await client.send(Buffer.from('16030100050100000100', 'hex'));
    client.halfClose();
    await client.until(() => (!client.isOpen() ? true : undefined), 'close');
    client.close();
  });
});

describe('59: HSTS and cookies', () => {
  test('answers over https carry Strict-Transport-Security once', async () => {
    for (const target of ['/public/x', '/private/x', '/api/auth/ok', '/nowhere']) {
      const {response} = await world.ask('GET', target);
      assert.equal(response.fields.all('strict-transport-security').length, 1, target);
      assert.match(response.fields.get('strict-transport-security'), /^max-age=\d{7,}/);
    }
  });
  test('refusals of a malformed request carry it as well', async () => {
    for (const [bytes, status] of [['GET /public/%00 HTTP/1.1\r\nHost: gateway.test\r\n\r\n', 400], ['GET / HTTP/1.1\r\n\r\n', 400], ['GET /public/x HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400]]) {
      const client = await world.gateway.connect();
      await client.send(bytes);
      const response = await client.finalResponse();
      client.close();
      assert.equal(response.status, status);
      assert.match(response.fields.get('strict-transport-security'), /^max-age=\d{7,}/);
      assert.ok(response.fields.has('x-request-id'));
    }
  });
  test('session cookies are Secure, HttpOnly, SameSite and carry the prefix', async () => {
    const response = await postJson(world.gateway, '/api/auth/sign-up/email', {name: 'Ada', email: 'ada.cookie@example.test', password: 'correct horse battery'});
    const line = response.fields.all('set-cookie').find((text) => text.includes('session_token'));
    assert.match(line, /^__Secure-better-auth\.session_token=[^;]+; Max-Age=604800; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
  });
});

describe('41: the certificate is chosen by SNI', () => {
  for (const [servername, subject] of [['gateway.test', 'gateway.test'], ['www.gateway.test', 'gateway.test'], ['other.test', 'other.test'], ['rsa.test', 'rsa.test'], ['OTHER.TEST', 'other.test']]) {
    test(`${servername} → ${subject}`, async () => {
      assert.equal((await handshake({servername, rejectUnauthorized: false})).subject, subject);
    });
  }
  test('an unknown name gets the first certificate or an alert', async () => {
    for (const servername of ['unknown.test', undefined, 'a.b.gateway.test']) {
      const {subject, error} = await handshake({servername, rejectUnauthorized: false});
      assert.ok(error || subject === 'gateway.test');
    }
  });
});

describe('60: certificate files are replaced while it runs', () => {
  const serialNow = async (servername = 'gateway.test') => (await handshake({servername})).serial;
  const settled = async (wanted) => {
    const deadline = Date.now() + 30_000;
    for (;;) {
      const serial = await serialNow();
      if (serial === wanted) return;
      assert.ok(Date.now() < deadline, `still serial ${serial}, expected ${wanted}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  const ready = async () => (await world.gateway.internal('/readyz')).status;

  test('a new pair is used by new handshakes, open connections go on', async () => {
    const open = await world.gateway.connect();
    const renewed = world.gateway.authority.issue('first', ['gateway.test', '*.gateway.test']);
    await settled(renewed.serial);
    await open.send(requestText('GET', '/public/still-open'));
    assert.equal((await open.finalResponse()).status, 200);
    open.close();
  });

  for (const [name, spoil] of Object.entries({
    'a broken certificate': ({cert}) => writeFileSync(cert, 'not a certificate\n'),
    'an empty key': ({key}) => writeFileSync(key, ''),
    'a key of another certificate': ({key}) => copyFileSync(join(world.gateway.directory, 'second.key'), key),
  })) {
    test(`${name} keeps the old pair, is logged, and the gateway stays ready`, async () => {
      const files = world.gateway.authority.issue('first', ['gateway.test', '*.gateway.test']);
      await settled(files.serial);
      const logged = world.gateway.stderr.length;
      spoil(files);
      utimesSync(files.cert, new Date(), new Date());
      await world.gateway.until(() => /"level":"(error|warning|warn)"/.test(world.gateway.stderr.slice(logged)), 'complaint in the log');
      assert.equal(await serialNow(), files.serial);
      assert.equal(await ready(), 200);
      await world.expectHealthy(name);
    });
  }

  test('a good pair after a broken one is taken', async () => {
    const repaired = world.gateway.authority.issue('first', ['gateway.test', '*.gateway.test']);
    await settled(repaired.serial);
  });
});

describe('61: the end of a certificate', () => {
  const metric = async ({gateway}) => Number(/^gatehouse_certificate_expiry_seconds (\S+)$/m.exec((await gateway.internal('/metrics')).body)[1]);
  const withCertificate = (days) => World.start({certificates: (authority) => [authority.issue('server', ['gateway.test'], {days})]});

  test('within 21 days it is a warning, and a metric says when', async () => {
    const soon = await withCertificate(20);
    try {
      await soon.gateway.until(() => /"level":"warn[^\n]*a certificate expires at/.test(soon.gateway.stderr), 'warning');
      const days = (await metric(soon) - Date.now() / 1000) / 86_400;
      assert.ok(days > 19 && days < 21, `in ${days} days`);
    } finally {
      await soon.stop();
    }
  });
  test('before that it is none', async () => {
    const later = await withCertificate(23);
    try {
      await later.expectHealthy();
      assert.doesNotMatch(later.gateway.stderr, /certificate expires/);
    } finally {
      await later.stop();
    }
  });
  test('one that has ended is an error of the log, still shown, and the gateway stays ready', async () => {
    const ended = await withCertificate(0);
    try {
      await ended.gateway.until(() => /"level":"err[^\n]*a certificate has expired at/.test(ended.gateway.stderr), 'error');
      const options = {connect: {tls: {rejectUnauthorized: false}}};
      assert.equal((await ended.gateway.request('GET', '/public/x', options)).status, 200);
      assert.equal((await ended.gateway.internal('/readyz')).status, 200);
      await assert.rejects(ended.gateway.connect(), {code: 'CERT_HAS_EXPIRED'});
    } finally {
      await ended.stop();
    }
  });
});
