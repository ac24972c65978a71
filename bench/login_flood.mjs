// What a flood of sign-ins does to others: the latency of proxied, signed-in traffic with and without the flood, in phases that take turns
// so that the noise of the machine meets both, and how soon a sign-in that cannot be served is refused. Each attempt comes from another
// address (told by a trusted proxy) and names another account: the limits by address and account let all of them through to the hashes.
import {writeFileSync} from 'node:fs';
import {spawn} from 'node:child_process';
import {availableParallelism} from 'node:os';
import {join} from 'node:path';
import {Gateway, kHost, kOrigin} from '../tests/end_to_end/support/gateway.mjs';
import {requestText} from '../tests/end_to_end/support/raw.mjs';
import {signUp} from '../tests/end_to_end/support/session.mjs';
import {median, needProgram, pause, printTable, quantile, runCommand} from './support/command.mjs';
import {kKey, startNginx} from './support/upstreams.mjs';

const kUsage = `login_flood.mjs [--rounds N] [--seconds S] [--connections N] [--rate N] [--attempts N] [--control] [--bound P]

  --rounds N        pairs of phases: without the flood and with it, the order changing (8)
  --seconds S       length of a phase (4)
  --connections N   kept-alive clients of the proxied traffic (16)
  --rate N          requests a second of all of them together; 0: as fast as they can (800)
  --attempts N      sign-ins a second (100)
  --control         a third phase in each round: as many attempts that are refused before a hash; what they do is the cost of the
                    attempts themselves, and of the client that makes them on the same cores
  --bound P         by how many percent the p99 may rise (20)
Ends 1 when p99 rises by more than the bound (median of the rounds), a proxied request fails, or a refused sign-in takes longer than 1 s
or does not say when to come again.`;

const kFloodConnections = 200; // one for each attempt that waits for a hash, and some for those that are refused

// Thinks between two requests so that all connections together ask \`rate\` times a second; the pauses are uneven, so that they do not
// march in step.
function writeScript(gateway, cookie, {connections, rate}) {
  const file = join(gateway.directory, 'requests.lua');
  const middle = rate > 0 ? (1000 * connections) / rate : 0;
  const think = middle > 0 ? `function delay() return math.random(0, ${Math.round(2 * middle)}) end` : '';
  writeFileSync(file, `wrk.headers["Host"] = "${kHost}"\nwrk.headers["Cookie"] = ${JSON.stringify(cookie)}\n${think}\n`);
  return file;
}

function inMilliseconds(text) {
  const [, number, unit] = /([\d.]+)(us|ms|s|m)$/.exec(text);
  return Number(number) * {us: 0.001, ms: 1, s: 1000, m: 60_000}[unit];
}

// → {requests, p50, p99} in milliseconds. Throws when a request fails.
async function measure(command, gateway, script) {
  const {seconds, connections} = command.options;
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency', '--timeout', '20s', '-s', script, `https://127.0.0.1:${gateway.ports.https}/private/x`];
  const child = spawn('wrk', args, {stdio: ['ignore', 'pipe', 'inherit']});
  command.atEnd(() => child.exitCode === null && child.kill());
  let text = '';
  child.stdout.on('data', (bytes) => (text += bytes));
  await new Promise((done, fail) => child.once('close', done).once('error', fail));
  const requests = Number(/(\d+) requests in/.exec(text)?.[1]);
  if (!requests || /Non-2xx|Socket errors/.test(text)) throw new Error(`proxied requests fail:\n${text}`);
  const part = (name) => inMilliseconds(new RegExp(`^\\s+${name}%\\s+(\\S+)`, 'm').exec(text)[1]);
  return {requests, p50: part(50), p99: part(99)};
}

class Flood {
  answers = new Map(); // status → times in milliseconds
  withoutRetryAfter = 0;
  lost = 0;
  #idle = [];
  #count = 0;
  #waiting = new Set();

  // valid: false makes attempts that are refused for their form.
  constructor(gateway, {valid = true} = {}) {
    this.gateway = gateway;
    this.valid = valid;
  }

  // Attempts at that rate until \`over\` is settled. An attempt that nobody is free for is not made: the connections all wait for hashes.
  async during(over, rate) {
    let isOver = false;
    over.finally(() => (isOver = true)).catch(() => {});
    for (let made = 0, start = performance.now(); !isOver; await pause(5)) {
      const due = Math.floor(((performance.now() - start) / 1000) * rate);
      for (; made < due; ++made) if (this.#waiting.size < kFloodConnections) this.#attempt();
    }
    return over;
  }

  #attempt() {
    const attempt = this.#signIn(++this.#count).catch(() => ++this.lost).finally(() => this.#waiting.delete(attempt));
    this.#waiting.add(attempt);
  }

  async #signIn(number) {
    const client = this.#idle.pop() ?? (await this.gateway.connect());
    const address = `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`;
    const body = JSON.stringify({email: this.valid ? `nobody${number}@example.test` : 'no address', password: 'not the right password'});
    const headers = {'Content-Type': 'application/json', Origin: kOrigin, 'X-Forwarded-For': address};
    const start = performance.now();
    await client.send(requestText('POST', '/api/auth/sign-in/email', {headers, body}));
    const response = await client.finalResponse('POST', 120_000);
    const times = this.answers.get(response.status) ?? [];
    times.push(performance.now() - start);
    this.answers.set(response.status, times);
    if ([429, 503].includes(response.status) && !/^\d+$/.test(response.fields.get('retry-after') ?? '')) ++this.withoutRetryAfter;
    if (response.fields.get('connection')?.toLowerCase() === 'close') client.close();
    else this.#idle.push(client);
  }

  // Until those that wait for their hash have it, so that the next phase is quiet.
  settled() {
    return Promise.all(this.#waiting);
  }

  close() {
    for (const client of this.#idle) client.close();
  }
}

const percent = (ratio) => `${ratio >= 1 ? '+' : ''}${((ratio - 1) * 100).toFixed(0)} %`;

await runCommand({
  usage: kUsage,
  options: {rounds: 8, seconds: 4, connections: 16, rate: 800, attempts: 100, control: false, bound: 20},
  minutes: 15,
  async run(command) {
    needProgram('wrk');
    needProgram('nginx');
    const upstream = await startNginx();
    command.atEnd(() => upstream.stop());
    const gateway = await Gateway.start({
      quiet: true,
      upstreams: {demo: {servers: [upstream.url], key: kKey}},
      routes: [{path: '/private/**', upstream: 'demo'}],
      gateway: {trusted_proxies: ['127.0.0.1/32'], limits: {per_address: 4096}, auth: {rate_limit: {enabled: true}}},
    });
    command.atEnd(() => gateway.kill());
    const {cookie} = await signUp(gateway);
    const script = writeScript(gateway, cookie, command.options);
    const floods = {flooded: new Flood(gateway), control: new Flood(gateway, {valid: false})};
    const {flooded: flood} = floods;
    command.atEnd(() => Object.values(floods).forEach((one) => one.close()));
    await measure(command, gateway, script);

    const kinds = ['calm', ...(command.options.control ? ['control'] : []), 'flooded'];
    const phases = Object.fromEntries(kinds.map((kind) => [kind, []]));
    for (let round = 0; round < command.options.rounds; ++round) {
      for (const kind of round % 2 ? kinds : kinds.toReversed()) {
        const measured = measure(command, gateway, script);
        phases[kind].push(await (kind === 'calm' ? measured : floods[kind].during(measured, command.options.attempts)));
        await floods[kind]?.settled();
      }
    }
    const ratios = (part, kind = 'flooded') => phases[kind].map((one, round) => one[part] / phases.calm[round][part]);
    const row = (name, kind) => {
      const rate = median(phases[kind].map(({requests}) => requests)) / command.options.seconds;
      return [name, rate.toFixed(0), ...['p50', 'p99'].map((part) => `${median(phases[kind].map((one) => one[part])).toFixed(2)} ms`)];
    };
    const rise = (name, kind) => [name, '', ...['p50', 'p99'].map((part) => percent(median(ratios(part, kind))))];
    printTable([
      ['proxied, medians of the rounds', 'a second', 'p50', 'p99'],
      row('without the flood', 'calm'),
      ...(command.options.control ? [row('with attempts that are not hashed', 'control'), rise('rises by', 'control')] : []),
      row('with the flood', 'flooded'),
      rise('rises by', 'flooded'),
      ['lowest and highest', '', ...['p50', 'p99'].map((part) => `${percent(Math.min(...ratios(part)))} to ${percent(Math.max(...ratios(part)))}`)],
    ]);
    const told = [...flood.answers].sort(([left], [right]) => left - right);
    printTable([['sign-ins', 'count', 'p50', 'longest'], ...told.map(([status, times]) => [`answered ${status}`, times.length, `${median(times).toFixed(0)} ms`, `${quantile(times, 1).toFixed(0)} ms`])]);
    const refused = told.filter(([status]) => status === 429 || status === 503).flatMap(([, times]) => times);
    command.bound(`p99 of proxied traffic rises by less than ${command.options.bound} % (${availableParallelism()} cores)`, median(ratios('p99')) < 1 + command.options.bound / 100);
    command.bound(`refused sign-ins (${refused.length}) are answered within 1 s`, refused.length > 0 && quantile(refused, 1) < 1000);
    command.bound(`and say when to come again; no attempt is lost`, flood.withoutRetryAfter === 0 && flood.lost === 0);
  },
});
