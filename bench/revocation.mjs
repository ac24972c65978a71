// How soon a revoked session is refused and its WebSockets are closed, on several gateways with one PostgreSQL: from the
// commit of the revocation, by psql beside the gateways, to the first refusal and the close. Started by bench/revocation.
import { createHmac, randomBytes } from 'node:crypto';
import http from 'node:http';
import { parseArgs } from 'node:util';
import { Gateway } from '../tests/end_to_end/support/gateway.mjs';
import { PostgresServer } from '../tests/end_to_end/support/postgres.mjs';
import { requestText } from '../tests/end_to_end/support/raw.mjs';
import { RedisServer } from '../tests/end_to_end/support/redis.mjs';
import { acceptOf, upgradeText } from '../tests/end_to_end/support/websocket.mjs';

const { values: options } = parseArgs({
  options: {
    gateways: { type: 'string', default: '3' },
    sessions: { type: 'string', default: '1000' },
    sockets: { type: 'string', default: '500' },
    'at-once': { type: 'string', default: '4' },
    redis: { type: 'boolean', default: false },
  },
});
const gatewayCount = Number(options.gateways);
const sessionCount = Number(options.sessions);
const socketCount = Math.min(Number(options.sockets), sessionCount);
const atOnce = Number(options['at-once']);

const kSecret = 'bench-secret-'.repeat(4);
const kBound = 1_000; // session.staleness_max
const kPatience = 10_000;
const kKey = 'bench-key-'.repeat(4);
const kPause = 2; // between two attempts on one gateway

const pause = (time) => new Promise((done) => setTimeout(done, time));

function startUpstream() {
  const server = http.createServer((request, response) => response.end('ok'));
  const open = new Set();
  server.on('upgrade', (request, socket) => {
    open.add(socket);
    socket.on('error', () => {}).on('close', () => open.delete(socket)).on('end', () => socket.end()).resume();
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(request.headers['sec-websocket-key'])}\r\n\r\n`);
  });
  return new Promise((done) => server.listen(0, '127.0.0.1', () => done({ server, open, port: server.address().port })));
}

function startGateway(upstreamPort, postgres, redis) {
  return Gateway.start({
    upstreams: { live: { servers: [`http://127.0.0.1:${upstreamPort}`], key: kKey } },
    routes: [{ path: '/live/**', upstream: 'live' }],
    gateway: {
      secret: kSecret,
      threads: 1,
      limits: { per_address: 4096 },
      database: { url: postgres.url(), migrate: 'at_start' },
      ...(redis ? { redis: redis.url() } : {}),
    },
  });
}

// Signing in costs a password hash each; these rows are what it would have written.
async function makeSessions(psql) {
  const user = randomBytes(16).toString('hex');
  await psql.query(`INSERT INTO "user" ("id", "name", "email", "emailVerified", "createdAt", "updatedAt") VALUES ('${user}', 'Bench', 'bench@example.com', true, now(), now())`);
  const sessions = Array.from({ length: sessionCount }, () => {
    const token = randomBytes(16).toString('hex');
    const signature = createHmac('sha256', kSecret).update(token).digest('base64');
    return { token, cookie: `__Secure-better-auth.session_token=${encodeURIComponent(`${token}.${signature}`)}` };
  });
  const rows = sessions.map(({ token }) => `('${randomBytes(16).toString('hex')}', now() + interval '7 days', '${token}', now(), now(), '${user}')`);
  await psql.query(`INSERT INTO "session" ("id", "expiresAt", "token", "createdAt", "updatedAt", "userId") VALUES ${rows.join(',')}`);
  return sessions;
}

// One kept-alive connection to one gateway, for one request after the other.
class Caller {
  constructor(gateway) {
    this.gateway = gateway;
  }
  async status(session) {
    if (!this.client?.isOpen()) this.client = await this.gateway.connect();
    await this.client.send(requestText('GET', '/live/x', { headers: { Cookie: session.cookie } }));
    const response = await this.client.finalResponse();
    return response.status;
  }
  close() {
    this.client?.close();
  }
}

async function openSocket(gateway, session) {
  const client = await gateway.connect();
  await client.send(upgradeText('/live/socket', { headers: { Cookie: session.cookie, Origin: 'https://gateway.test' } }));
  const response = await client.finalResponse();
  if (response.status !== 101) throw new Error(`the upgrade was answered with ${response.status}`);
  client.socket.once('close', () => (session.closedAt = performance.now()));
  client.socket.once('end', () => (session.closedAt ??= performance.now()));
  session.socket = client;
}

// Asks until the first 401; → milliseconds after the commit, and how many were accepted that were asked after the bound.
async function untilRefused(caller, session, committed) {
  const outcome = { accepted: 0, late: 0, unavailable: 0 };
  for (;;) {
    const asked = performance.now();
    const status = await caller.status(session);
    const answered = performance.now();
    if (status === 401) return { ...outcome, took: answered - committed };
    if (status === 503) outcome.unavailable++;
    else if (status !== 200) throw new Error(`answered with ${status}`);
    else outcome.accepted++;
    if (status === 200 && asked > committed + kBound) outcome.late++;
    if (asked > committed + kPatience) throw new Error('a revoked session is still accepted');
    await pause(kPause);
  }
}

async function revoke(session, psql, callers) {
  await psql.query(`DELETE FROM "session" WHERE "token" = '${session.token}'`);
  const committed = performance.now();
  const refusals = await Promise.all(callers.map((caller) => untilRefused(caller, session, committed)));
  if (!session.socket) return { refusals };
  while (session.closedAt === undefined && performance.now() < committed + kPatience) await pause(1);
  return { refusals, closed: session.closedAt === undefined ? Infinity : Math.max(0, session.closedAt - committed) };
}

function percentile(numbers, part) {
  const sorted = [...numbers].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
}

function printRow(what, numbers) {
  const figure = (value) => `${value.toFixed(1)} ms`.padStart(12);
  console.log(what.padEnd(34) + String(numbers.length).padStart(8) + figure(percentile(numbers, 0.5)) + figure(percentile(numbers, 0.99)) + figure(Math.max(...numbers)));
}

const openServers = [];

async function main() {
  const upstream = await startUpstream();
  openServers.push({ remove: () => { for (const socket of upstream.open) socket.destroy(); upstream.server.close(); upstream.server.closeAllConnections(); } });
  const postgres = await PostgresServer.start();
  openServers.push(postgres);
  const redis = options.redis ? await RedisServer.start() : undefined;
  if (redis) openServers.push(redis);
  const gateways = [];
  for (let i = 0; i < gatewayCount; i++) {
    gateways.push(await startGateway(upstream.port, postgres, redis));
    openServers.push({ remove: () => gateways[i].kill() });
  }
  const psqls = Array.from({ length: atOnce }, () => postgres.psql());
  openServers.push({ remove: () => Promise.all(psqls.map((psql) => psql.close())) });

  const sessions = await makeSessions(psqls[0]);
  const teams = psqls.map(() => gateways.map((gateway) => new Caller(gateway)));
  for (const session of sessions) {
    const statuses = await Promise.all(teams[0].map((caller) => caller.status(session)));
    if (statuses.some((status) => status !== 200)) throw new Error(`a live session was answered with ${statuses}`);
  }
  console.log(`      ${sessionCount} sessions are known to ${gatewayCount} gateways`);
  for (const [index, session] of sessions.slice(0, socketCount).entries()) await openSocket(gateways[index % gatewayCount], session);
  console.log(`      ${socketCount} WebSockets are open`);

  const results = [];
  const queue = [...sessions];
  const restart = redis && (async () => {
    while (queue.length > sessionCount / 2) await pause(10);
    console.log('      Redis is killed and started again');
    await redis.kill();
    await pause(1_000);
    await redis.run();
  })();
  await Promise.all(
    psqls.map(async (psql, index) => {
      for (let session; (session = queue.pop()); ) results.push(await revoke(session, psql, teams[index]));
    }),
  );
  await restart;

  const refusals = results.flatMap((result) => result.refusals);
  console.log(`\n${'from the commit of a revocation to'.padEnd(34)}${'count'.padStart(8)}${'p50'.padStart(12)}${'p99'.padStart(12)}${'longest'.padStart(12)}`);
  printRow('the first refusal, each gateway', refusals.map(({ took }) => took));
  printRow('the close of the WebSocket', results.filter(({ closed }) => closed !== undefined).map(({ closed }) => closed));
  const sum = (name) => refusals.reduce((total, refusal) => total + refusal[name], 0);
  console.log(`\nasked after the commit: ${sum('accepted')} accepted, ${sum('unavailable')} answered 503; asked ${kBound} ms after it or later: ${sum('late')} accepted`);
  for (const team of teams) for (const caller of team) caller.close();
  if (sum('late') > 0 || results.some(({ closed }) => closed === Infinity)) throw new Error('the bound does not hold');
}

try {
  await main();
} catch (error) {
  console.error(`error: ${error.stack}`);
  process.exitCode = 1;
} finally {
  for (const server of openServers.reverse()) await server.remove();
}
