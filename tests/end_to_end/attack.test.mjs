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
  ];
  for (const [name, args] of refused) {
    test(name, async () => {
      const {code, stdout, stderr} = await attack(...args);
      assert.equal(code, 2, stdout + stderr);
      assert.ok(stderr.length > 0);
    });
  }
});

describe('an upstream past the gateway', () => {
  const asks = {
    'in order': (request) => request.rawHeaders.filter((name) => name.toLowerCase() === 'authorization').length === 1 && request.headers.authorization === `Bearer ${kKey}`,
    'that asks for nothing': () => true,
    'that takes any key': (request) => 'authorization' in request.headers,
    'that compares without case': (request) => request.headers.authorization?.toLowerCase() === `bearer ${kKey}`,
    'that compares the beginning': (request) => (request.headers.authorization ?? '').startsWith(`Bearer ${kKey.slice(0, 10)}`),
    'that takes a beginning': (request) => /^Bearer .+/.test(request.headers.authorization ?? '') && `Bearer ${kKey}`.startsWith(request.headers.authorization),
    'that takes the key in the query': (request) => request.headers.authorization === `Bearer ${kKey}` || request.url.includes(kKey),
    'that believes a forwarded address': (request) => request.headers.authorization === `Bearer ${kKey}` || request.headers['x-forwarded-for'] === '127.0.0.1',
  };
  for (const [name, isAllowed] of Object.entries(asks)) {
    test(name, async () => {
      const server = http.createServer((request, response) => response.writeHead(isAllowed(request) ? 200 : 401).end());
      await new Promise((done) => server.listen(0, '127.0.0.1', done));
      const key = join(folder, 'key');
      writeFileSync(key, `${kKey}\n`);
      try {
        const {code, stdout, stderr, report} = await attack('--upstream', `http://127.0.0.1:${server.address().port}`, '--key-file', key, '--rate', '1000');
        assert.equal(code, name === 'in order' ? 0 : 1, stdout + stderr);
        assert.ok(report.vectors > 50);
        assert.ok(!JSON.stringify(report).includes(kKey) && !stdout.includes(kKey), 'the report holds no secret');
      } finally {
        server.closeAllConnections();
        await new Promise((done) => server.close(done));
      }
    });
  }

  test('that does not take the right key cannot be judged', async () => {
    const server = http.createServer((_, response) => response.writeHead(401).end());
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
    writeFileSync(join(folder, 'key'), kKey);
    const {code} = await attack('--upstream', `http://127.0.0.1:${server.address().port}`, '--key-file', join(folder, 'key'));
    assert.equal(code, 2);
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
});
