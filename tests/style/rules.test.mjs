// The rules find what they are there to find, and leave alone what is fine.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkExecutables, checkFileNames, checkHeaders, checkIdentifiers, checkSizes, findLongFiles } from './file_rules.mjs';
import { checkIncludes } from './include_rules.mjs';
import { checkNamedTests, titlesOf } from './named_tests.mjs';
import { checkForbiddenText, checkLinks } from './text_rules.mjs';

const file = (path, text = '', executable = false) => ({ path, text, executable });
const found = (problems) => problems.map((problem) => `${problem.path}:${problem.line} ${problem.text}`);

test('an include against the direction of the architecture is found', () => {
  const files = [file('gateway/edge/listener.cpp', '#include <vector>\n#include "pipeline/handle.hpp"\n'), file('gateway/pipeline/handle.hpp')];
  assert.deepEqual(found(checkIncludes(files)), ['gateway/edge/listener.cpp:2 edge may not include pipeline: "pipeline/handle.hpp"']);
});

test('base includes nothing of ours, and the pipeline knows no feature', () => {
  const files = [file('gateway/base/log.cpp', '#include "config/x.hpp"'), file('gateway/config/x.hpp'), file('gateway/pipeline/a.cpp', '#include "features/jwt/jwt.hpp"'), file('gateway/features/jwt/jwt.hpp')];
  assert.deepEqual(found(checkIncludes(files)), ['gateway/base/log.cpp:1 base may not include config: "config/x.hpp"', 'gateway/pipeline/a.cpp:1 pipeline may not include features: "features/jwt/jwt.hpp"']);
});

test('a feature that includes another feature is found, its own files are fine', () => {
  const files = [file('gateway/features/jwt/jwt.cpp', '#include "features/jwt/jwt.hpp"\n#include "features/admin/admin.hpp"\n#include "auth/users.hpp"'), file('gateway/features/jwt/jwt.hpp'), file('gateway/features/admin/admin.hpp'), file('gateway/auth/users.hpp')];
  assert.deepEqual(found(checkIncludes(files)), ['gateway/features/jwt/jwt.cpp:2 a feature includes no other feature: "features/admin/admin.hpp"']);
});

test('libraries that have a home are included nowhere else', () => {
  const files = [file('gateway/auth/users.cpp', '#include <libpq-fe.h>\n#include <yaml-cpp/yaml.h>'), file('gateway/storage/postgres/pool.cpp', '#include <libpq-fe.h>'), file('gateway/storage/sqlite/file.cpp', '#include <sqlite3.h>')];
  assert.deepEqual(found(checkIncludes(files)), ['gateway/auth/users.cpp:1 <libpq-fe.h> is included in gateway/storage/postgres/ alone', 'gateway/auth/users.cpp:2 <yaml-cpp/yaml.h> is included in gateway/config/ alone']);
});

test('relative includes and unknown folders are found, embedded headers are fine', () => {
  const files = [file('gateway/http/a.cpp', '#include "b.hpp"\n#include "gatehouse_pages.hpp"'), file('gateway/http/b.hpp'), file('gateway/stuff/a.cpp')];
  assert.deepEqual(found(checkIncludes(files)), ['gateway/http/a.cpp:1 "b.hpp" is no file of gateway/; includes are written from there', 'gateway/stuff/a.cpp:1 gateway/stuff is in no rule of docs/architecture.md']);
});

test('names of files that are not snake_case or say nothing are found', () => {
  const files = [file('gateway/http/FieldList.cpp'), file('gateway/http/string_utils.hpp'), file('gateway/common/a.cpp'), file('docs/my-page.md'), file('README.md'), file('.clang-format'), file('gateway/http/community.hpp')];
  assert.deepEqual(found(checkFileNames(files)), [
    'gateway/http/FieldList.cpp:1 "FieldList.cpp" is not snake_case',
    'gateway/http/string_utils.hpp:1 "utils" says nothing about what is inside',
    'gateway/common/a.cpp:1 "common" says nothing about what is inside',
    'docs/my-page.md:1 "my-page.md" is not snake_case',
  ]);
});

test('types and functions with empty names are found', () => {
  const files = [file('gateway/http/a.hpp', 'class SessionManager {\nstruct Simple {};\nvoid read_impl();\n// a manager_impl in a comment\nlog("the_impl");')];
  assert.deepEqual(found(checkIdentifiers(files)), ['gateway/http/a.hpp:1 "SessionManager" says nothing about what it is', 'gateway/http/a.hpp:3 "read_impl" says nothing about what it does']);
});

test('files over 600 lines are found, files over 400 are named', () => {
  const files = [file('gateway/a.cpp', 'x\n'.repeat(601)), file('gateway/b.cpp', 'x\n'.repeat(600)), file('gateway/c.cpp', 'x\n'.repeat(400)), file('docs/long.md', 'x\n'.repeat(900))];
  assert.deepEqual(found(checkSizes(files)), ['gateway/a.cpp:600 601 lines; split before 600']);
  assert.deepEqual(findLongFiles(files), ['gateway/b.cpp']);
});

test('a header without its comment or guard is found', () => {
  const files = [file('gateway/a.hpp', '#pragma once\nint a();\n'), file('gateway/b.hpp', '// What b is.\nint b();\n'), file('gateway/c.hpp', '// What c is.\n#pragma once\n')];
  assert.deepEqual(found(checkHeaders(files)), ['gateway/a.hpp:1 the first lines say what it is and its place in the life of a request', 'gateway/b.hpp:1 without #pragma once']);
});

test('a script that cannot be executed is found', () => {
  const files = [file('scripts/run', '#!/usr/bin/env bash\n'), file('scripts/test', '#!/usr/bin/env bash\n', true), file('scripts/parts/node.bash', '# sourced'), file('scripts/notes', 'text', true)];
  assert.deepEqual(found(checkExecutables(files)), ['scripts/run:1 is not executable', 'scripts/notes:1 does not begin with #!']);
});

test('addresses of registries, paths of machines and unfinished work are found', () => {
  const files = [
    file('docs/a.md', `see https://registry.np${'mjs'}.org/x\n`),
    file('scripts/b', `cd /wo${'rk'}/main\n`),
    file('gateway/c.cpp', `// TO${'DO'} later\n`),
    file('tests/package-lock.json', '{"resolved": "x"}\n'),
    file('gateway/d.cpp', 'int x;  \n'),
    file('gateway/e.cpp', 'get("/api/work/orders", "/homepage");\n'),
  ];
  assert.deepEqual(
    checkForbiddenText(files).map((problem) => problem.path),
    ['docs/a.md', 'scripts/b', 'gateway/c.cpp', 'tests/package-lock.json', 'gateway/d.cpp'],
  );
});

test('links that lead nowhere are found, in code they are not looked at', () => {
  const files = [
    file('docs/a.md', '# One thing: two\n[b](b.md) [none](none.md) [self](#one-thing-two) [bad](#three)\n```\n[x](y.md)\n```\n`[x](z.md)` [web](https://example.org/) [up](../README.md#start) [folder](decisions/)\n'),
    file('docs/b.md'),
    file('docs/decisions/a.md'),
    file('README.md', '## Start\n'),
  ];
  assert.deepEqual(found(checkLinks(files)), ['docs/a.md:2 the link to none.md leads nowhere', 'docs/a.md:2 docs/a.md has no heading #three']);
});

test('titles of tests are found, with what a program fills in left open', () => {
  const text = "test('a b', () => {});\n  describe(`c ${d(1)}: e`, {skip}, () => {\nTEST_CASE(\"f \\\"g\\\"\") {\nTEST_CASE_FIXTURE(World,\n                  \"h\") {\ncheck(\"i's\", async () => {";
  assert.deepEqual([...titlesOf(text)], ['a b', 'c …: e', 'f "g"', 'h', "i's"]);
});

test('a test that is named and not there, a behaviour without a test, twice or missing is found', () => {
  const rows = Array.from({ length: 128 }, (_, index) => `| ${index + 1} | x | \`a/b.test.mjs: one\` |`);
  const page = (change) => [file('tests/a/b.test.mjs', "test('one', () => {});"), file('docs/security.md', change([...rows]).join('\n'))];
  assert.deepEqual(found(checkNamedTests(page((all) => all))), []);
  assert.deepEqual(found(checkNamedTests(page((all) => all.with(0, '| 1 | x: not offered yet | |').with(1, '| 2 | x | |').with(2, '| 3 | x | `a/b.test.mjs: two`, `a/c_test.cpp: one` |').with(4, all[3])))), [
    'docs/security.md:2 behaviour 2 names no test',
    'docs/security.md:3 tests/a/b.test.mjs has no test "two"',
    'docs/security.md:3 there is no tests/a/c_test.cpp',
    'docs/security.md:5 behaviour 4 is there twice',
    'docs/security.md:1 behaviour 5 is missing',
  ]);
});
