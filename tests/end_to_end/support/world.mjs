// The usual set-up of the threat tests: one gateway before one recording upstream, with a public, an optional and a protected
// route, two signed-in users, and the judgements that many tests share.
import assert from 'node:assert/strict';
import {Gateway, merge} from './gateway.mjs';
import {foldName} from './http_message.mjs';
import {requestText} from './raw.mjs';
import {signUp} from './session.mjs';
import {Upstream} from './upstream.mjs';

export const kKey = 'upstream-key-0123456789-abcdefghijklmnopqrstuvwxyz';

export const kIdentityNames = [
  'X-User-ID',
  'X-User-Email',
  'X-User-Name',
  'X-User-Role',
  'X-Session-ID',
  'X-Organization-ID',
  'X-Organization-Role',
];

// Every name that only the gateway may set.
export const kInjectedNames = [
  'Authorization',
  ...kIdentityNames,
  'X-Request-ID',
  'X-Forwarded-For',
  'X-Forwarded-Proto',
  'X-Forwarded-Host',
  'X-Forwarded-Port',
  'X-Forwarded-Prefix',
  'X-Forwarded-Server',
  'X-Forwarded-User',
  'X-Forwarded-Anything',
  'X-Real-IP',
  'Forwarded',
  'X-Gatehouse-Assertion',
];

export const kRoutes = [
  {path: '/public/**', upstream: 'orders', auth: 'public'},
  {path: '/optional/**', upstream: 'orders', auth: 'optional'},
  {path: '/private/**', upstream: 'orders'},
  {path: '/open/*', upstream: 'orders', auth: 'public'},
  {path: '/posts/**', upstream: 'orders', auth: 'public', methods: ['POST']},
];

export class World {
  // settings: as Gateway.start, with `respond` for the upstream; `upstreams` may be a function of the recording upstream's URL.
  static async start({respond, ...settings} = {}) {
    const world = new World();
    world.upstream = await Upstream.start(respond);
    const {routes = kRoutes, upstreams = {}, ...rest} = settings;
    try {
      world.gateway = await Gateway.start({
        routes,
        upstreams: merge(
          {orders: {servers: [world.upstream.url], key: kKey}},
          typeof upstreams === 'function' ? upstreams(world.upstream.url) : upstreams,
        ),
        ...rest,
      });
    } catch (error) {
      await world.upstream.stop();
      throw error;
    }
    return world;
  }

  async signUpTwo() {
    this.ada = await signUp(this.gateway, {name: 'Ada Lovelace'});
    this.bob = await signUp(this.gateway, {name: 'Bob Bemer'});
  }

  async stop() {
    try {
      await this.gateway?.stop();
    } finally {
      await this.upstream?.stop();
    }
  }

  // Sends one request and gives what came of it on both sides: {response, requests, bytes}.
  async ask(method, target, options = {}) {
    const mark = this.upstream.mark();
    const headers = [...(Array.isArray(options.headers) ? options.headers : Object.entries(options.headers ?? {}))];
    if (options.as) headers.push(['Cookie', options.as.cookie]);
    const response = await this.gateway.request(method, target, {...options, headers});
    return {response, requests: mark.requests(), bytes: mark.bytes().toString('latin1')};
  }

  // The one request that reached the upstream.
  async askOnce(method, target, options) {
    const result = await this.ask(method, target, options);
    assert.equal(result.requests.length, 1, `requests at the upstream; answer ${result.response.status} ${result.response.body}`);
    return {...result, request: result.requests[0]};
  }

  // A fresh client gets the answer to its own request (31), and nothing malformed ever reached the upstream.
  async expectHealthy(context = '') {
    const target = `/public/fresh-${++this.freshCount}`;
    const response = await this.gateway.request('GET', target);
    assert.equal(response.status, 200, `fresh client after ${context}`);
    assert.equal(response.body.toString(), `GET ${target}`, `fresh client after ${context}`);
    assert.deepEqual(this.upstream.malformed(), [], `malformed at the upstream after ${context}`);
  }
  freshCount = 0;

  // Sends bytes, followed by a whole request that nobody may read, and expects one refusal and a closed connection; no request is
  // completed at the upstream, and where `nothing` is true not one byte reaches it.
  async expectRefused(bytes, {status = [400], nothing = true, mayStaySilent = false, context, tail, slowly = false} = {}) {
    const label = context ?? JSON.stringify(Buffer.from(bytes, 'latin1').toString('latin1').slice(0, 200));
    const mark = this.upstream.mark();
    const client = await this.gateway.connect();
    try {
      if (slowly) await client.sendByteByByte(bytes);
      else await client.send(bytes);
      await client.send(tail ?? requestText('GET', '/public/smuggled'));
      const {responses, rest} = await client.untilClosed();
      assert.equal(rest.length, 0, `${label}: rest of an answer`);
      if (!(mayStaySilent && responses.length === 0)) {
        assert.equal(responses.length, 1, `${label}: answers ${responses.map((response) => response.status)}`);
        assert.ok(status.includes(responses[0].status), `${label}: status ${responses[0].status}, expected ${status}`);
      }
      assert.deepEqual(mark.requests().map((request) => request.target), [], `${label}: reached the upstream`);
      if (nothing) assert.equal(mark.bytes().toString('latin1'), '', `${label}: bytes at the upstream`);
    } finally {
      client.close();
    }
    await this.expectHealthy(label);
  }

  // Either refused as above, or understood in the one harmless way: `check` judges the single request at the upstream.
  async expectRefusedOrOne(bytes, {status = [400], check, context, closes = true} = {}) {
    const label = context ?? JSON.stringify(Buffer.from(bytes, 'latin1').toString('latin1').slice(0, 200));
    const mark = this.upstream.mark();
    const client = await this.gateway.connect();
    try {
      await client.send(bytes);
      const first = await client.finalResponse();
      if (first.status !== 200) {
        assert.ok(status.includes(first.status), `${label}: status ${first.status}, expected 200 or ${status}`);
        assert.deepEqual(mark.requests(), [], `${label}: refused, but reached the upstream`);
      } else {
        assert.equal(mark.requests().length, 1, `${label}: requests at the upstream`);
        check?.(mark.requests()[0], first);
      }
      if (closes || first.status !== 200) {
        await client.send(requestText('GET', '/public/smuggled'));
        const {responses} = await client.untilClosed();
        assert.deepEqual(responses.map((response) => response.status), [], `${label}: a second answer`);
        assert.ok(mark.requests().length <= 1, `${label}: a second request at the upstream`);
      }
    } finally {
      client.close();
    }
    await this.expectHealthy(label);
  }
}

// Every field of an upstream request whose name folds to an injected one must be written in the gateway's own spelling, once.
export function expectOnlyGatewayValues(request, canary = 'evil') {
  const seen = new Map();
  for (const [name, value] of [...request.fields.list, ...request.trailers.list]) {
    assert.ok(!`${name}: ${value}`.toLowerCase().includes(canary), `the client's ${name}: ${value} reached the upstream`);
    const folded = foldName(name);
    const injected = kInjectedNames.find((candidate) => foldName(candidate) === folded);
    if (!injected) continue;
    assert.equal(name.toLowerCase(), injected.toLowerCase(), 'a look-alike name reached the upstream');
    assert.ok(!seen.has(folded), `${name} reached the upstream twice`);
    seen.set(folded, value);
  }
}

// What a protected upstream must see for a signed-in user.
export function expectIdentity(request, session) {
  assert.equal(request.fields.get('authorization'), `Bearer ${kKey}`);
  assert.equal(request.fields.get('x-user-id'), session.user.id);
  assert.equal(request.fields.get('x-user-email'), session.email);
  assert.ok(request.fields.get('x-session-id'), 'X-Session-ID');
  assert.ok(request.fields.get('x-request-id'), 'X-Request-ID');
  assert.ok(request.fields.get('x-gatehouse-assertion'), 'X-Gatehouse-Assertion');
  assert.equal(request.fields.all('x-user-id').length, 1);
}

export function expectNoIdentity(request) {
  for (const name of kIdentityNames) assert.deepEqual(request.fields.all(name), [], name);
}
