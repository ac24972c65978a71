// Threats B: framing. What two parsers could read differently is refused, or reaches the upstream in one unambiguous form.
import assert from 'node:assert/strict';
import {after, before, describe, test} from 'node:test';
import {World} from './support/world.mjs';

let world;

before(async () => {
  world = await World.start();
});
after(() => world?.stop());

// A request to the public route whose head is written as it is given; lines without their CRLF.
function post(lines, body = '', {method = 'POST', version = '1.1', target = '/public/frame'} = {}) {
  return Buffer.from(`${method} ${target} HTTP/${version}\r\nHost: gateway.test\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n${body}`, 'latin1');
}

const kChunked = 'Transfer-Encoding: chunked';
const chunks = (body) => post([kChunked], body);
const printed = (text) => JSON.stringify(text);
// Characters beyond one byte go out as UTF-8.
const wire = (text) => (/[^\x00-\xff]/.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text);

function expectBody(text) {
  return (request) => {
    assert.equal(request.body.toString('latin1'), text);
    assert.deepEqual(request.trailers.list, []);
  };
}

describe('16: Content-Length and Transfer-Encoding together', () => {
  const table = [
    ['Content-Length: 5', kChunked],
    [kChunked, 'Content-Length: 5'],
    ['Content-Length: 0', kChunked],
    ['Content-Length: 15', kChunked],
    ['content-length: 3', 'transfer-encoding: CHUNKED'],
    ['Content-Length: 5', 'X-Between: 1', kChunked],
    ['Content-Length: abc', kChunked],
    ['Content-Length:', kChunked],
    ['Content-Length: 5', kChunked, 'Content-Length: 5'],
    ['Content-Length: 5', 'Transfer-Encoding:\tchunked'],
  ];
  for (const lines of table) {
    test(printed(lines), () =>
      world.expectRefusedOrOne(post(lines, '5\r\nhello\r\n0\r\n\r\n'), {
        status: [400, 501],
        check: (request) => assert.equal(request.body.toString(), 'hello'),
      }));
  }
  for (const odd of ['identity', 'gzip, chunked', 'chunked, identity', 'xchunked', '', 'chunked;x=y']) {
    test(`with Transfer-Encoding: ${printed(odd)} it is refused`, () =>
      world.expectRefused(post(['Content-Length: 5', `Transfer-Encoding: ${odd}`], 'hello'), {status: [400, 501]}));
  }
});

describe('17: an odd Content-Length', () => {
  const odd = [
    '5, 6', '5, 5', '5,5', '5,', ',5', ',', '5 5', '5;', '5; q=1', '+5', '-5', '-0', '+0', '0x5', '0X5', '0b101', '0o5', '5_', '_5', '5_0', '1_0',
    '5.0', '5.', '.5', '5e0', '1e1', '"5"', "'5'", 'five', '٥', '５', '²', '5\x0b', '\x0c5', '5\x00', '\x005', '5\x7f', '\x855', '\xa05',
    '', ' ', '\t', 'NaN', 'Infinity', 'null', 'true', '5a', 'a5', '5h', '0x', '5 \t6', '%35', '(5)', '[5]', '$5', '5\\', '5/1', '5:5',
  ];
  for (const value of odd) {
    test(printed(value), () => world.expectRefused(post([`Content-Length: ${wire(value)}`], 'hello')));
  }
  for (const value of ['18446744073709551616', '18446744073709551621', '9223372036854775808', '4294967301', '99999999999999999999999999999999999999']) {
    test(value, () => world.expectRefused(post([`Content-Length: ${value}`], 'hello'), {status: [400, 413]}));
  }
  for (const lines of [
    ['Content-Length: 5', 'Content-Length: 6'],
    ['Content-Length: 6', 'Content-Length: 5'],
    ['Content-Length: 5', 'content-length: 0'],
    ['Content-Length: 0', 'Content-Length: 5'],
    ['Content-Length: 5', 'X: y', 'Content-Length: 05x'],
    ['Content-Length: 5', 'Content-Length:'],
    ['Content-Length: 5', 'Content-Length: +5'],
  ]) {
    test(printed(lines), () => world.expectRefused(post(lines, 'hello')));
  }
  test('on GET as well', () => world.expectRefused(post(['Content-Length: 5', 'Content-Length: 6'], 'hello', {method: 'GET'})));
  test('on HTTP/1.0 as well', () => world.expectRefused(post(['Content-Length: 5', 'Content-Length: 6'], 'hello', {version: '1.0'})));
  test('repeated but equal: refused, or one value', () =>
    world.expectRefusedOrOne(post(['Content-Length: 5', 'Content-Length: 5'], 'hello'), {check: expectBody('hello'), closes: false}));
  test('with leading zeros: refused, or one value', () =>
    world.expectRefusedOrOne(post(['Content-Length: 0005'], 'hello'), {check: expectBody('hello'), closes: false}));
  test('blanks around the digits are no part of the value', () =>
    world.expectRefusedOrOne(post(['Content-Length: \t 5 \t '], 'hello'), {check: expectBody('hello'), closes: false}));
  test('a look-alike name does not delimit a body', async () => {
    for (const name of ['Content_Length', 'Content.Length', 'Content-Length-', 'ContentLength', 'Content--Length']) {
      const mark = world.upstream.mark();
      await world.gateway.request('GET', '/public/alike', {headers: [[name, '5']]});
      assert.ok(mark.requests().every((request) => request.body.length === 0), name);
      await world.expectHealthy(name);
    }
  });
});

describe('18: a Transfer-Encoding other than one chunked', () => {
  const odd = [
    'gzip', 'identity', 'deflate', 'compress', 'br', 'trailers', 'gzip, chunked', 'chunked, gzip', 'chunked, chunked', 'chunked,chunked',
    'identity, chunked', 'chunked, identity', 'xchunked', 'chunkedx', 'x-chunked', 'chunk', '"chunked"', "'chunked'", 'chunked;q=1', 'chunked; a=b',
    'chunked,', ',chunked', ', chunked', 'chunked, ', '', ' ', ',', 'chunked\x0b', '\x0bchunked', 'chunked\x00', '\x00chunked', 'ch\x00unked',
    'chunked\x0c', '\x85chunked', 'chunked\xa0', 'chun ked', 'chunked chunked', 'chunked\tx', 'cow', '0', 'chunked=1', '(chunked)', 'chu\u017fked', 'chun\u212aed',
  ];
  for (const value of odd) {
    test(printed(value), () =>
      world.expectRefused(post([`Transfer-Encoding: ${wire(value)}`], '5\r\nhello\r\n0\r\n\r\n'), {status: [400, 501]}));
  }
  test('any case of the one word is the one word', async () => {
    for (const value of ['Chunked', 'CHUNKED', 'chunkeD']) {
      await world.expectRefusedOrOne(post([`Transfer-Encoding: ${value}`], '5\r\nhello\r\n0\r\n\r\n'), {check: expectBody('hello'), closes: false});
    }
  });
  for (const lines of [[kChunked, kChunked], [kChunked, 'Transfer-Encoding: identity'], ['Transfer-Encoding: gzip', kChunked], [kChunked, 'Transfer-Encoding:']]) {
    test(printed(lines), () => world.expectRefused(post(lines, '5\r\nhello\r\n0\r\n\r\n'), {status: [400, 501]}));
  }
  test('in HTTP/1.0', () => world.expectRefused(post([kChunked], '5\r\nhello\r\n0\r\n\r\n', {version: '1.0'}), {status: [400, 501, 505]}));
  for (const name of ['Transfer_Encoding', 'Transfer.Encoding', 'Transfer--Encoding', 'Transfer~Encoding', 'TransferEncoding']) {
    test(`${name} is removed, refused or harmless, and never delimits`, async () => {
      const mark = world.upstream.mark();
      const client = await world.gateway.connect();
      await client.send(post([`${name}: chunked`, 'Content-Length: 5'], 'hello'));
      const response = await client.finalResponse();
      client.close();
      if (response.status === 200) assert.equal(mark.requests()[0].body.toString(), 'hello');
      if (name !== 'TransferEncoding') assert.ok(!/transfer[^a-z0-9-]encoding|transfer--encoding/i.test(mark.bytes().toString()));
      await world.expectHealthy(name);
    });
  }
});

describe('22: an odd chunk size', () => {
  const sizes = [
    '0x5', '0X5', 'x5', '+5', '-5', '-0', '5_', '_5', '5_0', ' 5', '\t5', '5 ', '5\t', '  5', '5 5', '', ' ', 'g', '5g', 'G5', '5h', '0x', '5.0', '5,', '"5"',
    '5\x00', '\x005', '5\x0b', '5\r', '\r5', '10000000000000000', 'FFFFFFFFFFFFFFFF', 'FFFFFFFFFFFFFFFFF', 'fffffffffffffffb', '8000000000000000', '100000000000000005', '00000000000000000000000000000000000000000000000000005g',
    '٥', '5=', '5:', '5/', '5&', '5#', '$5', '%35', '(5)', '5\\', '1e1x', '5\x85', '5\xa0', '-1', '5-', '5+5', "5'",
  ];
  for (const size of sizes) {
    const bytes = wire(size);
    test(printed(size), () => world.expectRefused(chunks(`${bytes}\r\nhello\r\n0\r\n\r\n`), {nothing: false, status: [400, 413]}));
    test(`${printed(size)} after a good chunk`, () =>
      world.expectRefused(chunks(`5\r\nhello\r\n${bytes}\r\nhello\r\n0\r\n\r\n`), {nothing: false, status: [400, 413], mayStaySilent: true}));
  }
  for (const body of ['5\nhello\r\n0\r\n\r\n', '5\r\nhello\n0\r\n\r\n', '5\r\nhello\r\n0\n\r\n', '5\r\nhello\r\n0\r\n\n', '5\r\nhello\r\n0\n\n', '5\rhello\r\n0\r\n\r\n', '5\n\rhello\r\n0\r\n\r\n']) {
    test(`a line end other than CRLF: ${printed(body)}`, () => world.expectRefused(chunks(body), {nothing: false, mayStaySilent: true}));
  }
  test('a last size with an odd zero', async () => {
    for (const zero of ['0x0', '-0', '+0', ' 0', '0 ', '0_0', '0.', '0h']) {
      await world.expectRefused(chunks(`5\r\nhello\r\n${zero}\r\n\r\n`), {nothing: false, mayStaySilent: true});
    }
  });
  test('any case and several zeros are the same number', async () => {
    const body = 'x'.repeat(0xab);
    for (const size of ['ab', 'AB', 'Ab', '0ab', '00AB']) {
      await world.expectRefusedOrOne(chunks(`${size}\r\n${body}\r\n000\r\n\r\n`), {check: expectBody(body), closes: false});
    }
  });
});

describe('23: chunk extensions', () => {
  for (const extension of [';canary', ';canary=1', ';canary="a;b"', ';a=b;canary=d', ';canary="\\""', '; canary = 1', ' ;canary=1', ';', ';;canary', `;canary=${'x'.repeat(1000)}`, ';canary="0\\r\\n"']) {
    test(`${printed(extension.slice(0, 40))} is dropped or refused`, async () => {
      const mark = world.upstream.mark();
      await world.expectRefusedOrOne(chunks(`5${extension}\r\nhello\r\n0${extension}\r\n\r\n`), {check: expectBody('hello'), closes: false});
      assert.ok(!mark.bytes().includes('canary'));
    });
  }
  for (const extension of [';a=b', ';a', ';a="b c"']) {
    test(`a well-formed ${printed(extension)} is no reason to refuse`, async () => {
      const {request, response} = await world.askOnce('POST', '/public/ext', {
        headers: {'Transfer-Encoding': 'chunked'},
        body: `5${extension}\r\nhello\r\n0\r\n\r\n`,
      });
      assert.equal(response.status, 200);
      assert.equal(request.body.toString(), 'hello');
    });
  }
  for (const extension of [';a\rb', ';a\nb', ';\r', ';a=\0', ';a\x01', ';a\x7f', ';a="\r"', ';a="\n"', ';\n', ';a=b\n;c=d', ';\x0b']) {
    test(`${printed(extension)} is refused`, () => world.expectRefused(chunks(`5${extension}\r\nhello\r\n0\r\n\r\n`), {nothing: false, mayStaySilent: true}));
  }
  test('over 4 KiB in one line is refused', () => world.expectRefused(chunks(`5;a=${'x'.repeat(5000)}\r\nhello\r\n0\r\n\r\n`), {nothing: false, status: [400, 413], mayStaySilent: true}));
  test('over 4 KiB in all lines together is refused', () =>
    world.expectRefused(chunks(`${`1;a=${'x'.repeat(100)}\r\nh\r\n`.repeat(60)}0\r\n\r\n`), {nothing: false, status: [400, 413], mayStaySilent: true}));
  test('an endless extension is refused while it is still coming', () =>
    world.expectRefused(chunks(`5;${'x'.repeat(100_000)}`), {nothing: false, status: [400, 413], mayStaySilent: true}));
});

describe('24: chunk data that does not end where it should', () => {
  const bodies = [
    '5\r\nhelloXX0\r\n\r\n', '5\r\nhello0\r\n\r\n', '5\r\nhelloo\r\n0\r\n\r\n', '5\r\nhello\r0\r\n\r\n', '5\r\nhello\n\r0\r\n\r\n', '5\r\nhello\r\r\n0\r\n\r\n', '4\r\nhello\r\n0\r\n\r\n', '6\r\nhello\r\n0\r\n\r\n',
    '5\r\nhello\r\n\r\n0\r\n\r\n', '5\r\nhello  \r\n0\r\n\r\n', '5\r\nhello\r\n0\r\njunk\r\n\r\n', '5\r\nhello\r\n0\r\n: junk\r\n\r\n', '5\r\nhello\r\n0\r\nX : y\r\n\r\n', '5\r\nhello\r\n0\r\n X: y\r\n\r\n',
    '5\r\nhello\r\n0\r\nX: a\r\n b\r\n\r\n', '5\r\nhello\r\n0\r\nX: a\0\r\n\r\n', '5\r\nhello\r\n0\r\nX: a\rb\r\n\r\n', '5\r\nhello\r\n0\r\nX\x01: a\r\n\r\n', '5\r\nhello\r\n0\r\n\rX', '5\r\nhello\r\n0\r\nGET /public/smuggled HTTP/1.1\r\n\r\n',
  ];
  for (const body of bodies) test(printed(body), () => world.expectRefused(chunks(body), {nothing: false, mayStaySilent: true}));
  test('trailers without end are bounded', () =>
    world.expectRefused(chunks(`5\r\nhello\r\n0\r\n${`X-Trailer: ${'x'.repeat(90)}\r\n`.repeat(2000)}`), {nothing: false, status: [400, 413, 431], mayStaySilent: true}));
});

describe('25: framing headers in a trailer', () => {
  for (const trailer of ['Content-Length: 50', 'Transfer-Encoding: chunked', 'Transfer-Encoding: identity', 'Host: evil.test', 'Connection: keep-alive', 'Trailer: X', 'Cookie: evil=1', 'Content-Encoding: evil', 'Content-Length: 0', 'Expect: 100-continue', 'Upgrade: websocket', 'Content-Type: evil/evil']) {
    test(trailer, async () => {
      const mark = world.upstream.mark();
      await world.expectRefusedOrOne(chunks(`5\r\nhello\r\n0\r\n${trailer}\r\n\r\n`), {check: expectBody('hello'), closes: false});
      assert.ok(!mark.bytes().includes('evil'));
    });
  }
});

test('31: every refused request above was followed by a fresh client that got its own answer', () => {
  assert.ok(world.freshCount > 300, `only ${world.freshCount}`);
  assert.deepEqual(world.upstream.malformed(), []);
});
