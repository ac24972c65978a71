// Start, reload and end of the process (threats L).
import assert from 'node:assert/strict';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after, before, describe, test} from 'node:test';
import {Gateway, merge, runCommand} from './support/gateway.mjs';
import {requestText} from './support/raw.mjs';
import {answer} from './support/upstream.mjs';
import {World, kKey, kRoutes} from './support/world.mjs';

// An upstream that answers '/public/slow…' when the test says so.
function gated() {
  const waiting = [];
  return {
    waiting,
    respond: async (received, wire) => {
      const whole = await received.complete;
      if (whole.target.startsWith('/public/slow')) await new Promise((resolve) => waiting.push(resolve));
      wire.write(answer(200, `${whole.method} ${whole.target}`));
    },
  };
}

describe('121: SIGTERM', () => {
  test('requests in flight finish, new connections are refused, kept-alive ones are told to close, exit 0', async () => {
    const gate = gated();
    const world = await World.start({respond: gate.respond, gateway: {limits: {drain: '10s'}}});
    try {
      const idle = await world.gateway.connect();
      await idle.send(requestText('GET', '/public/idle'));
      await idle.finalResponse();
      const clients = await Promise.all(Array.from({length: 10}, () => world.gateway.connect()));
      for (const [index, client] of clients.entries()) await client.send(requestText('GET', `/public/slow-${index}`));
      await world.upstream.until(() => gate.waiting.length === 10);
      world.gateway.signal('SIGTERM');
      await idle.untilClosed();
      await world.gateway.until(() => refusesConnections(world.gateway), 'refusal of new connections');
      assert.ok(world.gateway.running);
      for (const release of gate.waiting) release();
      for (const [index, client] of clients.entries()) {
        const response = await client.finalResponse();
        assert.equal(response.body.toString(), `GET /public/slow-${index}`);
        assert.equal(response.fields.get('connection')?.toLowerCase(), 'close');
      }
      assert.deepEqual(await world.gateway.ended(), {code: 0, signal: null});
    } finally {
      await world.stop();
    }
  });

  // Asynchronous facts for a synchronous poll: the outcome of the last attempt.
  const attempts = new WeakMap();
  function refusesConnections(gateway) {
    gateway.connectPlain('https').then(
      (client) => client.close(),
      () => attempts.set(gateway, true),
    );
    return attempts.get(gateway);
  }

  test('/readyz says no before the end, /livez says yes', async () => {
    const gate = gated();
    const world = await World.start({respond: gate.respond, gateway: {limits: {drain: '10s'}}});
    try {
      const client = await world.gateway.connect();
      await client.send(requestText('GET', '/public/slow'));
      await world.upstream.until(() => gate.waiting.length === 1);
      assert.equal((await world.gateway.internal('/readyz')).status, 200);
      world.gateway.signal('SIGTERM');
      for (let status = 200, attempt = 0; status !== 503; ++attempt) {
        assert.ok(attempt < 100, 'ready all the time');
        status = (await world.gateway.internal('/readyz')).status;
      }
      assert.equal((await world.gateway.internal('/livez')).status, 200);
      gate.waiting[0]();
      assert.equal((await client.finalResponse()).status, 200);
      assert.deepEqual(await world.gateway.ended(), {code: 0, signal: null});
    } finally {
      await world.stop();
    }
  });

  test('what does not finish by the drain time is cut, and the exit is still clean', async () => {
    const gate = gated();
    const world = await World.start({respond: gate.respond, gateway: {limits: {drain: '1s'}}});
    try {
      const client = await world.gateway.connect();
      await client.send(requestText('GET', '/public/slow'));
      await world.upstream.until(() => gate.waiting.length === 1);
      const start = Date.now();
      world.gateway.signal('SIGTERM');
      assert.deepEqual(await world.gateway.ended(), {code: 0, signal: null});
      assert.ok(Date.now() - start > 800);
      const {responses} = await client.untilClosed();
      for (const response of responses) assert.ok(response.status >= 500);
    } finally {
      await world.stop();
    }
  });

  test('under load no answer is cut', async () => {
    const world = await World.start({gateway: {limits: {drain: '10s'}}});
    try {
      let answered = 0;
      const broken = [];
      const load = Array.from({length: 20}, async (_, lane) => {
        const client = await world.gateway.connect();
        for (let index = 0; ; ++index) {
          const target = `/public/${lane}-${index}`;
          await client.send(requestText('GET', target));
          let response;
          try {
            response = await client.finalResponse();
          } catch {
            // Between two requests the connection may end; within an answer it may not.
            if (client.received.length > 0) broken.push(client.received.toString());
            return;
          }
          if (response.body.toString() !== `GET ${target}`) broken.push(`${target}: ${response.status} ${response.body}`);
          ++answered;
          if (response.fields.get('connection')?.toLowerCase() === 'close') return;
        }
      });
      await world.upstream.until(() => answered > 100);
      world.gateway.signal('SIGTERM');
      await Promise.all(load);
      assert.deepEqual(broken, []);
      assert.deepEqual(await world.gateway.ended(), {code: 0, signal: null});
    } finally {
      await world.stop();
    }
  });

  test('SIGINT ends it as well', async () => {
    const world = await World.start();
    try {
      world.gateway.signal('SIGINT');
      assert.deepEqual(await world.gateway.ended(), {code: 0, signal: null});
    } finally {
      await world.stop();
    }
  });
});

describe('122 and 123: reload', () => {
  let world;
  before(async () => {
    world = await World.start({tests: [{request: 'GET /private/x', as: 'anonymous', expect: 401}]});
  });
  after(() => world?.stop());

  const withRoutes = (routes, extra = {}) => merge(world.gateway.configuration, {routes, ...extra});
  const reload = async (configuration, seen) => {
    const start = world.gateway.stderr.length;
    world.gateway.writeConfiguration(configuration);
    world.gateway.signal('SIGHUP');
    await world.gateway.until(() => seen.test(world.gateway.stderr.slice(start)), `${seen} in the log`);
    return world.gateway.stderr.slice(start);
  };

  for (const [name, spoil, mentions] of [
    ['an unknown key', () => withRoutes([...kRoutes, {path: '/new/**', upstreem: 'orders', auth: 'public'}]), /upstreem/],
    ['an unknown upstream', () => withRoutes([...kRoutes, {path: '/new/**', upstream: 'nobody', auth: 'public'}]), /nobody/],
    ['text that is no YAML', () => 'routes: [\n  {', /routes\.yaml:\d+/],
    ['an empty file', () => '', /routes\.yaml|version|routes/],
    ['two routes of one pattern', () => withRoutes([...kRoutes, {path: '/public/**', upstream: 'orders', auth: 'public'}]), /public/],
    ['a failing row of tests', () => merge(withRoutes([...kRoutes, {path: '/new/**', upstream: 'orders', auth: 'public'}]), {tests: [{request: 'GET /private/x', as: 'anonymous', expect: 'orders'}]}), /tests/],
  ]) {
    test(`122: ${name} keeps the old configuration and is told with its place`, async () => {
      const log = await reload(spoil(), mentions);
      assert.match(log, /"level":"(error|err|warning)"/);
      assert.equal((await world.gateway.request('GET', '/new/x')).status, 404);
      assert.equal((await world.gateway.internal('/readyz')).status, 200);
      await world.expectHealthy(name);
    });
  }

  test('123: a good file is taken over without a dropped connection', async () => {
    const client = await world.gateway.connect();
    await client.send(requestText('GET', '/new/x'));
    assert.equal((await client.finalResponse()).status, 404);
    await reload(withRoutes([...kRoutes, {path: '/new/**', upstream: 'orders', auth: 'public'}]), /reload/i);
    await client.send(requestText('GET', '/new/x'));
    assert.equal((await client.finalResponse()).status, 200);
    client.close();
    await reload(withRoutes(kRoutes.filter((route) => route.path !== '/optional/**')), /reload/i);
    assert.equal((await world.gateway.request('GET', '/new/x')).status, 404);
    assert.equal((await world.gateway.request('GET', '/optional/x')).status, 404);
  });

  test('123: a changed file is noticed without a signal', async () => {
    world.gateway.writeConfiguration(withRoutes([...kRoutes, {path: '/noticed/**', upstream: 'orders', auth: 'public'}]));
    for (let attempt = 0; (await world.gateway.request('GET', '/noticed/x')).status !== 200; ++attempt) {
      assert.ok(attempt < 100, 'never noticed');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  });
});

test('123: a file that changes while the gateway starts is noticed', async () => {
  const routes = [...kRoutes, {path: '/early/**', upstream: 'orders', auth: 'public'}];
  const world = await World.start({whileStarting: (gateway) => gateway.writeConfiguration(merge(gateway.configuration, {routes}))});
  try {
    await world.gateway.until(() => /configuration reloaded/.test(world.gateway.stderr), 'reload');
    assert.equal((await world.gateway.request('GET', '/early/x')).status, 200);
  } finally {
    await world.stop();
  }
});

test('122 and 123: reloads under load drop no request and no connection, whether the file is good or broken', async () => {
  const world = await World.start();
  const open = [];
  try {
    await world.signUpTwo();
    const switched = (on) => merge(world.gateway.configuration, {routes: on ? [...kRoutes, {path: '/switched/**', upstream: 'orders', auth: 'public'}] : kRoutes});
    const wrong = [];
    let ended = false;
    let answered = 0;
    const seen = new Map();
    const judge = (target, response, allowed) => {
      ++answered;
      seen.set(response.status, (seen.get(response.status) ?? 0) + 1);
      if (!allowed.includes(response.status)) wrong.push(`${target}: ${response.status}`);
      else if (response.status === 200 && response.body.toString() !== `GET ${target}`) wrong.push(`${target}: ${response.body}`);
    };
    // On one connection from the first reload to the last: it must not be closed.
    const kept = Array.from({length: 6}, async (_, lane) => {
      const client = await world.gateway.connect();
      open.push(client);
      for (let index = 0; !ended; ++index) {
        const [target, headers, allowed] = [
          [`/public/${lane}-${index}`, {}, [200]],
          [`/private/${lane}-${index}`, {Cookie: world.ada.cookie}, [200]],
          [`/switched/${lane}-${index}`, {}, [200, 404]],
        ][index % 3];
        await client.send(requestText('GET', target, {headers}));
        judge(target, await client.finalResponse(), allowed);
      }
    });
    const fresh = Array.from({length: 2}, async (_, lane) => {
      for (let index = 0; !ended; ++index) {
        const target = `/public/fresh-${lane}-${index}`;
        judge(target, await world.gateway.request('GET', target), [200]);
      }
    });
    const load = Promise.all([...kept, ...fresh]).catch((error) => wrong.push(error.message));
    for (let index = 0; index < 40; ++index) {
      const start = world.gateway.stderr.length;
      const broken = index % 8 === 7;
      world.gateway.writeConfiguration(broken ? 'routes: [\n  {' : switched(index % 2 === 0));
      world.gateway.signal('SIGHUP');
      const before = answered;
      await world.gateway.until(() => (broken ? /stays as it was/ : /configuration reloaded/).test(world.gateway.stderr.slice(start)), 'reload');
      await world.gateway.until(() => wrong.length > 0 || answered > before + 10, 'requests between two reloads');
    }
    ended = true;
    await load;
    assert.deepEqual(wrong, []);
    assert.ok(seen.get(200) > 100 && seen.get(404) > 0, 'both configurations were seen');
  } finally {
    for (const client of open) client.close();
    await world.stop();
  }
});

describe('124: a bad configuration is refused at start', {concurrency: 2}, () => {
  let directory;
  let base;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'gatehouse-start-'));
    const upstreams = {orders: {servers: ['http://127.0.0.1:9'], key: kKey}};
    base = new Gateway({routes: kRoutes, upstreams});
  });
  after(() => {
    rmSync(directory, {recursive: true, force: true});
    rmSync(base.directory, {recursive: true, force: true});
  });

  let fileCount = 0;
  const run = async (configuration, env) => {
    const file = join(directory, `routes-${++fileCount}.yaml`);
    writeFileSync(file, typeof configuration === 'string' ? configuration : JSON.stringify(configuration, null, 1));
    return runCommand(['run', '--config', file], {env, cwd: directory});
  };
  const gateway = (settings) => merge(base.configuration, {gateway: settings});

  const table = {
    'an unknown key': [() => gateway({lissten: {}}), /lissten/],
    'an unknown key with a near one': [() => merge(base.configuration, {routes: [{path: '/a/**', upstream: 'orders', require: {rol: ['admin']}}]}), /did you mean.*role/],
    'no secret': [() => gateway({secret: undefined}), /secret/i],
    'a weak secret': [() => gateway({secret: 'too-short'}), /secret.*32|32.*secret/is],
    'no base_url': [() => gateway({base_url: undefined}), /base_url/],
    'no key of an upstream': [() => merge(base.configuration, {upstreams: {orders: {key: undefined}}}), /key/],
    'no certificate': [() => gateway({tls: undefined}), /tls|cert/],
    'an unreadable certificate': [() => gateway({tls: [{cert: '/nonexistent/cert.pem', key: '/nonexistent/key.pem'}]}), /nonexistent/],
    'an unset environment name': [() => gateway({secret: '${env:NO_SUCH_NAME}'}), /NO_SUCH_NAME/],
    'a missing secret file': [() => gateway({secret: '${file:/nonexistent/secret}'}), /nonexistent/],
    'a public route with require': [() => merge(base.configuration, {routes: [{path: '/a/**', upstream: 'orders', auth: 'public', require: {role: ['admin']}}]}), /require/],
    'a public root': [() => merge(base.configuration, {routes: [{path: '/**', upstream: 'orders', auth: 'public'}]}), /insecure_public_root/],
    'public by default': [() => merge(base.configuration, {defaults: {auth: 'public'}}), /auth/],
    'two upstreams and one key': [
      () => merge(base.configuration, {upstreams: {orders: {servers: ['http://127.0.0.1:9'], key: undefined}, web: {servers: ['http://127.0.0.1:9']}}}),
      /key/,
      {INTERNAL_API_KEY: kKey},
    ],
    'equal routes': [() => merge(base.configuration, {routes: [...kRoutes, kRoutes[0]]}), /public/],
    'a duration without a unit': [() => merge(base.configuration, {defaults: {timeout: {connect: 2}}}), /connect/],
    'a duplicate key': ['version: 1\nversion: 1\nroutes: []\n', /version/],
    'an anchor': ['version: 1\nroutes: &a []\n', /anchor/i],
    'a tag': ['version: !!int 1\nroutes: []\n', /tag/i],
    'several documents': ['version: 1\n---\nversion: 1\n', /document/i],
    'a turnstile without its key': [() => merge(base.configuration, {routes: [{path: '/a/**', upstream: 'orders', turnstile: 'always'}]}), /turnstile: needs gateway.turnstile.secret_key/],
  };
  for (const [name, [configuration, mentions, env]] of Object.entries(table)) {
    test(name, async () => {
      const {code, stdout, stderr} = await run(typeof configuration === 'string' ? configuration : configuration(), env);
      assert.ok(Number.isInteger(code) && code !== 0 && code < 90, `exit ${code}`);
      assert.match(stdout + stderr, mentions);
      if (name !== 'an unreadable certificate') assert.match(stderr, /routes-\d+\.yaml:\d+:\d+/);
      assert.ok(!(stdout + stderr).includes(kKey), 'the key is told');
    });
  }
  test('all errors are told at once', async () => {
    const broken = merge(base.configuration, {gateway: {lissten: {}}, routes: [{path: 'no-slash', upstream: 'nobody'}, {path: '/a/**', upstream: 'orders', methodds: ['GET']}]});
    const {stderr} = await run(broken);
    for (const mention of [/lissten/, /no-slash/, /nobody/, /methodds/]) assert.match(stderr, mention);
  });
  test('a missing file', async () => {
    const {code, stderr} = await runCommand(['run', '--config', join(directory, 'absent.yaml')]);
    assert.notEqual(code, 0);
    assert.match(stderr, /absent\.yaml/);
  });
});
