// Stores that fail under load, in each way in which they can: what clients are answered meanwhile, counted and printed as one table,
// and that all is well afterwards without a restart. A known session is never answered with 401, an unknown one never with 200, and
// nobody who needs no store notices anything.
import assert from 'node:assert/strict';
import {createHmac, randomBytes} from 'node:crypto';
import {mkdtempSync, rmSync} from 'node:fs';
import http from 'node:http';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after, before, describe, test} from 'node:test';
import {Authority} from './support/certificates.mjs';
import {Gateway, isSanitized} from './support/gateway.mjs';
import {PostgresServer} from './support/postgres.mjs';
import {requestText} from './support/raw.mjs';
import {RedisServer} from './support/redis.mjs';
import {eventually} from './support/servers.mjs';
import {signUp} from './support/session.mjs';
import {SlowLink} from './support/slow_link.mjs';
import {kKey} from './support/world.mjs';

const kSecret = 'a-secret-for-tests-only-0123456789-abcdefghijklmnop';
const kFault = 3_000; // how long a fault lasts
const kRecovery = isSanitized() ? 60_000 : 15_000; // and how soon after it all must be well
const kAnswer = isSanitized() ? 30_000 : 8_000; // and how soon each request is answered meanwhile

const pause = (time) => new Promise((done) => setTimeout(done, time));

function cookieOf(token, secret = kSecret) {
  const signature = createHmac('sha256', secret).update(token).digest('base64');
  return `__Secure-better-auth.session_token=${encodeURIComponent(`${token}.${signature}`)}`;
}

// What is asked all the time, and which answers are right while all stores are well.
const kCallers = [
  {name: 'known session', target: '/app/x', cookie: (user) => user.cookie, well: [200], body: (user) => user.user.id},
  {name: 'unknown session', target: '/app/x', cookie: () => cookieOf(randomBytes(16).toString('hex')), well: [401]},
  {name: 'forged cookie', target: '/app/x', cookie: (user) => cookieOf(user.token, 'x'.repeat(40)), well: [401]},
  {name: 'public route', target: '/open/x', cookie: () => undefined, well: [200], body: () => 'nobody'},
  {name: 'get-session', target: '/api/auth/get-session', cookie: (user) => user.cookie, well: [200], session: true},
];

// Who may be answered 503 while a store fails that decides about sessions.
const kNeedStore = ['known session', 'unknown session', 'get-session'];

function isWrong(caller, user, response, allowed) {
  if (!allowed.includes(response.status)) return true;
  if (response.status === 503) return !response.fields.get('retry-after') || !JSON.parse(response.body).code;
  if (response.status !== 200) return false;
  if (caller.session) return JSON.parse(response.body)?.user?.id !== user.user.id;
  return response.body.toString() !== caller.body(user);
}

// A gateway with its stores, behind links that can be slow.
class World {
  static async start({redis = false, storeInDatabase = true} = {}) {
    const world = new World();
    try {
      await world.#start(redis, storeInDatabase);
      return world;
    } catch (error) {
      await world.remove();
      throw error;
    }
  }

  async #start(redis, storeInDatabase) {
    this.postgres = await PostgresServer.start();
    this.link = await SlowLink.start(this.postgres.port);
    this.upstream = http.createServer((request, response) => response.end(request.headers['x-user-id'] ?? 'nobody'));
    await new Promise((done) => this.upstream.listen(0, '127.0.0.1', done));
    if (redis) await this.#startRedis();
    this.gateway = await Gateway.start({
      upstreams: {app: {servers: [`http://127.0.0.1:${this.upstream.address().port}`], key: kKey}},
      routes: [{path: '/app/**', upstream: 'app'}, {path: '/open/**', upstream: 'app', auth: 'public'}],
      gateway: {
        secret: kSecret,
        database: {url: `postgres://gatehouse@127.0.0.1:${this.link.port}/postgres`, migrate: 'at_start'},
        redis: this.redisUrl,
        auth: {session: {store_in_database: storeInDatabase}},
      },
    });
    await eventually('the gateway is ready', async () => (await this.gateway.internal('/readyz')).status === 200);
    this.user = await signUp(this.gateway);
  }

  async #startRedis() {
    this.directory = mkdtempSync(join(tmpdir(), 'gatehouse-faults-'));
    const authority = new Authority(this.directory);
    const {cert, key} = authority.issue('redis', ['127.0.0.1']);
    this.redis = await RedisServer.start({tls: {cert, key, ca: authority.file}});
    this.redisLink = await SlowLink.start(this.redis.port);
    this.redisUrl = `rediss://127.0.0.1:${this.redisLink.port}/0?ssl_ca_certs=${authority.file}`;
  }

  // On every thread and every connection of its pool: so many at once find those that still wait for their turn to connect. With a
  // sanitizer their handshakes alone take a thread longer than it gives a store to answer.
  async isWell() {
    const checks = Array.from({length: isSanitized() ? 2 : 8}, () => kCallers).flat().map(async (caller) => {
      const cookie = caller.cookie(this.user);
      const response = await this.gateway.request('GET', caller.target, {headers: cookie ? {Cookie: cookie} : {}, patience: kAnswer});
      return !isWrong(caller, this.user, response, caller.well);
    });
    return (await Promise.all(checks)).every(Boolean);
  }

  async remove() {
    try {
      await this.gateway?.stop();
    } finally {
      this.upstream?.close();
      this.upstream?.closeAllConnections();
      this.link?.close();
      this.redisLink?.close();
      await this.postgres?.remove();
      await this.redis?.remove();
      if (this.directory) rmSync(this.directory, {recursive: true, force: true});
    }
  }
}

// Keeps asking until told to stop.
class Load {
  counts = new Map(kCallers.map(({name}) => [name, {answers: 0, wrong: [], duringFault: []}])); // duringFault: statuses
  #world;
  #mayFail; // names of callers
  #going = true;
  #failing = false;
  #healed = false;
  #ended;

  constructor(world, mayFail) {
    this.#world = world;
    this.#mayFail = mayFail;
    this.#ended = Promise.all(kCallers.flatMap((caller) => [this.#run(caller), this.#run(caller)]));
  }

  begin() {
    this.#failing = true;
  }

  // From now on what has failed comes back.
  heal() {
    this.#healed = true;
  }

  async #run(caller) {
    const {gateway, user} = this.#world;
    let client;
    while (this.#going) {
      const failingBefore = this.#failing;
      client = client?.isOpen() ? client : await gateway.connect();
      const cookie = caller.cookie(user);
      await client.send(requestText('GET', caller.target, {headers: cookie ? {Cookie: cookie} : {}}));
      const response = await client.finalResponse('GET', kAnswer);
      const count = this.counts.get(caller.name);
      count.answers++;
      count[response.status] = (count[response.status] ?? 0) + 1;
      if (failingBefore && !this.#healed) count.duringFault.push(response.status);
      const mayFail = (failingBefore || this.#failing) && this.#mayFail.includes(caller.name);
      const allowed = mayFail ? [...caller.well, 503] : caller.well;
      if (isWrong(caller, user, response, allowed)) count.wrong.push(`${response.status} ${response.body.toString().slice(0, 200)}`);
      await pause(2);
    }
    client?.close();
  }

  async stop() {
    this.#going = false;
    await this.#ended;
  }
}

const rows = [];

function printTable() {
  const columns = ['stores', 'fault', 'asked for', 'answers', '200', '401', '503', 'wrong'];
  const widths = columns.map((name, index) => Math.max(name.length, ...rows.map((row) => String(row[index]).length)));
  for (const row of [columns, ...rows]) console.log(row.map((cell, index) => (index < 3 ? String(cell).padEnd(widths[index]) : String(cell).padStart(widths[index]))).join('  '));
}

// unready: /readyz tells it. mayFail: callers that may be answered 503, all who need a store unless it is said. vouched: Redis answers
// for known sessions as long as the fault lasts (when the database is back, it has to say them again).
const postgresFaults = [
  {name: 'PostgreSQL frozen', begin: (world) => world.postgres.freeze(), end: (world) => world.postgres.thaw(), unready: true},
  {name: 'PostgreSQL killed, restarted', begin: (world) => world.postgres.kill(), end: (world) => world.postgres.run(), unready: true},
  {name: 'PostgreSQL stopped, refuses', begin: (world) => world.postgres.stop(), end: (world) => world.postgres.run(), unready: true},
  {name: 'PostgreSQL restarted at once', begin: (world) => world.postgres.stop().then(() => world.postgres.run()), end: () => {}},
  {name: 'PostgreSQL answers after 300 ms', begin: (world) => world.link.slow(300), end: (world) => world.link.heal()},
  {name: 'PostgreSQL answers after 5 s', begin: (world) => world.link.slow(5_000), end: (world) => world.link.heal(), unready: true},
];
const redisFaults = [
  {name: 'Redis frozen', begin: (world) => world.redis.freeze(), end: (world) => world.redis.thaw()},
  {name: 'Redis killed, restarted', begin: (world) => world.redis.kill(), end: (world) => world.redis.run()},
  {name: 'Redis stopped, refuses', begin: (world) => world.redis.stop(), end: (world) => world.redis.run()},
  {name: 'Redis restarted at once', begin: (world) => world.redis.stop().then(() => world.redis.run()), end: () => {}},
  {name: 'Redis answers after 20 ms', begin: (world) => world.redisLink.slow(20), end: (world) => world.redisLink.heal()},
  {name: 'Redis answers after 300 ms', begin: (world) => world.redisLink.slow(300), end: (world) => world.redisLink.heal()},
  {name: 'Redis answers after 5 s', begin: (world) => world.redisLink.slow(5_000), end: (world) => world.redisLink.heal()},
];
const both = {
  name: 'both killed, restarted',
  begin: (world) => Promise.all([world.postgres.kill(), world.redis.kill()]),
  end: (world) => Promise.all([world.postgres.run(), world.redis.run()]),
  unready: true,
};
const named = (faults, ...words) => faults.filter(({name}) => words.some((word) => name.includes(word)));

const kSetups = [
  {stores: 'PostgreSQL', settings: {}, faults: postgresFaults},
  {
    stores: 'PostgreSQL and Redis',
    settings: {redis: true},
    // Nobody notices that Redis alone fails.
    faults: [...redisFaults.map((fault) => ({...fault, mayFail: []})), ...named(postgresFaults, 'frozen', 'killed', 'after 5 s').map((fault) => ({...fault, vouched: true})), both],
  },
  {
    stores: 'Redis alone for sessions',
    settings: {redis: true, storeInDatabase: false},
    faults: [...named(redisFaults, 'frozen', 'after 5 s').map((fault) => ({...fault, unready: true})), ...named(redisFaults, 'after 20 ms')],
  },
];

after(printTable);

for (const {stores, settings, faults} of kSetups) {
  describe(stores, () => {
    let world;
    before(async () => {
      world = await World.start(settings);
    });
    after(() => world?.remove());

    for (const fault of faults) {
      test(`${fault.name}: right answers or 503, and well again afterwards`, {timeout: 240_000}, async () => {
        await eventually('all is well before', () => world.isWell(), kRecovery);
        const load = new Load(world, fault.mayFail ?? kNeedStore);
        let failing = false;
        try {
          await pause(300);
          load.begin();
          failing = true;
          await fault.begin(world);
          await pause(kFault);
          if (fault.unready) {
            await eventually('it is told that the gateway is not ready', async () => (await world.gateway.internal('/readyz')).status === 503);
            assert.equal((await world.gateway.internal('/livez')).status, 200, 'alive without a store');
          }
          failing = false;
          load.heal();
          await fault.end(world);
          await eventually('all is well again', () => world.isWell(), kRecovery);
        } finally {
          if (failing) await fault.end(world);
          await load.stop();
        }
        for (const [name, count] of load.counts) {
          rows.push([stores, fault.name, name, count.answers, count[200] ?? 0, count[401] ?? 0, count[503] ?? 0, count.wrong.length]);
          assert.deepEqual(count.wrong.slice(0, 3), [], `${stores}, ${fault.name}: ${name}`);
        }
        const known = load.counts.get('known session').duringFault;
        const vouched = known.filter((status) => status === 200).length;
        if (fault.vouched && !isSanitized()) assert.ok(vouched >= 0.9 * known.length, `Redis answered for ${vouched} of ${known.length}`);
        if (fault.unready) assert.ok(load.counts.get('unknown session')[503] > 0, 'the fault was felt');
      });
    }

    test('one line in the log for each change of state, not one for each request', () => {
      const lines = world.gateway.stderr.split('\n').filter((line) => /database|redis/i.test(line));
      assert.ok(lines.length <= 12 * faults.length, `${lines.length} lines about stores:\n${lines.slice(0, 40).join('\n')}`);
    });
  });
}
