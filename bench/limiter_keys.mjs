// Memory under a million distinct limiter keys: requests that a trusted proxy passes on for a million different addresses, twice: half of
// them to a route with a limit by address, half to an auth endpoint, which has counts of its own besides. One address that has used up
// its limit before is still refused after them.
import net from 'node:net';
import {Gateway, kHost} from '../tests/end_to_end/support/gateway.mjs';
import {printTable, runCommand} from './support/command.mjs';
import {kKey} from './support/upstreams.mjs';

const kUsage = `limiter_keys.mjs [--keys N]

  --keys N   distinct addresses of each of the two rounds (1000000)
Ends 1 when memory grows by more than 16 MiB in the first round or by more than 4 MiB in the second, or when an address that is over
its limit is forgotten.`;

const kConnections = 4;
const kPipelined = 64;
const kMebi = 2 ** 20;
const kLimit = 50;
const kHeavy = '203.0.113.7';

// Nobody is signed in, so that no request reaches the upstream: what counts is done before.
const kRoutes = [{path: '/limited/**', upstream: 'nobody', rate_limit: {limit: kLimit, window: '1h', by: ['ip']}}];
const kTargets = ['/limited/x', '/api/auth/ok'];

const addressOf = (key) => `${10 + (key >> 24)}.${(key >> 16) & 255}.${(key >> 8) & 255}.${key & 255}`;
const requestOf = (target, address) => `GET ${target} HTTP/1.1\r\nHost: ${kHost}\r\nX-Forwarded-For: ${address}\r\n\r\n`;

// Sends the requests in groups over one connection; → how many answers had which status.
async function send(port, requests) {
  const socket = net.connect({host: '127.0.0.1', port, noDelay: true});
  const statuses = new Map();
  let wake;
  let rest = '';
  let answered = 0;
  socket.setEncoding('latin1');
  socket.on('data', (text) => {
    const whole = rest + text;
    const marks = [...whole.matchAll(/HTTP\/1\.1 (\d{3}) /g)];
    for (const [, status] of marks) statuses.set(status, (statuses.get(status) ?? 0) + 1);
    answered += marks.length;
    const last = marks.at(-1);
    rest = last ? whole.slice(last.index + last[0].length).slice(-16) : whole.slice(-16);
    wake?.();
  });
  socket.on('close', () => ((socket.gone = true), wake?.()));
  socket.on('error', () => {});
  let sent = 0;
  for (let group = requests.next(); !group.done; group = requests.next()) {
    socket.write(group.value.join(''));
    sent += group.value.length;
    while (answered < sent && !socket.gone) await new Promise((done) => (wake = done));
    if (answered < sent) throw new Error(`the gateway closed a connection after ${answered} answers`);
  }
  socket.destroy();
  return statuses;
}

function* groupsOf(from, to) {
  for (let key = from; key < to; key += kPipelined) {
    const group = [];
    for (let at = key; at < Math.min(to, key + kPipelined); ++at) group.push(requestOf(kTargets[at % kTargets.length], addressOf(at)));
    yield group;
  }
}

async function fill(gateway, from, count) {
  const share = Math.ceil(count / kConnections);
  const parts = Array.from({length: kConnections}, (_, part) => send(gateway.ports.insecure_http, groupsOf(from + part * share, Math.min(from + count, from + (part + 1) * share))));
  const sum = new Map();
  for (const statuses of await Promise.all(parts)) for (const [status, count_] of statuses) sum.set(status, (sum.get(status) ?? 0) + count_);
  return [...sum].map(([status, count_]) => `${count_} × ${status}`).join(', ');
}

async function askHeavy(gateway, times) {
  const statuses = await send(gateway.ports.insecure_http, [Array(times).fill(requestOf('/limited/x', kHeavy))].values());
  return statuses.get('429') ?? 0;
}

await runCommand({
  usage: kUsage,
  options: {keys: 1_000_000},
  async run(command) {
    const {keys} = command.options;
    const gateway = await Gateway.start({
      quiet: true,
      upstreams: {nobody: {servers: ['http://127.0.0.1:9'], key: kKey}},
      routes: kRoutes,
      gateway: {listen: {insecure_http: '127.0.0.1:0'}, trusted_proxies: ['127.0.0.1/32'], auth: {rate_limit: {enabled: true}}},
    });
    command.atEnd(() => gateway.kill());
    await fill(gateway, 0, 2_000);
    await askHeavy(gateway, kLimit);
    const start = gateway.memory();
    const rows = [['distinct addresses', 'answers', 'took', 'memory', 'grown by']];
    const grown = [];
    for (let round = 0; round < 2; ++round) {
      const before = gateway.memory();
      const began = performance.now();
      const answers = await fill(gateway, (round + 1) << 24, keys);
      grown.push(gateway.memory() - before);
      rows.push([`${keys * (round + 1)}`, answers, `${((performance.now() - began) / 1000).toFixed(0)} s`, `${(gateway.memory() / kMebi).toFixed(1)} MiB`, `${(grown[round] / kMebi).toFixed(1)} MiB`]);
    }
    const refused = await askHeavy(gateway, 10);
    rows.splice(1, 0, ['before', '', '', `${(start / kMebi).toFixed(1)} MiB`, '']);
    printTable(rows);
    command.bound('the first round costs less than 16 MiB', grown[0] < 16 * kMebi);
    command.bound('the second round costs less than 4 MiB', grown[1] < 4 * kMebi);
    command.bound(`the address that was over its limit still is: ${refused} of 10 refused`, refused === 10);
  },
});
