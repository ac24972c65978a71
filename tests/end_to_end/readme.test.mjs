// What the README shows is true: its routes.yaml is accepted, and its requests come to what it says.
import assert from 'node:assert/strict';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after, before, test} from 'node:test';
import {runCommand} from './support/gateway.mjs';

let folder;
let file;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-readme-'));
  file = join(folder, 'routes.yaml');
  const key = join(folder, 'orders_key');
  writeFileSync(key, 'a-key-for-tests-only-0123456789-abcdefghij');
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const [, yaml] = /^```yaml\n([\s\S]*?)^```$/m.exec(readme);
  writeFileSync(file, yaml.replace('/run/secrets/orders_key', key));
});
after(() => rmSync(folder, {recursive: true}));

test("the README's routes.yaml is accepted and its tests pass", async () => {
  const {code, stdout, stderr} = await runCommand(['check', '--dev', '--config', file], {cwd: folder});
  assert.equal(code, 0, stderr);
  assert.match(stdout, /3 routes to 1 upstream, 1 test passed/);
});

test("the README's question is answered: who may refund", async () => {
  const ask = (...as) => runCommand(['explain', 'POST /api/orders/7/refund', ...as.flatMap((word) => ['--as', word]), '--dev', '--config', file], {cwd: folder});
  assert.match((await ask('role=admin')).stdout, /outcome +forwarded to orders/);
  assert.match((await ask('role=staff')).stdout, /outcome +403/);
  assert.match((await ask('anonymous')).stdout, /outcome +401/);
});
