// `gatehouse attack`: what is right holds against all of it, and an upstream that does not ask for its key is found. That it finds faults of
// the gateway is shown by attack_faults.test.mjs.
import assert from 'node:assert/strict';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import http from 'node:http';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after, before, describe, test} from 'node:test';
import {attack} from './support/attack.mjs';

const kKey = 'upstream-key-0123456789-abcdefghijklmnopqrstuvwxyz';
let folder;

before(() => (folder = mkdtempSync(join(tmpdir(), 'gatehouse-attack-test-'))));
after(() => rmSync(folder, {recursive: true, force: true}));

describe('a gateway in order', () => {
  test('holds against all vectors of the attack on itself, of which there are at least 500', async () => {
    const {code, stdout, stderr, report} = await attack('--self');
    assert.equal(code, 0, stdout + stderr);
    assert.ok(report.vectors >= 500, `${report.vectors} vectors`);
    assert.deepEqual(report.failures, []);
    assert.deepEqual(report.groups.map((group) => group.group), ['A', 'B', 'C', 'D', 'F']);
    for (const group of report.groups) assert.ok(group.refused > 0 && group.vectors === group.refused + group.forwarded, group.title);
    assert.match(stdout, /0 of \d+ vectors got through/);
  });

  test('holds with the routes of a file', async () => {
    const file = join(folder, 'routes.yaml');
    writeFileSync(file, readFileSync(new URL('../../routes.yaml', import.meta.url)));
    const {code, stdout, stderr, report} = await attack('--self', '--config', file, '--groups', 'CF');
    assert.equal(code, 0, stdout + stderr);
    assert.ok(report.vectors > 100);
  });
});

describe('what cannot be attacked ends with 2', () => {
  const refused = [
    ['nothing to attack', []],
    ['two at once', ['--self', '--url', 'https://localhost:1']],
    ['nobody there', ['--url', 'http://127.0.0.1:1']],
    ['no URL', ['--url', 'localhost']],
    ['a host of somebody else', ['--url', 'http://192.0.2.1']],
    ['a route file that is not there', ['--self', '--config', 'nowhere.yaml']],
    ['no vector that is called so', ['--self', '--only', 'a name that no vector has']],
    ['no vector of that threat', ['--self', '--threats', '999']],
    ['a group that there is not', ['--self', '--groups', 'AX']],
    ['a cookie without a name', ['--url', 'http://127.0.0.1:1', '--cookie', 'value']],
    ['a route that is no path', ['--url', 'http://127.0.0.1:1', '--route', 'api/hello']],
    ['what belongs to another attack', ['--self', '--key-env', 'PATH']],
    ['groups of an attack on an upstream', ['--upstream', 'http://127.0.0.1:1', '--groups', 'A']],
  ];
  for (const [name, args] of refused) {
    test(name, async () => {
      const {code, stdout, stderr} = await attack(...args);
      assert.equal(code, 2, stdout + stderr);
      assert.ok(stderr.length > 0);
    });
  }
});

// An upstream of a few lines, for as long as `work` takes.
async function withUpstream(listener, work) {
  const server = http.createServer(listener);
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  try {
    return await work(`http://127.0.0.1:${server.address().port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
}

describe('an upstream past the gateway', () => {
  const holdsKey = (request) => request.headers.authorization === `Bearer ${kKey}`;
  const asks = {
    'in order': (request) => request.rawHeaders.filter((name) => name.toLowerCase() === 'authorization').length === 1 && holdsKey(request),
    'that asks for nothing': () => true,
    'that takes any key': (request) => 'authorization' in request.headers,
    'that compares without case': (request) => request.headers.authorization?.toLowerCase() === `bearer ${kKey}`,
    'that compares the beginning': (request) => (request.headers.authorization ?? '').startsWith(`Bearer ${kKey.slice(0, 10)}`),
    'that takes a beginning': (request) => /^Bearer .+/.test(request.headers.authorization ?? '') && `Bearer ${kKey}`.startsWith(request.headers.authorization),
    'that takes the key in the query': (request) => holdsKey(request) || request.url.includes(kKey),
    'that believes a forwarded address': (request) => holdsKey(request) || request.headers['x-forwarded-for'] === '127.0.0.1',
    'that believes a header in an odd spelling': (request) => holdsKey(request) || 'x.user.id' in request.headers,
    'that asks for no key below another path': (request) => holdsKey(request) || request.url.includes('..'),
    'that asks for no key of another host': (request) => holdsKey(request) || request.headers.host === '169.254.169.254',
  };
  const keyFile = () => {
    const key = join(folder, 'key');
    writeFileSync(key, `${kKey}\n`);
    return key;
  };
  for (const [name, isAllowed] of Object.entries(asks)) {
    test(name, () =>
      withUpstream(
        (request, response) => response.writeHead(isAllowed(request) ? 200 : 401).end(),
        async (url) => {
          const {code, stdout, stderr, report} = await attack('--upstream', url, '--key-file', keyFile(), '--rate', '1000');
          assert.equal(code, name === 'in order' ? 0 : 1, stdout + stderr);
          assert.ok(report.vectors >= 500, `${report.vectors} vectors`);
          assert.deepEqual(report.groups.map((group) => group.group), ['A', 'C', 'D', 'F', 'K']);
          assert.ok(!JSON.stringify(report).includes(kKey) && !stdout.includes(kKey), 'the report holds no secret');
        },
      ));
  }

  test('without its key, it is found as well that it asks for none', () =>
    withUpstream(
      (_, response) => response.writeHead(200).end(),
      async (url) => {
        const {code, report} = await attack('--upstream', url, '--rate', '1000');
        assert.equal(code, 1);
        assert.ok(report.notes.some((note) => note.includes('no key')));
      },
    ));

  // It does not let anybody in who lacks the key.
  test('that reads the first of two keys, as servers do, is in order, and told that it does', () =>
    withUpstream(
      (request, response) => response.writeHead(holdsKey(request) ? 200 : 401).end(),
      async (url) => {
        const {code, stdout, stderr, report} = await attack('--upstream', url, '--key-file', keyFile(), '--rate', '1000');
        assert.equal(code, 0, stdout + stderr);
        assert.deepEqual(report.notes, ['the right key, then a wrong one', 'the right key twice'].map((name) => `11 ${name}: answered 200; better refuse a second Authorization`));
      },
    ));

  test('what got through before the time is over is told', async () => {
    let count = 0;
    await withUpstream(
      (_, response) => setTimeout(() => response.writeHead(200).end(), ++count > 10 ? 60_000 : 0),
      async (url) => {
        const {code, stderr, report} = await attack('--upstream', url, '--rate', '1000', '--time-limit', '10');
        assert.equal(code, 1, stderr);
        assert.equal(report.failures.length, 9);
        assert.match(report.broken_off, /^the time limit is over, after 9 of \d+ vectors$/);
        assert.match(stderr, /the time limit is over, after 9 of/);
      },
    );
  });

  test('that does not answer what it should refuse is not waited for longer than there is time', () =>
    withUpstream(
      (request, response) => 'x-user-id' in request.headers || response.writeHead(401).end(),
      async (url) => {
        const {code, report} = await attack('--upstream', url, '--time-limit', '3');
        assert.equal(code, 2);
        assert.match(report.broken_off, /^the time limit is over, after 0 of/);
      },
    ));

  // Who answers everybody alike, or nobody, has not shown that it asks for a key: that is no 0.
  const silent = {
    'does not take the right key': [(_, response) => response.writeHead(401).end(), true],
    'has nothing at that path, with its key': [(_, response) => response.writeHead(404).end(), true],
    'has nothing at that path, without its key': [(_, response) => response.writeHead(404).end(), false],
    'has no time for anybody': [(_, response) => response.writeHead(503).end(), false],
  };
  for (const [name, [listener, hasKey]] of Object.entries(silent)) {
    test(`that ${name} cannot be judged`, () =>
      withUpstream(listener, async (url) => {
        const {code, stdout, stderr} = await attack('--upstream', url, ...(hasKey ? ['--key-file', keyFile()] : []));
        assert.equal(code, 2, stdout + stderr);
        assert.match(stderr, /gatehouse attack: /);
      }));
  }

  test('that is gone in the middle of the attack has not held', async () => {
    const server = http.createServer((_, response) => response.writeHead(401).end());
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
    let asked = 0;
    server.on('request', () => {
      if (++asked < 40) return;
      server.close();
      server.closeAllConnections();
    });
    const {code, stdout, stderr, report} = await attack('--upstream', `http://127.0.0.1:${server.address().port}`, '--rate', '1000');
    assert.equal(code, 1, stdout + stderr);
    assert.equal(report.failures.length, 1);
    assert.match(report.failures[0].problem, /takes no connection any more/);
    assert.ok(report.notes.some((note) => note.includes('the upstream is gone')), stdout);
  });

  test('that was never there cannot be judged', () =>
    withUpstream(null, async (url) => url).then(async (url) => {
      const {code, stdout, stderr} = await attack('--upstream', url);
      assert.equal(code, 2, stdout + stderr);
    }));

  test('that asks for its key before it looks for the path is in order', () =>
    withUpstream(
      (request, response) => response.writeHead(holdsKey(request) && request.rawHeaders.filter((name) => name === 'Authorization').length === 1 ? 404 : 401).end(),
      async (url) => assert.equal((await attack('--upstream', url, '--key-file', keyFile(), '--rate', '1000')).code, 0),
    ));
});
