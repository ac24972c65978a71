// What a million addresses that each ask once cost where gateways count together: memory of Redis, where each key lives until its
// bucket is empty, and of the gateway, whose table has one size. Loopback alone.
// usage: node bench/limiter_keys_in_redis.mjs [--keys N] (1000000) [--window SECONDS] (60)
// Measures build/release/gatehouse, or $GATEHOUSE_BINARY. Needs wrk.
import {spawn, spawnSync} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join, resolve} from 'node:path';
import {setTimeout as pause} from 'node:timers/promises';
import {parseArgs} from 'node:util';
import {RedisServer} from '../tests/end_to_end/support/redis.mjs';
import {eventually, freePort} from '../tests/end_to_end/support/servers.mjs';

const {values: options} = parseArgs({
  options: {keys: {type: 'string', default: '1000000'}, window: {type: 'string', default: '60'}},
});
const wanted = Number(options.keys);
const binary = resolve(process.env.GATEHOUSE_BINARY || 'build/release/gatehouse');
const directory = mkdtempSync(join(tmpdir(), 'gatehouse-keys-'));
const redis = await RedisServer.start();

async function startGateway() {
  const port = await freePort();
  const config = join(directory, 'routes.yaml');
  writeFileSync(config, `version: 1
gateway:
  listen: {insecure_http: "127.0.0.1:${port}"}
  base_url: http://127.0.0.1:${port}
  trusted_proxies: ["127.0.0.1/32"]
  database: {url: "sqlite:${directory}/gatehouse.db", migrate: at_start}
  secret: ${'bench-secret-'.repeat(4)}
  redis: ${redis.url()}
  limits: {per_address: 4096}
defaults:
  rate_limit: {limit: 10, window: ${options.window}s, by: ip}
`);
  const child = spawn(binary, ['run', '--config', config], {stdio: ['ignore', 'ignore', 'pipe'], cwd: directory});
  let log = '';
  child.stderr.on('data', (bytes) => (log += bytes));
  const url = `http://127.0.0.1:${port}/.well-known/jwks.json`;
  await eventually('the gateway answers', async () => {
    if (child.exitCode !== null) throw new Error(log);
    return (await fetch(url).catch(() => undefined))?.status === 200;
  });
  return {child, url};
}

// Each thread of wrk has numbers of its own, and each slice goes on where the last one ended.
const script = join(directory, 'addresses.lua');
writeFileSync(script, `local threads = 0
function setup(thread) thread:set("id", threads) threads = threads + 1 end
function init(args) at = tonumber(args[1]) end
function request()
  at = at + 1
  local address = string.format("%d.%d.%d.%d", 11 + id, math.floor(at / 65536) % 256, math.floor(at / 256) % 256, at % 256)
  return wrk.format("GET", nil, {["X-Forwarded-For"] = address})
end
`);

function flood(url, seconds, from) {
  const wrk = spawnSync('wrk', ['-t2', '-c64', `-d${seconds}s`, '-s', script, url, '--', String(from)]);
  const text = wrk.stdout.toString();
  const requests = Number(/(\d+) requests in/.exec(text)?.[1]);
  if (!requests) throw new Error(`wrk: ${text}${wrk.stderr}`);
  return {requests, refused: Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0)};
}

const mebibytes = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
const resident = (pid) => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;
const redisMemory = () => Number(/used_memory:(\d+)/.exec(redis.command('INFO', 'memory'))[1]);

const gateway = await startGateway();
try {
  // Buffers, connections and the pages of the table that the first keys touch.
  let from = 0;
  let {requests: asked, refused} = flood(gateway.url, 1, from);
  const before = resident(gateway.child.pid);
  const redisBefore = redisMemory();
  const began = performance.now();
  while (asked < wanted) {
    from += 2_000_000;
    const slice = flood(gateway.url, 2, from % 16_777_216);
    asked += slice.requests;
    refused += slice.refused;
  }
  const took = (performance.now() - began) / 1000;
  const after = resident(gateway.child.pid);
  console.log(`${asked} addresses, each asking once, in ${took.toFixed(1)} s; ${refused} were refused`);
  console.log(`memory of the gateway: ${mebibytes(before)} after the first second, ${mebibytes(after)} after all of them`);
  console.log(`Redis: ${redis.command('DBSIZE')} keys, ${mebibytes(redisBefore)} before, ${mebibytes(redisMemory())} with them`);
  await pause((Number(options.window) / 10) * 1000 + 2000);
  console.log(`Redis, when their buckets are empty: ${redis.command('DBSIZE')} keys, ${mebibytes(redisMemory())}`);
} finally {
  gateway.child.kill('SIGTERM');
  await redis.remove();
  rmSync(directory, {recursive: true, force: true});
}
