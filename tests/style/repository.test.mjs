// Holds the rules of CONTRIBUTING.md on the repository itself.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkExecutables, checkFileNames, checkHeaders, checkIdentifiers, checkSizes, findLongFiles } from './file_rules.mjs';
import { checkIncludes } from './include_rules.mjs';
import { checkNamedTests } from './named_tests.mjs';
import { checkForbiddenText, checkLinks } from './text_rules.mjs';
import { readTree } from './tree.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const files = readTree(root);

const expectNone = (problems) => assert.equal(problems.map((problem) => `\n${problem.path}:${problem.line}: ${problem.text}`).join(''), '');

test('folders include only what the architecture lets them', () => expectNone(checkIncludes(files)));
test('file and folder names are snake_case and say something', () => expectNone(checkFileNames(files)));
test('types and functions have names that say something', () => expectNone(checkIdentifiers(files)));
test('headers say what they are and are included once', () => expectNone(checkHeaders(files)));
test('scripts can be executed', () => expectNone(checkExecutables(files)));
test('no file holds addresses of registries, paths of machines or unfinished work', () => expectNone(checkForbiddenText(files)));
test('the tests that docs/security.md names are there, at least one for each behaviour', () => expectNone(checkNamedTests(files)));
test('links of the documents lead somewhere', () => expectNone(checkLinks(files)));

// The commands that a gateway sends, as its user of Redis needs them.
const rightsIn = (name) => {
  const text = files.find((file) => file.path === name).text;
  const rules = /~\* &\* -@all([^`;]*?)(?:\n```|\n[A-Z]|;|\nuser|$)/.exec(text.replaceAll('"\n    "', ''))[1];
  return [...new Set(rules.match(/\+[a-z|]+/g))].sort();
};
test('the user of Redis has the same rights in the document, in the deployment and, but for two, in the tests', () => {
  const told = rightsIn('docs/redis.md');
  assert.ok(told.includes('+evalsha') && told.includes('+time'));
  assert.deepEqual(rightsIn('deploy/postgres/make_secrets'), told);
  assert.deepEqual(rightsIn('tests/support/redis_server.cpp').filter((right) => right !== '+unsubscribe'), told.filter((right) => right !== '+info'));
});

test('no file is longer than 600 lines', (t) => {
  for (const long of findLongFiles(files)) t.diagnostic(`look twice: ${long} has more than 400 lines`);
  expectNone(checkSizes(files));
});

test('C++ is formatted', (t) => {
  const sources = files.map((file) => file.path).filter((name) => /^(gateway|tests|bench)\/.*\.(cpp|hpp)$/.test(name));
  const run = spawnSync('clang-format-19', ['--dry-run', '--Werror', ...sources], { cwd: root, encoding: 'utf8' });
  if (run.error?.code === 'ENOENT') return t.skip('clang-format-19 is not installed');
  const places = run.stderr.split('\n').filter((row) => row.includes('[-Wclang-format-violations]'));
  assert.equal(places.slice(0, 20).map((place) => `\n${place}`).join(''), '', 'run: clang-format-19 -i FILE');
  assert.equal(run.status, 0, run.stderr.slice(0, 2000));
});
