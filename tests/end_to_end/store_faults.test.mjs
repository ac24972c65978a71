// A store that fails under load, in each way in which it can: what clients are answered meanwhile, counted, and that all is well
// afterwards without a restart. A known session is never answered with 401, an unknown one never with 200, and nobody who needs no
// store notices anything.
import assert from 'node:assert/strict';
import {createHmac, randomBytes} from 'node:crypto';
import http from 'node:http';
import {after, before, test} from 'node:test';
import {Gateway} from './support/gateway.mjs';
import {PostgresServer} from './support/postgres.mjs';
import {requestText} from './support/raw.mjs';
import {eventually} from './support/servers.mjs';
import {signUp} from './support/session.mjs';
import {SlowLink} from './support/slow_link.mjs';
import {kKey} from './support/world.mjs';

const kSecret = 'a-secret-for-tests-only-0123456789-abcdefghijklmnop';
const kFault = 3_000; // how long a fault lasts
const kRecovery = 15_000; // and how soon after it all must be well

const pause = (time) => new Promise((done) => setTimeout(done, time));

let postgres;
let link;
let upstream;
let gateway;
let ada;

before(async () => {
  postgres = await PostgresServer.start();
  link = await SlowLink.start(postgres.port);
  upstream = http.createServer((request, response) => response.end(request.headers['x-user-id'] ?? 'nobody'));
  await new Promise((done) => upstream.listen(0, '127.0.0.1', done));
  gateway = await Gateway.start({
    upstreams: {app: {servers: [`http://127.0.0.1:${upstream.address().port}`], key: kKey}},
    routes: [{path: '/app/**', upstream: 'app'}, {path: '/open/**', upstream: 'app', auth: 'public'}],
    gateway: {secret: kSecret, database: {url: `postgres://gatehouse@127.0.0.1:${link.port}/postgres`, migrate: 'at_start'}},
  });
  ada = await signUp(gateway);
});
after(async () => {
  await gateway?.stop();
  upstream?.close();
  upstream?.closeAllConnections();
  link?.close();
  await postgres?.remove();
});

function cookieOf(token, secret = kSecret) {
  const signature = createHmac('sha256', secret).update(token).digest('base64');
  return `__Secure-better-auth.session_token=${encodeURIComponent(`${token}.${signature}`)}`;
}

// What is asked all the time, and which answers are right: while the store is well, and while it fails.
const kCallers = [
  {name: 'known session', target: '/app/x', cookie: () => ada.cookie, well: [200], failing: [200, 503], body: () => ada.user.id},
  {name: 'unknown session', target: '/app/x', cookie: () => cookieOf(randomBytes(16).toString('hex')), well: [401], failing: [401, 503]},
  {name: 'forged cookie', target: '/app/x', cookie: () => cookieOf(ada.token, 'x'.repeat(40)), well: [401], failing: [401]},
  {name: 'public route', target: '/open/x', cookie: () => undefined, well: [200], failing: [200], body: () => 'nobody'},
  {name: 'get-session', target: '/api/auth/get-session', cookie: () => ada.cookie, well: [200], failing: [200, 503], body: () => undefined, session: true},
];

async function ask(client, caller) {
  const cookie = caller.cookie();
  await client.send(requestText('GET', caller.target, {headers: cookie ? {Cookie: cookie} : {}}));
  return client.finalResponse('GET', 8_000);
}

function isWrong(caller, response, allowed) {
  if (!allowed.includes(response.status)) return true;
  if (response.status === 503) return !response.fields.get('retry-after') || !JSON.parse(response.body).code;
  if (response.status !== 200) return false;
  if (caller.session) return JSON.parse(response.body)?.user?.id !== ada.user.id;
  return response.body.toString() !== caller.body();
}

// Keeps asking until told to stop.
class Load {
  counts = new Map(kCallers.map(({name}) => [name, {answers: 0, wrong: []}]));
  #going = true;
  #failing = false;

  constructor() {
    this.#ended = Promise.all(kCallers.flatMap((caller) => [this.#run(caller), this.#run(caller)]));
  }
  #ended;

  begin() {
    this.#failing = true;
  }

  async #run(caller) {
    let client;
    while (this.#going) {
      const failingBefore = this.#failing;
      client = client?.isOpen() ? client : await gateway.connect();
      const response = await ask(client, caller);
      const count = this.counts.get(caller.name);
      count.answers++;
      count[response.status] = (count[response.status] ?? 0) + 1;
      const allowed = failingBefore || this.#failing ? caller.failing : caller.well;
      if (isWrong(caller, response, allowed)) count.wrong.push(`${response.status} ${response.body.toString().slice(0, 200)}`);
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
  const columns = ['fault', 'asked for', 'answers', '200', '401', '503', 'wrong'];
  const widths = columns.map((name, index) => Math.max(name.length, ...rows.map((row) => String(row[index]).length)));
  for (const row of [columns, ...rows]) console.log(row.map((cell, index) => (index < 2 ? String(cell).padEnd(widths[index]) : String(cell).padStart(widths[index]))).join('  '));
}

// On every thread and every connection of its pool: so many at once find those that still wait for their turn to connect.
async function isWell() {
  const checks = Array.from({length: 8}, () => kCallers).flat().map(async (caller) => {
    const cookie = caller.cookie();
    const response = await gateway.request('GET', caller.target, {headers: cookie ? {Cookie: cookie} : {}, patience: 8_000});
    return !isWrong(caller, response, caller.well);
  });
  return (await Promise.all(checks)).every(Boolean);
}

const kFaults = [
  {name: 'PostgreSQL frozen', begin: () => postgres.freeze(), end: () => postgres.thaw(), stops: true},
  {name: 'PostgreSQL killed, restarted', begin: () => postgres.kill(), end: () => postgres.run(), stops: true},
  {name: 'PostgreSQL stopped, refuses', begin: () => postgres.stop(), end: () => postgres.run(), stops: true},
  {name: 'PostgreSQL restarted at once', begin: () => postgres.stop().then(() => postgres.run()), end: () => {}},
  {name: 'PostgreSQL answers after 300 ms', begin: () => link.slow(300), end: () => link.heal()},
  {name: 'PostgreSQL answers after 5 s', begin: () => link.slow(5_000), end: () => link.heal(), stops: true},
];

for (const fault of kFaults) {
  test(`${fault.name}: right answers or 503, and well again afterwards`, {timeout: 90_000}, async () => {
    await eventually('all is well before', isWell);
    const load = new Load();
    let failing = false;
    try {
      await pause(300);
      load.begin();
      failing = true;
      await fault.begin();
      await pause(kFault);
      if (fault.stops) {
        await eventually('it is told that the gateway is not ready', async () => (await gateway.internal('/readyz')).status === 503);
        assert.equal((await gateway.internal('/livez')).status, 200, 'alive without a store');
      }
      failing = false;
      await fault.end();
      await eventually('all is well again', isWell, kRecovery);
    } finally {
      if (failing) await fault.end();
      await load.stop();
    }
    for (const [name, count] of load.counts) {
      rows.push([fault.name, name, count.answers, count[200] ?? 0, count[401] ?? 0, count[503] ?? 0, count.wrong.length]);
      assert.deepEqual(count.wrong.slice(0, 3), [], `${fault.name}: ${name}`);
    }
    if (fault.stops) assert.ok(load.counts.get('unknown session')[503] > 0, 'the fault was felt');
  });
}

test('one line in the log for each change of state, not one for each request', () => {
  printTable();
  const lines = gateway.stderr.split('\n').filter((line) => /database/i.test(line));
  assert.ok(lines.length <= 12 * kFaults.length, `${lines.length} lines about the database:\n${lines.slice(0, 40).join('\n')}`);
});
