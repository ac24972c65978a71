// Threats B: the lines of a head. What two parsers could split differently is refused.
import assert from 'node:assert/strict';
import {after, before, describe, test} from 'node:test';
import {requestText} from './support/raw.mjs';
import {World} from './support/world.mjs';

let world;

before(async () => {
  world = await World.start();
});
after(() => world?.stop());

// A request to the public route whose head is written as it is given; lines without their CRLF.
function post(lines, body = '') {
  return Buffer.from(`POST /public/frame HTTP/1.1\r\nHost: gateway.test\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n${body}`, 'latin1');
}

const printed = (text) => JSON.stringify(text);

describe('19: a line that is no header field', () => {
  const lines = [
    'X-Foo : bar', 'X-Foo\t: bar', 'X-Foo \t : bar', ': bar', ' : bar', ':', 'NoColonHere', 'X Foo: bar', 'X\tFoo: bar', 'X-Foo bar', '=', 'X\x01Foo: bar',
    'X\x00Foo: bar', 'X\x1fFoo: bar', 'X\x7fFoo: bar', 'X-F\xf6: bar', 'X\x80: bar', '\xef\xbb\xbfX-Foo: bar', '(X): bar', 'X@Y: bar', 'X[0]: bar',
    'X{}: bar', 'X"Y": bar', 'X/Y: bar', 'X=Y: bar', 'X,Y: bar', 'X;Y: bar', 'X?Y: bar', 'X\\Y: bar', '<X>: bar',
    'Content-Length : 5', 'Content-Length\t: 5', 'Transfer-Encoding : chunked', 'Transfer-Encoding\t:chunked', 'Host : gateway.test', 'Cookie : a=b',
    'Content-Length\x00: 5', 'Transfer-Encoding\x0b: chunked', 'GET / HTTP/1.1', 'HTTP/1.1 200 OK',
  ];
  for (const line of lines) {
    test(printed(line), () => world.expectRefused(post([line])));
    test(`${printed(line)} as the last line`, () => world.expectRefused(post(['X-Before: 1', line])));
  }
  test('in the place of Host', () => world.expectRefused('GET /public/x HTTP/1.1\r\nHost : gateway.test\r\n\r\n'));
});

describe('19: a line that is no request line', () => {
  const lines = [
    'GET  /public/x HTTP/1.1', 'GET /public/x  HTTP/1.1', 'GET\t/public/x HTTP/1.1', 'GET /public/x\tHTTP/1.1', 'GET /public/x HTTP/1.1 ', 'GET /public/x HTTP/1.1\t',
    ' GET /public/x HTTP/1.1', '\tGET /public/x HTTP/1.1', 'GET /public/x', 'GET', 'GET ', 'GET  HTTP/1.1', '/public/x HTTP/1.1', 'G\x01T /public/x HTTP/1.1', 'G\xc9T /public/x HTTP/1.1',
    'GE(T) /public/x HTTP/1.1', '"GET" /public/x HTTP/1.1', 'GET: /public/x HTTP/1.1', 'GET /public/x http/1.1', 'GET /public/x HTTP/1.1x', 'GET /public/x HTTP/01.1',
    'GET /public/x HTTP/1.10', 'GET /public/x HTTP/11', 'GET /public/x HTTP/1,1', 'GET /public/x HTTP/1', 'GET /public/x HTTP/', 'GET /public/x HTTP1.1', 'GET /public/x HTTPS/1.1',
    'GET /public/x HTTP/0.9', 'GET /public/x HTTP/2.0', 'GET /public/x HTTP/3.0', 'GET /public/x HTTP/9.9', 'GET /public/x HTTP/-1.1', 'GET /public/x HTTP/1.1 HTTP/1.1', 'GET /public/x y HTTP/1.1', 'GET /public/x\x00 HTTP/1.1',
    'GET /public/x HTTP/\xc2\xb9.1', 'GET public/x HTTP/1.1', 'GET ?x HTTP/1.1', 'GET * HTTP/1.1', 'GET \\public\\x HTTP/1.1', 'GET gateway.test:443 HTTP/1.1', 'GET /public/x\xa0HTTP/1.1', 'GET /public/x\x0bHTTP/1.1', '\x00GET /public/x HTTP/1.1', '\xef\xbb\xbfGET /public/x HTTP/1.1',
    'PRI * HTTP/2.0',
  ];
  for (const line of lines) {
    test(printed(line), () => world.expectRefused(Buffer.from(`${line}\r\nHost: gateway.test\r\n\r\n`, 'latin1'), {status: [400, 404, 405, 501, 505]}));
  }
  test('HTTP/1.2 is refused or spoken as HTTP/1.1', () =>
    world.expectRefusedOrOne('GET /public/x HTTP/1.2\r\nHost: gateway.test\r\n\r\n', {status: [400, 505], closes: false}));
  test('an empty line before a request is skipped or refused', () => world.expectRefusedOrOne(`\r\n${requestText('GET', '/public/x')}`, {closes: false}));
  test('bytes that are no HTTP at all', async () => {
    await world.expectRefused(Buffer.from('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', 'latin1'));
    await world.expectRefused(Buffer.from('\x00\x00\x00\x00\x00\x00\r\n\r\n', 'latin1'));
    await world.expectRefused('EHLO gateway.test\r\n\r\n', {status: [400, 405, 501, 505]});
  });
});

describe('20: a folded line', () => {
  const heads = {
    'in an ordinary header': 'X-Foo: a\r\n b\r\n',
    'with a tab': 'X-Foo: a\r\n\tb\r\n',
    'of blanks alone': 'X-Foo: a\r\n \r\n',
    'that hides a header': 'X-Foo: a\r\n X-User-ID: evil\r\n',
    'in Content-Length': 'Content-Length:\r\n 5\r\n',
    'in Transfer-Encoding': 'Transfer-Encoding:\r\n chunked\r\n',
    'after Transfer-Encoding': 'Transfer-Encoding: chunked\r\n , identity\r\n',
    'in Host': 'Host: gateway.test\r\n .evil.test\r\n',
    'in Cookie': 'Cookie: a=b;\r\n c=d\r\n',
    'of several': 'X-Foo: a\r\n b\r\n\tc\r\n  d\r\n',
  };
  for (const [name, text] of Object.entries(heads)) {
    const host = name === 'in Host' ? '' : 'Host: gateway.test\r\n';
    test(name, () => world.expectRefused(`GET /public/fold HTTP/1.1\r\n${host}${text}\r\n`));
  }
  for (const first of [' Host: gateway.test', '\tHost: gateway.test', ' ', '\t', ' X: y', ' folded request line']) {
    test(`before the first header: ${printed(first)}`, () => world.expectRefused(`GET /public/fold HTTP/1.1\r\n${first}\r\nHost: gateway.test\r\n\r\n`));
  }
});

describe('21: bare CR and NUL in a head', () => {
  const lines = ['X-Foo: a\rb', 'X-Foo: a\r', 'X-Foo: \ra', 'X-Foo\r: a', '\rX-Foo: a', 'X-Foo: a\rX-User-ID: evil', 'X-Foo: a\r\rb', 'X-Foo:\r', 'X-Foo: \0', 'X-Foo: a\0b', 'X-\0Foo: a', '\0', 'X-Foo\0: a', 'Cookie: a=\0', 'X-Foo: a\0\r'];
  for (const line of lines) test(printed(line), () => world.expectRefused(post([line])));
  for (const line of ['GET\r /public/x HTTP/1.1', 'GET /public/x\r HTTP/1.1', 'GET /public/x HTTP/1.1\r', 'GET /pub\rlic/x HTTP/1.1', 'GET /pub\0lic/x HTTP/1.1', 'GET /public/x?\0 HTTP/1.1', 'G\0ET /public/x HTTP/1.1', 'GET /public/x HTTP/1.1\0', 'GET\r\r/public/x HTTP/1.1']) {
    test(printed(line), () => world.expectRefused(`${line}\r\nHost: gateway.test\r\n\r\n`));
  }
  test('CR as line end', () => world.expectRefused('GET /public/x HTTP/1.1\rHost: gateway.test\r\r\n\r\n'));
  for (const byte of [1, 2, 7, 8, 11, 12, 14, 27, 31, 127]) {
    test(`the control byte ${byte} in a value is refused or never forwarded`, async () => {
      const mark = world.upstream.mark();
      const client = await world.gateway.connect();
      await client.send(post([`X-Foo: a${String.fromCharCode(byte)}b`]));
      const {status} = await client.finalResponse();
      client.close();
      assert.ok([200, 400].includes(status));
      assert.ok(!mark.bytes().includes(byte));
      await world.expectHealthy(`control byte ${byte}`);
    });
  }
});

describe('21: bare LF as a line end is refused, or never forwarded', () => {
  const heads = [
    'GET /public/lf HTTP/1.1\nHost: gateway.test\r\n\r\n',
    'GET /public/lf HTTP/1.1\r\nHost: gateway.test\n\r\n',
    'GET /public/lf HTTP/1.1\r\nHost: gateway.test\r\n\n',
    'GET /public/lf HTTP/1.1\nHost: gateway.test\n\n',
    'GET /public/lf HTTP/1.1\r\nHost: gateway.test\nX-A: b\r\n\r\n',
    'GET /public/lf HTTP/1.1\r\nHost: gateway.test\r\nX-A: b\nX-C: d\r\n\r\n',
    'GET /public/lf HTTP/1.1\r\nHost: gateway.test\n\n',
    'POST /public/lf HTTP/1.1\r\nHost: gateway.test\r\nX: y\nContent-Length: 0\r\n\r\n',
    'POST /public/lf HTTP/1.1\nHost: gateway.test\nTransfer-Encoding: chunked\n\n0\r\n\r\n',
    '\nGET /public/lf HTTP/1.1\r\nHost: gateway.test\r\n\r\n',
    'GET /public/lf HTTP/1.1\r\nHost: gateway.test\r\n\rX: y\r\n\r\n',
  ];
  for (const head of heads) {
    test(printed(head), async () => {
      const mark = world.upstream.mark();
      await world.expectRefusedOrOne(head, {closes: false});
      assert.doesNotMatch(mark.bytes().toString('latin1'), /[^\r]\n|\r[^\n]/);
    });
  }
});
