// The gateway's authenticated route against nginx's plain proxy: CPU per request, in alternating rounds. Started by bench/run.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    sessions: { type: 'string', default: '100' },
    case: { type: 'string', default: '' },
  },
});
const rounds = Number(options.rounds);
const seconds = Number(options.seconds);
const binary = path.resolve(process.env.GATEHOUSE_BINARY || 'build/release/gatehouse');
const clockTicks = Number(spawnSync('getconf', ['CLK_TCK']).stdout.toString()) || 100;
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-bench-'));
const running = [];

const loads = [];
for (const [size, file] of [['64 B', 'small'], ['16 KiB', 'large']]) {
  for (const connections of [64, 1]) loads.push({ name: `${size}, ${connections} connection${connections > 1 ? 's' : ''}`, file, connections });
}

function start(name, command, args, { stdout } = {}) {
  const log = fs.openSync(path.join(directory, `${name}.log`), 'w');
  const child = spawn(command, args, { stdio: ['ignore', stdout ?? log, log] });
  running.push(child);
  return child;
}

function stopAll() {
  for (const child of running) if (child.exitCode === null) child.kill('SIGTERM');
}

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function until(what, attempt) {
  for (let i = 0; i < 100; i++) {
    if (await attempt().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what} does not answer; its log is in ${directory}`);
}

function request(url, { method = 'GET', headers = {}, body } = {}) {
  const client = url.startsWith('https') ? https : http;
  return new Promise((resolve, reject) => {
    const outgoing = client.request(url, { method, headers, rejectUnauthorized: false, agent: false }, (incoming) => {
      const pieces = [];
      incoming.on('data', (piece) => pieces.push(piece));
      incoming.on('end', () => resolve({ status: incoming.statusCode, headers: incoming.headers, body: Buffer.concat(pieces) }));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function makeCertificate() {
  const [cert, key] = ['cert.pem', 'key.pem'].map((name) => path.join(directory, name));
  const made = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
    '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key, '-out', cert]);
  if (made.status !== 0) throw new Error(made.stderr.toString());
  return { cert, key };
}

const nginxMain = (name) => `daemon off; worker_processes 1; pid ${directory}/${name}.pid; error_log ${directory}/${name}.error.log warn;
events { worker_connections 4096; }`;
const nginxTemp = (name) => ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${directory}/${name}.${kind};`).join(' ');

async function startUpstream() {
  const port = await freePort();
  const config = path.join(directory, 'upstream.conf');
  fs.writeFileSync(config, `${nginxMain('upstream')}
http { access_log off; keepalive_requests 1000000000; keepalive_timeout 3600; ${nginxTemp('upstream')} default_type text/plain;
  server { listen 127.0.0.1:${port}; set $piece "${'l'.repeat(2048)}";
    location = /small { return 200 "${'s'.repeat(64)}"; }
    location = /large { return 200 "${'$piece'.repeat(8)}"; }
  } }`);
  start('upstream', 'nginx', ['-c', config]);
  await until('the upstream', async () => (await request(`http://127.0.0.1:${port}/small`)).body.length === 64);
  const large = await request(`http://127.0.0.1:${port}/large`);
  if (large.body.length !== 16384) throw new Error(`the large answer has ${large.body.length} bytes`);
  return port;
}

async function startNginx(upstreamPort, { cert, key }) {
  const port = await freePort();
  const config = path.join(directory, 'nginx.conf');
  fs.writeFileSync(config, `${nginxMain('nginx')}
http { access_log ${directory}/nginx.access.log; keepalive_requests 1000000000; ${nginxTemp('nginx')}
  upstream demo { server 127.0.0.1:${upstreamPort}; keepalive 128; keepalive_requests 1000000000; }
  server { listen 127.0.0.1:${port} ssl; ssl_certificate ${cert}; ssl_certificate_key ${key}; ssl_protocols TLSv1.2 TLSv1.3;
    location / { proxy_pass http://demo; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; }
  } }`);
  const child = start('nginx', 'nginx', ['-c', config]);
  await until('nginx', async () => (await request(`https://127.0.0.1:${port}/small`)).status === 200);
  return { name: 'nginx', port, pids: () => workersOf(child.pid) };
}

const workersOf = (pid) => fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(/\s+/).map(Number);

async function startGateway(upstreamPort, { cert, key }) {
  const port = await freePort();
  const config = path.join(directory, 'routes.yaml');
  fs.writeFileSync(config, `version: 1
gateway:
  listen: {https: "127.0.0.1:${port}"}
  tls: [{cert: ${cert}, key: ${key}}]
  base_url: https://127.0.0.1:${port}
  database: {url: "sqlite:${directory}/gatehouse.db", migrate: at_start}
  secret: ${'bench-secret-'.repeat(4)}
  threads: 1
  auth: {email_and_password: {enabled: true}, rate_limit: {enabled: false}}
  limits: {per_address: 4096}
upstreams:
  demo: {servers: ["http://127.0.0.1:${upstreamPort}"], key: ${'bench-key-'.repeat(4)}}
routes:
  - {path: /small, upstream: demo, rate_limit: {limit: 100000000, window: 1m, by: [session, ip]}}
  - {path: /large, upstream: demo, rate_limit: {limit: 100000000, window: 1m, by: [session, ip]}}
`);
  const accessLog = fs.openSync(path.join(directory, 'gateway.access.log'), 'w');
  const child = start('gateway', binary, ['run', '--config', config], { stdout: accessLog });
  await until('the gateway', async () => (await request(`https://127.0.0.1:${port}/api/auth/ok`)).status === 200);
  return { name: 'gatehouse', port, pids: () => [child.pid] };
}

// One user, signed in so many times.
async function signIn(gateway, count) {
  const base = `https://127.0.0.1:${gateway.port}`;
  const account = { name: 'Bench', email: 'bench@example.com', password: 'correct horse battery' };
  const post = (endpoint, body) => request(`${base}/api/auth${endpoint}`, { method: 'POST', headers: { 'content-type': 'application/json', origin: base }, body: JSON.stringify(body) });
  await post('/sign-up/email', account);
  const cookies = [];
  while (cookies.length < count) {
    const answer = await post('/sign-in/email', { email: account.email, password: account.password });
    const cookie = answer.headers['set-cookie']?.find((line) => line.includes('session_token'));
    if (!cookie) throw new Error(`sign-in answered ${answer.status}: ${answer.body}`);
    cookies.push(cookie.split(';')[0]);
  }
  return cookies;
}

function writeScript(cookies) {
  const file = path.join(directory, 'requests.lua');
  fs.writeFileSync(file, `local cookies = {${cookies.map((cookie) => JSON.stringify(cookie)).join(',\n')}}
local prepared, at = {}, 0
function init() for i, cookie in ipairs(cookies) do prepared[i] = wrk.format("GET", nil, {["Cookie"] = cookie}) end end
function request() at = at % #prepared + 1; return prepared[at] end
`);
  return file;
}

// User and system time of the processes so far, in seconds.
const cpuOf = (pids) => pids.reduce((sum, pid) => {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ');
  return sum + (Number(fields[11]) + Number(fields[12])) / clockTicks;
}, 0);

function wrk(side, load, script, duration) {
  return new Promise((resolve, reject) => {
    const child = spawn('wrk', ['-t1', `-c${load.connections}`, `-d${duration}s`, '-s', script, `https://127.0.0.1:${side.port}/${load.file}`]);
    let text = '';
    child.stdout.on('data', (piece) => { text += piece; });
    child.on('error', reject);
    child.on('close', () => {
      const requests = Number(/(\d+) requests in/.exec(text)?.[1]);
      if (!requests || /Non-2xx|Socket errors/.test(text)) return reject(new Error(`${side.name}, ${load.name}:\n${text}`));
      resolve(requests);
    });
  });
}

async function round(side, load, script) {
  const pids = side.pids();
  const before = cpuOf(pids);
  const requests = await wrk(side, load, script, seconds);
  return { requests, micros: ((cpuOf(pids) - before) / requests) * 1e6 };
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

async function main() {
  const certificate = makeCertificate();
  const upstreamPort = await startUpstream();
  const nginx = await startNginx(upstreamPort, certificate);
  const gateway = await startGateway(upstreamPort, certificate);
  console.log(`      signing in ${options.sessions} times`);
  const script = writeScript(await signIn(gateway, Number(options.sessions)));
  console.log(`\n${'load'.padEnd(24)}${'gatehouse'.padStart(14)}${'nginx'.padStart(14)}${'ratio'.padStart(9)}   range`);
  for (const load of loads.filter(({ name }) => name.includes(options.case))) {
    await wrk(gateway, load, script, 1);
    await wrk(nginx, load, script, 1);
    const ours = [], theirs = [], ratios = [];
    for (let i = 0; i < rounds; i++) {
      ours.push((await round(gateway, load, script)).micros);
      theirs.push((await round(nginx, load, script)).micros);
      ratios.push(ours[i] / theirs[i]);
    }
    console.log(`${load.name.padEnd(24)}${`${median(ours).toFixed(1)} µs`.padStart(14)}${`${median(theirs).toFixed(1)} µs`.padStart(14)}` +
      `${median(ratios).toFixed(2).padStart(9)}   ${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`);
  }
  console.log('\nCPU of the process per request; median of the rounds. gatehouse: authenticated, rate-limited, identity headers, logged. nginx: proxy_pass, logged.');
}

try {
  await main();
} catch (error) {
  console.error(`error: ${error.message}`);
  process.exitCode = 1;
} finally {
  stopAll();
  await Promise.all(running.map((child) => child.exitCode !== null || new Promise((resolve) => child.once('exit', resolve))));
  if (process.exitCode !== 1) fs.rmSync(directory, { recursive: true, force: true });
}
