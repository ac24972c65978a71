// Logs, health and metrics: one line for each exchange, nothing secret in it, and nothing of it on the public side.
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after, before, describe, test} from 'node:test';
import {kBinary} from './support/gateway.mjs';
import {requestText} from './support/raw.mjs';
import {postJson, signUp} from './support/session.mjs';
import {World, kKey, kRoutes} from './support/world.mjs';

const kPassword = 'a password nobody may log 4711';
let world;
let ada;

before(async () => {
  world = await World.start({routes: [...kRoutes, {path: '/few/**', upstream: 'orders', auth: 'public', rate_limit: {limit: 1, window: '1m', by: 'ip'}}]});
  ada = await signUp(world.gateway, {password: kPassword});
});
after(() => world?.stop());

const idOf = (response) => response.fields.get('x-request-id');
const lineOf = (response) => world.gateway.logged((entry) => JSON.stringify(entry).includes(idOf(response)));

describe('116: the access log', () => {
  test('tells time, id, peer, method, path, route, status, user, upstream and durations', async () => {
    const response = await world.gateway.request('GET', '/private/logged?secret=query-value', {headers: {Cookie: ada.cookie}});
    const line = await lineOf(response);
    assert.ok(!Number.isNaN(Date.parse(line.time)));
    assert.equal(line.method, 'GET');
    assert.equal(line.path, '/private/logged');
    assert.equal(line.status, 200);
    const text = JSON.stringify(line);
    for (const part of ['127.0.0.1', '/private/**', ada.user.id, 'orders']) assert.ok(text.includes(part), `${part} in ${text}`);
    assert.ok(Object.entries(line).some(([name, value]) => /duration|_ms|_us|seconds/.test(name) && typeof value === 'number'), text);
    assert.ok(!text.includes('query-value'), 'values of the query are not told');
  });

  test('one line for each exchange', async () => {
    const response = await world.gateway.request('GET', '/public/once');
    await lineOf(response);
    await world.gateway.request('GET', '/public/after');
    assert.equal(world.gateway.accessLog().filter((entry) => JSON.stringify(entry).includes(idOf(response))).length, 1);
  });

  test('each refusal has a reason code', async () => {
    const refusals = [
      [401, () => world.gateway.request('GET', '/private/x')],
      [404, () => world.gateway.request('GET', '/nowhere')],
      [403, () => world.gateway.request('POST', '/private/x', {headers: {Cookie: ada.cookie, Origin: 'https://evil.test'}, body: 'x'})],
      [421, () => world.gateway.request('GET', '/public/x', {host: 'evil.test'})],
      [400, () => world.gateway.request('GET', '/public/%2f')],
      [400, () => world.gateway.request('GET', '/public/x', {headers: {'Content-Length': '0x1'}})],
      [429, async () => (await world.gateway.request('GET', '/few/x'), world.gateway.request('GET', '/few/x'))],
    ];
    for (const [status, ask] of refusals) {
      const response = await ask();
      assert.equal(response.status, status);
      assert.ok(idOf(response), `${status} has no request id`);
      const line = await lineOf(response);
      assert.equal(line.status, status);
      assert.match(String(line.reason ?? line.reason_code), /^[a-z][a-z0-9_]+$/, JSON.stringify(line));
    }
  });

  test('116: what the edge refuses is logged with what was asked for, without query and credentials', async () => {
    for (const [bytes, expected] of [
      ['GET /refused/host?token=hidden HTTP/1.1\r\n\r\n', {method: 'GET', path: '/refused/host', status: 400, reason: 'bad_host'}],
      ['POST /refused/framing HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', {method: 'POST', path: '/refused/framing', status: 400, reason: 'bad_framing'}],
      ['GET https://ada:hidden@gateway.test/refused/target HTTP/1.1\r\nHost: gateway.test\r\n\r\n', {method: 'GET', path: '/refused/target', status: 400, reason: 'bad_target'}],
      [`GET /refused/head HTTP/1.1\r\nHost: gateway.test\r\nA: ${'x'.repeat(40_000)}`, {method: 'GET', path: '/refused/head', status: 431, reason: 'request_header_fields_too_large'}],
    ]) {
      const client = await world.gateway.connect();
      await client.send(bytes);
      const {responses} = await client.untilClosed();
      assert.equal(responses[0].status, expected.status);
      const line = await lineOf(responses[0]);
      for (const [key, value] of Object.entries(expected)) assert.equal(line[key], value, `${key} of ${expected.path}`);
      client.close();
    }
    assert.ok(!world.gateway.stdout.includes('hidden'));
  });

  test('117: control bytes, quotes and newlines stay inside one line', async () => {
    const headers = {'User-Agent': '"}\\ \t {"level":"fake"}', Referer: 'https://x/"\\', 'X-Request-ID': '\\"'};
    for (const target of ['/public/%22%7D,%22x%22:%22', "/public/'\"<>", '/public/%E2%80%A8', '/nowhere/%5B%22']) {
      const {response} = await world.ask('GET', target, {headers});
      if (idOf(response)) await lineOf(response);
    }
    for (const text of world.gateway.stdout.split('\n').slice(0, -1)) {
      const line = JSON.parse(text);
      assert.notEqual(line.level, 'fake');
      assert.doesNotMatch(text, /[\x00-\x1f\x7f]/);
    }
  });

  test('70: no token, password, cookie or key is in any log, also after failures', async () => {
    await postJson(world.gateway, '/api/auth/sign-in/email', {email: ada.email, password: 'wrong password 0815'});
    await postJson(world.gateway, '/api/auth/sign-in/email', `not json ${kPassword}`);
    await world.gateway.request('GET', `/private/x?token=${ada.token}&password=${encodeURIComponent(kPassword)}`, {headers: {Authorization: `Bearer ${ada.token}`}});
    await world.gateway.request('GET', '/private/x', {headers: {Cookie: `${ada.cookie.slice(0, -6)}AAAAAA`}});
    const response = await world.gateway.request('GET', '/public/last');
    await lineOf(response);
    const logs = world.gateway.stdout + world.gateway.stderr;
    const secrets = [ada.token, kPassword, encodeURIComponent(kPassword), 'wrong password 0815', kKey, world.gateway.configuration.gateway.secret, decodeURIComponent(ada.cookie).split('.').at(-1), 'Bearer '];
    for (const secret of secrets) assert.ok(!logs.includes(secret), `${secret} is in a log`);
  });
});

test('118: errors tell nothing about the inside', async () => {
  for (const ask of [
    () => world.gateway.request('GET', '/private/x'),
    () => world.gateway.request('GET', '/nowhere'),
    () => world.gateway.request('GET', '/public/%00'),
    () => world.gateway.request('GET', '/public/x', {host: 'evil.test'}),
  ]) {
    const response = await ask();
    const {code, message} = JSON.parse(response.body);
    assert.match(code, /^[A-Z][A-Z0-9_]+$/);
    assert.ok(message.length > 0);
    assert.doesNotMatch(response.body.toString(), /\.cpp|std::|boost|sqlite|select |127\.0\.0\.1|0\.1\.0/i);
    assert.ok(!/\d/.test(response.fields.get('server') ?? ''), 'the version is told');
  }
});

describe('the internal listener', () => {
  test('health', async () => {
    for (const target of ['/livez', '/readyz']) {
      const response = await world.gateway.internal(target);
      assert.equal(response.status, 200, target);
      assert.equal((await world.gateway.internal(target, 'HEAD')).status, 200);
    }
    assert.equal((await world.gateway.internal('/nowhere')).status, 404);
  });

  test('metrics are Prometheus text and move', async () => {
    const read = async () => {
      const response = await world.gateway.internal('/metrics');
      assert.equal(response.status, 200);
      assert.match(response.fields.get('content-type'), /^(text\/plain|application\/openmetrics-text)/);
      return response.body.toString();
    };
    const text = await read();
    for (const line of text.split('\n').filter((candidate) => candidate && !candidate.startsWith('#'))) {
      assert.match(line, /^[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\.)*",?)*\})? [-+0-9.eEInfNa]+( \d+)?$/, line);
    }
    const sum = (body) => body.split('\n').filter((line) => /^gatehouse_\S*requests\S* /.test(line) || /^gatehouse_[a-z_]*(requests|exchanges)[a-z_]*(\{.*\})? /.test(line)).reduce((total, line) => total + Number(line.split(' ').at(-1)), 0);
    const before = sum(text);
    for (let index = 0; index < 5; ++index) await world.gateway.request('GET', '/public/metrics');
    assert.ok(sum(await read()) >= before + 5);
    assert.ok(!text.includes(ada.token) && !text.includes(ada.user.id) && !text.includes(kKey));
  });

  test('nothing but health, metrics and keys is there', async () => {
    for (const target of ['/public/x', '/private/x', '/api/auth/ok', '/api/auth/sign-in/email', '/sign-in']) {
      const mark = world.upstream.mark();
      assert.equal((await world.gateway.internal(target)).status, 404, target);
      assert.equal(mark.bytes().length, 0);
    }
  });

  test('it is no way in on the public side', async () => {
    for (const target of ['/livez', '/readyz', '/metrics', '/internal/metrics']) {
      for (const headers of [{}, {'User-Agent': 'kube-probe/1.30'}, {'User-Agent': 'GoogleHC/1.0'}, {'X-Forwarded-For': '127.0.0.1'}]) {
        assert.equal((await world.gateway.request('GET', target, {headers})).status, 404);
      }
    }
    for (const agent of ['kube-probe/1.30', 'GoogleHC/1.0', 'ELB-HealthChecker/2.0']) {
      assert.equal((await world.gateway.request('GET', '/private/x', {headers: {'User-Agent': agent}})).status, 401);
    }
  });

  test('bad bytes on it harm nobody', async () => {
    for (const bytes of ['GET /livez HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n', '\0\0\0\0\r\n\r\n', `GET /${'x'.repeat(100_000)} HTTP/1.1\r\n\r\n`]) {
      const client = await world.gateway.connectPlain('internal');
      await client.send(bytes);
      const {responses} = await client.untilClosed();
      for (const response of responses) assert.ok(response.status >= 400);
      client.close();
    }
    assert.equal((await world.gateway.internal('/livez')).status, 200);
  });
});

test('120: a log that nobody reads costs lines, which are counted, and no request', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'gatehouse-unread-'));
  const pipe = join(directory, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const binary = join(directory, 'unread');
  writeFileSync(binary, `#!/bin/sh\nexec 1<>'${pipe}'\nexec '${kBinary}' "$@"\n`, {mode: 0o755});
  const unread = await World.start({binary});
  try {
    const dropped = async () => Number(/^gatehouse_access_log_dropped_total (\d+)$/m.exec((await unread.gateway.internal('/metrics')).body)[1]);
    const client = await unread.gateway.connect();
    const target = `/public/${'x'.repeat(7900)}`;
    for (let sent = 0; (await dropped()) === 0; ) {
      for (const end = sent + 200; sent < end; ++sent) {
        await client.send(requestText('GET', target));
        assert.equal((await client.finalResponse()).status, 200);
      }
      assert.ok(sent < 20_000, `${sent} lines were kept`);
    }
    await unread.expectHealthy('a log that nobody reads');
    assert.equal((await unread.gateway.internal('/readyz')).status, 200);
    client.close();
  } finally {
    await unread.stop();
    rmSync(directory, {recursive: true, force: true});
  }
});
