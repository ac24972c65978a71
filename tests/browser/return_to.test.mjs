import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findReturnTarget, readReturnTo } from '../../gateway/pipeline/pages/return_to.js';

const origin = 'https://gateway.example';

test('a path of this origin is followed', () => {
  assert.equal(findReturnTarget('/', origin), 'https://gateway.example/');
  assert.equal(findReturnTarget('/app/7?tab=a&x=%2F#end', origin), 'https://gateway.example/app/7?tab=a&x=%2F#end');
  assert.equal(findReturnTarget('/a//b', origin), 'https://gateway.example/a//b');
  assert.equal(findReturnTarget('/%2F%2Fevil.example', origin), 'https://gateway.example/%2F%2Fevil.example');
  assert.equal(findReturnTarget('/@evil.example', origin), 'https://gateway.example/@evil.example');
});

test('whatever could lead to another origin is not followed', () => {
  for (const value of [
    '//evil.example', '///evil.example', '/\\evil.example', '\\\\evil.example', '/a\\b', 'https://evil.example', 'https:evil.example', 'https:/evil.example',
    'javascript:alert(1)', 'data:text/html,x', ' /app', '/\t/evil.example', '/\n/evil.example', '\t//evil.example', '/a b', '/\u0000', '@evil.example',
    'evil.example', '', '?x', '#x', '%2f%2fevil.example', 'https://gateway.example/app', `/${'a'.repeat(2000)}`, null, undefined, 7,
  ]) {
    assert.equal(findReturnTarget(value, origin), null, JSON.stringify(value));
  }
});

test('dots that climb stay on this origin, where they lead', () => {
  assert.equal(findReturnTarget('/..//evil.example', origin), 'https://gateway.example//evil.example');
  assert.equal(findReturnTarget('/./app', origin), 'https://gateway.example/app');
});

test('the parameter is read from the address', () => {
  assert.equal(readReturnTo({ search: '?a=1&return_to=%2Fapp%3Fx%3D1' }), '/app?x=1');
  assert.equal(readReturnTo({ search: '' }), null);
});
