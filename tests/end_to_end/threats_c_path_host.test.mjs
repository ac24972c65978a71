// Threats C: path, target and host. One canonical form is judged, and it is what the upstream gets.
import assert from 'node:assert/strict';
import {after, before, describe, test} from 'node:test';
import {requestText} from './support/raw.mjs';
import {kOrigin} from './support/gateway.mjs';
import {postJson} from './support/session.mjs';
import {World, kRoutes} from './support/world.mjs';

let world;

before(async () => {
  world = await World.start({
    routes: [...kRoutes, {path: '/private/exact', upstream: 'orders'}, {path: '/only-here', host: 'other.test', upstream: 'orders', auth: 'public'}],
    gateway: {hosts: ['other.test', 'www.gateway.test']},
    certificates: (authority) => [authority.issue('first', ['gateway.test', '*.gateway.test']), authority.issue('second', ['other.test'])],
  });
  await world.signUpTwo();
});
after(() => world?.stop());

const printed = (text) => JSON.stringify(text);
const head = (target, host = 'gateway.test', method = 'GET') => `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;

// What a careless upstream might make of a target: decoded once, '\' as '/', empty and dot segments resolved.
function resolveCarelessly(target) {
  let path = target.split('?')[0];
  try {
    path = decodeURIComponent(path);
  } catch {
    // stays as it is
  }
  const segments = [];
  for (const segment of path.replaceAll('\\', '/').split('/')) {
    const name = segment.split(';')[0].trim();
    if (name === '..') segments.pop();
    else if (name !== '' && name !== '.') segments.push(name.toLowerCase());
  }
  return `/${segments.join('/')}`;
}

// Sends raw bytes; whatever reaches the upstream without a session must be public however carelessly it is read.
async function expectNeverPrivate(bytes, label, allowed) {
  const mark = world.upstream.mark();
  const client = await world.gateway.connect();
  await client.send(bytes);
  const response = await client.finalResponse();
  client.close();
  for (const request of mark.requests()) {
    assert.match(resolveCarelessly(request.target), /^\/(public|open|posts|optional)(\/|$)/, `${label} reached the upstream as ${request.target}`);
    assert.doesNotMatch(request.target.split('?')[0], /\/\.{1,2}(\/|$)|\/\/|\\|%2f|%5c|%00/i, `${label} was forwarded as ${request.target}`);
    assert.equal(response.status, 200);
  }
  if (allowed) assert.ok(allowed.includes(response.status), `${label}: status ${response.status}, expected ${allowed}`);
  return {response, requests: mark.requests()};
}

describe('32: unreserved characters are decoded and dot segments removed before anything is judged', () => {
  for (const [sent, forwarded] of [
    ['/%70ublic/x', '/public/x'],
    ['/public/%78', '/public/x'],
    ['/public/%7Euser', '/public/~user'],
    ['/public/%2D%5F%2E%7e', '/public/-_.~'],
    ['/public/a/../x', '/public/x'],
    ['/public/a/%2e%2e/x', '/public/x'],
    ['/public/a/.%2E/x', '/public/x'],
    ['/public/./x', '/public/x'],
    ['/public/%2e/x', '/public/x'],
    ['/private/../public/x', '/public/x'],
    ['/public/a/b/../../x', '/public/x'],
    ['/public/x/..', '/public/'],
    ['/public/x/.', '/public/x/'],
    ['/public/%e2%82%ac', '/public/%E2%82%AC'],
    ['/public/a%20b', '/public/a%20b'],
    ['/public/...', '/public/...'],
    ['/public/.hidden', '/public/.hidden'],
    ['/public/a:b@c!d$e&f\'(g)*+,=', '/public/a:b@c!d$e&f\'(g)*+,='],
  ]) {
    test(`${sent} is forwarded as ${forwarded}`, async () => {
      const {response, requests} = await expectNeverPrivate(head(sent), sent);
      if (response.status >= 300 && response.status < 400) return assert.ok(response.fields.get('location').endsWith(forwarded));
      assert.equal(response.status, 200);
      assert.equal(requests[0].target, forwarded);
    });
  }
  for (const target of [
    '/%70rivate/x', '/priv%61te/x', '/%70%72%69%76%61%74%65/x', '/public/../private/x', '/public/%2e%2e/private/x', '/public/.%2e/private/x', '/public/%2E./private/x', '/public/%2E%2E/private/x',
    '/public/a/../../private/x', '/./private/x', '/%2e/private/x', '/open/../private/x', '/public/..//private/x', '/public/.././private/x', '/public/x/../%2e%2e/private/x',
  ]) {
    test(`${target} is judged as /private/x`, () => expectNeverPrivate(head(target), target, [400, 401, 404]));
  }
  test('the session rule holds under every spelling', async () => {
    for (const target of ['/%70rivate/x', '/public/../private/x', '/./private/x']) {
      const {response, requests} = await world.ask('GET', target, {as: world.ada});
      if (response.status === 200) assert.equal(requests[0].target, '/private/x');
    }
  });
  test('the log tells the canonical path', async () => {
    await world.gateway.request('GET', '/public/a/../%6cogged-path');
    await world.gateway.logged((line) => JSON.stringify(line).includes('/public/logged-path'));
  });
});

describe('33: bytes that two readers could take differently in a path', () => {
  const paths = [
    '/public/%2Fx', '/public/%2fx', '/public/..%2fprivate/x', '/public%2fx', '/public%2f..%2fprivate', '%2fpublic/x', '/public/%5Cx', '/public/%5cx', '/public/..%5cprivate/x', '/public/\\x',
    '/public\\x', '/public\\..\\private\\x', '/public/..\\private/x', '\\public\\x', '/public/%00', '/public/x%00.png', '/public/%00/../private', '/private%00/x', '/public/%01', '/public/%07', '/public/%09', '/public/%0a',
    '/public/%0d', '/public/%0d%0aX-Evil:1', '/public/%1b', '/public/%1f', '/public/%7f', '/public/\x01', '/public/\x7f', '/public/\t', '/public/\xe9', '/public/\xc3\xa9', '/public/\xff', '/public/\x80',
    '/public/%', '/public/%4', '/public/%zz', '/public/%4g', '/public/%g4', '/public/%%34', '/public/%u0041', '/public/% 41', '/public/%-1', '/public/x%', '/public/%2', '/public/%2G', '/pub%lic/x', '/public/%0x41',
  ];
  for (const path of paths) test(printed(path), () => world.expectRefused(Buffer.from(head(path), 'latin1'), {status: [400, 404]}));
  test('with a good path before it, all of them answer 400', async () => {
    for (const path of ['/public/%2F', '/public/%5C', '/public/\\', '/public/%00', '/public/\x01', '/public/\xe9', '/public/%zz', '/public/%']) {
      await world.expectRefused(Buffer.from(head(path), 'latin1'), {status: [400]});
    }
  });
});

describe('34: parameters in a segment', () => {
  for (const target of [
    '/public/..;/private/x', '/public/..;a=b/private/x', '/public/;/../private/x', '/public/.;/../private/x', '/private;x=1/x', '/private;/x', '/private/x;y=1', '/private/;x', '/;/private/x', '/public;/../private/x',
    '/public/..%3b/private/x', '/public/..%3B/private/x', '/private%3b/x', '/public/%2e%2e;/private/x', '/public/%2e.;/private/x', ';/private/x', '/.;/private/x', '/..;/private/x', '/public/x;/../../private/x',
  ]) {
    test(`${target} is never served without a session`, () => expectNeverPrivate(head(target), target, [400, 401, 404]));
  }
});

describe('35: empty and dot segments', () => {
  for (const target of ['//public/x', '/public//x', '///public///x', '/public/./x', '/./public/x', '/public/a/../x', '/public/a//../x', '/public/x//', '/public//', '//public//./x']) {
    test(`${target} is canonical at the upstream`, async () => {
      const {response, requests} = await expectNeverPrivate(head(target), target);
      if (response.status === 200) assert.doesNotMatch(requests[0].target, /\/\/|\/\.\.?(\/|$)/);
      else assert.ok([301, 302, 307, 308, 400, 404].includes(response.status), `status ${response.status}`);
    });
  }
  for (const target of ['/..', '/../', '/../public/x', '/public/../../x', '/public/../..', '/%2e%2e', '/%2e%2e/public/x', '/./../public/x', '/public/../../public/x', '//..//..//public', '/../../../etc/passwd']) {
    test(`${target} is above the root`, () => world.expectRefused(head(target)));
  }
  for (const target of ['//private/x', '/private//x', '///private/x', '/public//../private/x', '/.//private/x', '//public/..//private/x']) {
    test(`${target} needs a session`, () => expectNeverPrivate(head(target), target, [301, 302, 307, 308, 400, 401, 404]));
  }
});

describe('36: other spellings of a protected path', () => {
  for (const target of ['/PRIVATE/x', '/Private/x', '/pRiVaTe/exact', '/private./x', '/private../x', '/private/x.', '/private%20/x', '/private/x%20', '/private/exact%20', '/private/exact.', '/private/exact/', '/private/exact%2e', '/private/EXACT', '/private', '/private/', '/private?x', '/private+/x', '/private%2b/x', '/%20private/x', '/private%e2%80%8b/x', '/private%C2%A0/x', '/private/x::$DATA', '/priva%74e']) {
    test(`${target} without a session`, async () => {
      const {requests} = await expectNeverPrivate(head(target), target, [400, 401, 404]);
      assert.deepEqual(requests, []);
    });
  }
});

describe('37: no route', () => {
  for (const [method, target] of [['GET', '/'], ['GET', '/nowhere'], ['GET', '/publi'], ['GET', '/publicx'], ['GET', '/publicx/x'], ['GET', '/open/a/b'], ['GET', '/open'], ['POST', '/nowhere'], ['OPTIONS', '/nowhere'], ['GET', '/index.html'], ['GET', '/.env'], ['GET', '/metrics'], ['GET', '/livez'], ['GET', '/readyz'], ['GET', '/only-here'], ['GET', '/favicon.ico']]) {
    test(`${method} ${target} → 404 from the gateway`, async () => {
      const {response, bytes} = await world.ask(method, target);
      assert.equal(response.status, 404);
      assert.equal(bytes, '');
      assert.equal(typeof JSON.parse(response.body).code, 'string');
      assert.ok(response.fields.has('x-request-id'));
    });
  }
  test('a method that the route does not name', async () => {
    for (const method of ['GET', 'PUT', 'DELETE', 'post', 'Post', 'POSTX', 'PO']) {
      const {response, bytes} = await world.ask(method, '/posts/x');
      assert.ok([404, 405, 501].includes(response.status), `${method}: ${response.status}`);
      assert.equal(bytes, '');
    }
  });
  test('a signed-in user gets the same', async () => {
    const {response, bytes} = await world.ask('GET', '/nowhere', {as: world.ada});
    assert.equal(response.status, 404);
    assert.equal(bytes, '');
  });
});

describe('38: query and fragment', () => {
  for (const target of ['/private/x?/public/x', '/private/x?path=/public/x', '/private/x?a=/../public/x', '/private/x?../../public', '/private/?/public', '/private/x??', '/private/x?%2f..%2fpublic', '/private/x?;/public/x', '/nowhere?/public/x', '/?/public/x', '/?x=/../public/x']) {
    test(`${target} is judged by its path`, async () => {
      const {requests} = await expectNeverPrivate(head(target), target, [401, 404]);
      assert.deepEqual(requests, []);
    });
  }
  for (const target of ['/private/x#/public/x', '/public/x#', '/public/x#frag', '/public/x?a#b', '/#/public/x', '/public#/../private', '#/public/x']) {
    test(`a raw # (${target}) is refused`, () => world.expectRefused(head(target)));
  }
  for (const target of ['/public/x%23y', '/public/x?%23']) {
    test(`${target} keeps its encoded #`, async () => {
      const {response, requests} = await expectNeverPrivate(head(target), target, [200, 400]);
      if (response.status === 200) assert.equal(requests[0].target, target);
    });
  }
  for (const query of ['?', '?a=1&b=2', '?a=%2F%2e%2e%5c', '?x=/../../private', '?q=a+b%20c', '??', '?a?b', '?%0d%0aX-Evil:%201', '?%00', '?a[]=1&b{}|^`"<>', '?=', "?'"]) {
    test(`the query ${query} is forwarded as it is, or refused`, async () => {
      const {response, requests} = await expectNeverPrivate(head(`/public/q${query}`), query, [200, 400]);
      if (response.status === 200) assert.ok([`/public/q${query}`, ...(query === '?' ? ['/public/q'] : [])].includes(requests[0].target), requests[0].target);
    });
  }
  test('ordinary queries are served', async () => {
    for (const query of ['?a=1&b=2', '?x=/../../private', '?q=a+b%20c&r=%E2%82%AC', '?%0d%0aX-Evil:%201']) {
      assert.equal((await world.askOnce('GET', `/public/q${query}`)).request.target, `/public/q${query}`);
    }
  });
  for (const query of ['?a\tb', '?a\x01', '?a\x7f', '?\x00', '?\xe9', '?a\rb', '?a\nb']) {
    test(`control bytes and raw non-ASCII in a query (${printed(query)}) are refused`, () => world.expectRefused(Buffer.from(head(`/public/q${query}`), 'latin1')));
  }
});

describe('39: absolute-form targets', () => {
  for (const target of ['https://gateway.test/public/x', 'HTTPS://GATEWAY.TEST/public/x', 'https://gateway.test:443/public/x', 'https://gateway.test/a/../public/x', 'https://gateway.test./public/x', 'https://gateway.test/public/x?a=b']) {
    test(`${target} is served in origin-form`, async () => {
      const {response, requests} = await expectNeverPrivate(head(target), target, [200, 400, 421]);
      if (response.status === 200) assert.match(requests[0].target, /^\/public\/x(\?a=b)?$/);
    });
  }
  test('the plain form of a served host works', async () => {
    const {response} = await expectNeverPrivate(head('https://gateway.test/public/x'), 'absolute', [200]);
    assert.equal(response.body.toString(), 'GET /public/x');
  });
  test('the host of the target counts, not Host', async () => {
    const {response, requests} = await expectNeverPrivate(head('https://gateway.test/public/x', 'evil.test'), 'disagreeing', [200, 400, 421]);
    for (const request of requests) assert.ok(!request.fields.get('host').includes('evil') && !String(request.fields.get('x-forwarded-host')).includes('evil'), response.status);
    await world.expectRefused(head('https://evil.test/public/x'), {status: [400, 404, 421]});
  });
  test('a protected path stays protected', () => expectNeverPrivate(head('https://gateway.test/private/x'), 'private', [400, 401]));
  for (const target of [
    'ftp://gateway.test/public/x', 'ws://gateway.test/public/x', 'wss://gateway.test/public/x', 'file:///public/x', 'javascript:alert(1)', 'data:text/html,x', 'gopher://gateway.test/public/x', 'httpss://gateway.test/public/x', 'x://gateway.test/public/x',
    'https://user@gateway.test/public/x', 'https://user:pass@gateway.test/public/x', 'https://@gateway.test/public/x', 'https://gateway.test@evil.test/public/x', 'https://evil.test@gateway.test/public/x',
    'https:/public/x', 'https:public/x', 'https:///public/x', 'https://', 'https:', 'https:\\\\gateway.test\\public\\x', 'https://gateway.test\\@evil.test/public/x', 'https://gateway.test:99999/public/x', 'https://gateway.test:x/public/x', 'https://gateway.test:-1/public/x', 'https://gateway.test:44 3/public/x',
    'https://gateway.test%2f/public/x', 'https://gate%77ay.test/public/x', 'https://gateway.test%00/public/x', 'https://gateway.test#/public/x', 'https://[::1/public/x', 'https://[gateway.test]/public/x', 'https://gateway.test,evil.test/public/x', '://gateway.test/public/x', 'https//gateway.test/public/x', 'gateway.test/public/x',
  ]) {
    test(`${target} is refused`, () => world.expectRefused(head(target), {status: [400, 404, 421]}));
  }
  for (const target of ['https://evil.test/public/x', 'https://127.0.0.1/public/x', 'https://localhost/public/x', 'https://169.254.169.254/latest/meta-data', 'https://gateway.test.evil.test/public/x', 'http://evil.test/public/x', 'https://[::1]/public/x']) {
    test(`${target} is a host that is not served`, () => world.expectRefused(head(target), {status: [400, 404, 421]}));
  }
  test('asterisk- and authority-form reach nobody', async () => {
    for (const [method, target] of [['OPTIONS', '*'], ['CONNECT', 'gateway.test:443'], ['CONNECT', '127.0.0.1:22'], ['CONNECT', '/public/x'], ['CONNECT', 'https://gateway.test/public/x'], ['GET', 'gateway.test:443']]) {
      const {response, requests} = await expectNeverPrivate(head(target, 'gateway.test', method), `${method} ${target}`);
      assert.deepEqual(requests, []);
      assert.ok(method === 'OPTIONS' || response.status >= 400, `${method} ${target}: ${response.status}`);
    }
  });
});

describe('40: Host', () => {
  const odd = {
    missing: [], repeated: ['gateway.test', 'gateway.test'], 'repeated and different': ['gateway.test', 'evil.test'], 'repeated with another case': ['gateway.test', 'GATEWAY.TEST'], empty: [''], blank: [' '],
    userinfo: ['user@gateway.test'], 'empty userinfo': ['@gateway.test'], password: ['user:pass@gateway.test'], path: ['gateway.test/public'], slash: ['gateway.test/'], query: ['gateway.test?x'], fragment: ['gateway.test#x'], 'blank inside': ['gateway.test evil.test'], 'tab inside': ['gateway.test\tevil.test'],
    comma: ['gateway.test, evil.test'], 'comma at the end': ['gateway.test,'], 'hex port': ['gateway.test:0x1bb'], 'port of letters': ['gateway.test:https'], 'negative port': ['gateway.test:-443'], 'port with sign': ['gateway.test:+443'], 'two ports': ['gateway.test:443:443'],
    'port too large': ['gateway.test:65536'], 'port far too large': ['gateway.test:99999999999999999999443'], 'port and blank': ['gateway.test: 443'], 'port and letter': ['gateway.test:443a'], colon: [':443'], backslash: ['gateway.test\\evil'], 'percent sign': ['gateway%2etest'],
    NUL: ['gateway.test\0'], 'control byte': ['gateway.test\x01'], 'non-ASCII': ['g\xe4teway.test'], scheme: ['https://gateway.test'], brackets: ['[gateway.test]'], 'open bracket': ['[::1'], 'bare IPv6': ['::1'], quotes: ['"gateway.test"'], semicolon: ['gateway.test;x'], 'less than': ['<gateway.test>'], 'two dots at the end': ['gateway.test..'], 'empty label': ['gateway..test'], 'dot before': ['.gateway.test'], star: ['*'], 'star label': ['*.gateway.test'],
  };
  for (const [name, values] of Object.entries(odd)) {
    const bytes = Buffer.from(`GET /public/x HTTP/1.1\r\n${values.map((value) => `Host: ${value}\r\n`).join('')}\r\n`, 'latin1');
    test(name, () => world.expectRefused(bytes, {status: [400, 404, 421]}));
  }
  for (const name of ['missing', 'repeated', 'repeated and different', 'empty', 'userinfo', 'path', 'blank inside', 'comma', 'hex port', 'two ports']) {
    test(`${name} answers 400`, () =>
      world.expectRefused(Buffer.from(`GET /public/x HTTP/1.1\r\n${odd[name].map((value) => `Host: ${value}\r\n`).join('')}\r\n`, 'latin1')));
  }
  for (const host of ['evil.test', 'gateway.test.evil.test', 'evilgateway.test', 'gateway.tes', 'localhost', '127.0.0.1', '[::1]', 'gateway', 'test', 'sub.other.test', 'not-listed.gateway.test', '10.0.0.1:443']) {
    test(`${host} is not served`, async () => {
      for (const target of ['/public/x', '/api/auth/ok', '/private/x', '/sign-in', '/.well-known/jwks.json']) {
        const {response, bytes} = await world.ask('GET', target, {host});
        assert.ok([404, 421].includes(response.status), `${host} ${target}: ${response.status}`);
        assert.equal(bytes, '');
      }
    });
  }
  for (const host of ['gateway.test', 'GATEWAY.TEST', 'Gateway.Test', 'gateway.test:443', 'www.gateway.test']) {
    test(`${host} is served`, async () => {
      const {response, requests} = await world.ask('GET', '/public/host', {host});
      assert.equal(response.status, 200);
      assert.equal(requests[0].fields.all('host').length, 1);
      assert.ok(!requests[0].fields.get('x-forwarded-host')?.match(/[A-Z]/));
    });
  }
  for (const host of ['gateway.test.', 'GATEWAY.TEST.:443', 'gateway.test:']) {
    test(`${host} is the same host, or refused`, async () => {
      const {response} = await world.ask('GET', '/private/host', {host});
      assert.ok([400, 401, 404, 421].includes(response.status), `status ${response.status}`);
    });
  }
  test('without Host, HTTP/1.0 is refused as well', () => world.expectRefused('GET /public/x HTTP/1.0\r\n\r\n'));
});

describe('41: SNI and Host of differently configured sites', () => {
  const ask = (servername, host, target) => world.gateway.request('GET', target, {host, connect: {tls: {servername}}});
  test('each name with its own certificate is served', async () => {
    assert.equal((await ask('other.test', 'other.test', '/only-here')).status, 200);
    assert.equal((await ask('gateway.test', 'gateway.test', '/public/x')).status, 200);
  });
  test('a name that the certificate of the connection does not cover is answered 421', async () => {
    const mark = world.upstream.mark();
    assert.equal((await ask('gateway.test', 'other.test', '/only-here')).status, 421);
    assert.equal((await ask('other.test', 'gateway.test', '/public/x')).status, 421);
    assert.equal((await ask('other.test', 'gateway.test', '/private/x')).status, 421);
    assert.equal(mark.bytes().length, 0);
  });
  test('so it is for the host of an absolute-form target', async () => {
    assert.ok([400, 421].includes((await ask('gateway.test', 'gateway.test', 'https://other.test/only-here')).status));
  });
});

test('42: no spelling of a path is something else at the upstream', async () => {
  const pieces = ['public', 'private', 'open', 'x', '..', '.', '%2e', '%2E%2e', '.%2e', '..;', ';', '%3b', '', '%2f', '%5c', '\\', '%252e%252e', '%252f', '%20', '%00', '%25', '%c0%ae', '%u002e', 'PRIVATE', '..%c0%af', '%2e%2e%2f', '...', '~', '%7e', '@', ':', '%3f', '?', '%23', '..%00', '.%00.', '%ef%bc%8f', '%e3%80%82'];
  let state = 20240607; // the same sequence in each run
  const random = (below) => (state = (state * 1103515245 + 12345) % 2147483648) % below;
  let forwarded = 0;
  for (let round = 0; round < 400; ++round) {
    const target = `/${[...(random(3) ? ['public'] : []), ...Array.from({length: 1 + random(5)}, () => pieces[random(pieces.length)])].join('/')}`;
    const {requests} = await expectNeverPrivate(Buffer.from(head(target), 'latin1'), target);
    forwarded += requests.length;
  }
  assert.ok(forwarded > 10, `only ${forwarded} were forwarded`);
});

test('42: a path that is encoded twice is forwarded as it is', async () => {
  for (const target of ['/public/%252e%252e/private', '/public/%252F', '/public/%25', '/public/%2525']) {
    const {response, requests} = await expectNeverPrivate(head(target), target, [200, 400]);
    if (response.status === 200) assert.equal(requests[0].target, target);
  }
});

describe('43: methods', () => {
  for (const method of ['TRACE', 'CONNECT']) {
    for (const target of ['/public/x', '/private/x', '/api/auth/ok', '/nowhere']) {
      test(`${method} ${target} is refused`, async () => {
        const mark = world.upstream.mark();
        const client = await world.gateway.connect();
        await client.send(`${method} ${target} HTTP/1.1\r\nHost: gateway.test\r\nCookie: ${world.ada.cookie}\r\nX-Mirror: canary\r\nConnection: close\r\n\r\n`);
        const response = await client.finalResponse(method);
        client.close();
        assert.ok([400, 404, 405, 501].includes(response.status), `status ${response.status}`);
        if (target === '/public/x') assert.ok([400, 405, 501].includes(response.status));
        assert.ok(!response.body.includes('canary'));
        assert.equal(mark.bytes().length, 0);
      });
    }
  }
  test('an unknown method on auth endpoints reaches nobody', async () => {
    for (const method of ['FOO', 'get', 'PROPFIND', 'TRACK', 'DEBUG', 'PUT', 'DELETE', 'PATCH']) {
      const {response, bytes} = await world.ask(method, '/api/auth/ok');
      assert.ok([404, 405, 501].includes(response.status), `${method}: ${response.status}`);
      assert.equal(bytes, '');
    }
  });
});

describe('44: the configured base URL is used whatever the client says', () => {
  test('in the redirect to the sign-in page', async () => {
    const headers = {Accept: 'text/html', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document', 'X-Forwarded-Host': 'evil.test', 'X-Forwarded-Proto': 'http', Forwarded: 'host=evil.test'};
    const {response} = await world.ask('GET', '/private/page', {headers});
    assert.ok([302, 303].includes(response.status), `status ${response.status}`);
    const location = new URL(response.fields.get('location'), kOrigin);
    assert.equal(location.origin, kOrigin);
    assert.ok(!response.fields.get('location').includes('evil'));
  });
  test('in the redirect of the plain port', async () => {
    for (const host of ['evil.test', 'gateway.test', 'gateway.test:80', 'GATEWAY.TEST']) {
      const client = await world.gateway.connectPlain('http');
      await client.send(requestText('GET', '/public/x?a=b', {host, headers: {'X-Forwarded-Host': 'evil.test'}}));
      const response = await client.finalResponse();
      client.close();
      assert.ok([308, 400, 421].includes(response.status));
      if (response.status === 308) assert.equal(response.fields.get('location'), `${kOrigin}/public/x?a=b`);
    }
  });
});

describe('45: encoded line ends make no header', () => {
  const noEvil = (response, requests) => {
    assert.ok(!response.fields.list.some(([name]) => /^x-evil|^evil/i.test(name)));
    for (const request of requests) assert.ok(!request.fields.list.some(([name]) => /^x-evil|^evil/i.test(name)));
  };
  for (const encoded of ['%0d%0aX-Evil:%201', '%0aX-Evil:%201', '%0D%0AX-Evil:%201%0D%0A%0D%0A', '%E5%98%8A%E5%98%8DX-Evil:%201', '%250d%250aX-Evil:1', '%5cr%5cnX-Evil:1', '%C4%8D%C4%8AX-Evil:1']) {
    test(encoded, async () => {
      for (const target of [`/public/${encoded}`, `/public/x?next=${encoded}`, `/private/x?next=${encoded}`, `/sign-in?next=${encoded}`, `/api/auth/error?error=${encoded}`, `/api/auth/ok?callbackURL=${encoded}`]) {
        const {response, requests} = await world.ask('GET', target, {headers: {Accept: 'text/html', 'Sec-Fetch-Mode': 'navigate'}});
        noEvil(response, requests);
      }
      const cookies = await world.ask('GET', '/public/cookie', {headers: {Cookie: `a=${encoded}`, Referer: `https://gateway.test/${encoded}`}});
      noEvil(cookies.response, cookies.requests);
      const plain = await world.gateway.connectPlain('http');
      await plain.send(requestText('GET', `/x?${encoded}`));
      noEvil(await plain.finalResponse(), []);
      plain.close();
      const {email, password} = world.ada;
      noEvil(await postJson(world.gateway, '/api/auth/sign-in/email', {email, password, callbackURL: `/x${encoded}`}), []);
      await world.expectHealthy(encoded);
    });
  }
  test('raw line ends in callbackURL', async () => {
    const {email, password} = world.ada;
    for (const callbackURL of ['/x\r\nX-Evil: 1', '/x\nX-Evil: 1', '/x\rX-Evil: 1', '/\r\n\r\n<html>', '\r\nX-Evil: 1', '/x\u0000', '/x\u010d\u010aX-Evil: 1']) {
      const response = await postJson(world.gateway, '/api/auth/sign-in/email', {email, password, callbackURL});
      noEvil(response, []);
      if (/[\r\n\0]/.test(callbackURL)) assert.equal(response.status, 403, printed(callbackURL));
      else assert.ok(!/[^\x20-\x7e]/.test(response.fields.get('location') ?? ''));
    }
  });
});
