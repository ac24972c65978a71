// What a flood of sign-ins does to others: the latency of proxied, signed-in traffic with and without the flood, in phases that take turns
// so that the noise of the machine meets both, and how soon a sign-in that cannot be served is refused. Each attempt comes from another
// address (told by a trusted proxy) and names another account: the limits by address and account let all of them through to the hashes.
import {readFileSync, writeFileSync} from 'node:fs';
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
  --control         two more phases in each round: as many attempts that are refused before a hash, which shows what the attempts
                    themselves cost, and the client that makes them on the same cores; and no attempts, but another program that keeps as
                    many cores busy at idle priority as hashes do, which shows what the machine makes of that
  --bound P         by how many percent the p99 may rise, with four cores or more (20)
Ends 1 when p99 of all rounds together rises by more than the bound, a proxied request fails, or a refused sign-in takes longer than 1 s
or does not say when to come again.`;

const kCoresOfBound = 4;
const kFloodConnections = 200; // one for each attempt that waits for a hash, and some for those that are refused

// Every time that was measured, so that rounds can be put together: a line "microseconds count" each.
const kPrintTimes = `
function done(summary, latency)
  for i = 1, #latency do
    local time, count = latency(i)
    io.write(string.format("time %d %d\\n", time, count))
  end
end
`;

// Thinks between two requests so that all connections together ask \`rate\` times a second; the pauses are uneven, so that they do not
// march in step.
function writeScript(gateway, cookie, {connections, rate}) {
  const file = join(gateway.directory, 'requests.lua');
  const middle = rate > 0 ? (1000 * connections) / rate : 0;
  const think = middle > 0 ? `function delay() return math.random(0, ${Math.round(2 * middle)}) end` : '';
  writeFileSync(file, `wrk.headers["Host"] = "${kHost}"\nwrk.headers["Cookie"] = ${JSON.stringify(cookie)}\n${think}\n${kPrintTimes}`);
  return file;
}

// Of [milliseconds, count] in the order of the times.
function quantileOf(times, part) {
  let left = part * times.reduce((sum, [, count]) => sum + count, 0);
  return times.find(([, count]) => (left -= count) < 0)[0];
}

const merged = (phases) => phases.flatMap(({times}) => times).sort(([left], [right]) => left - right);

// → {requests, times: [milliseconds, count] in their order}. Throws when a request fails.
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
  const times = [...text.matchAll(/^time (\d+) (\d+)$/gm)].map(([, time, count]) => [Number(time) / 1000, Number(count)]);
  return {requests, times};
}

// Programs at idle priority that only keep cores busy, as many as threads that hash, while `over` is not settled.
async function besideBusyCores(over) {
  const programs = Array.from({length: Math.max(1, availableParallelism() - 1)}, () => spawn('chrt', ['-i', '0', process.execPath, '-e', 'for (;;);'], {stdio: 'ignore'}));
  return over.finally(() => programs.forEach((program) => program.kill('SIGKILL')));
}

// The share of processor time that the machine's host gave to others, between two calls.
function makeStealMeter() {
  const read = () => readFileSync('/proc/stat', 'utf8').split('\n', 1)[0].trim().split(/\s+/).slice(1, 9).map(Number);
  let before = read();
  return () => {
    const [then, now] = [before, (before = read())];
    return (now[7] - then[7]) / now.reduce((sum, value, index) => sum + value - then[index], 0);
  };
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
    const client = await this.#connected();
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

  // One that the gateway has closed meanwhile, because nobody asked for long, is not lost.
  async #connected() {
    for (let client; (client = this.#idle.pop()); client.close()) if (client.isOpen()) return client;
    return this.gateway.connect();
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
      gateway: {trusted_proxies: ['127.0.0.1/32'], limits: {per_address: 4096}, auth: {rate_limit: {enabled: true}, password_hashing: {queue_time: '800ms'}}},
    });
    command.atEnd(() => gateway.kill());
    const {cookie} = await signUp(gateway);
    const script = writeScript(gateway, cookie, command.options);
    const floods = {flooded: new Flood(gateway), control: new Flood(gateway, {valid: false})};
    const {flooded: flood} = floods;
    command.atEnd(() => Object.values(floods).forEach((one) => one.close()));
    await measure(command, gateway, script);

    const kinds = ['calm', ...(command.options.control ? ['busy', 'control'] : []), 'flooded'];
    const besides = {calm: (measured) => measured, busy: besideBusyCores};
    const stolen = makeStealMeter();
    const phases = Object.fromEntries(kinds.map((kind) => [kind, []]));
    for (let round = 0; round < command.options.rounds; ++round) {
      for (const kind of round % 2 ? kinds : kinds.toReversed()) {
        const beside = besides[kind] ?? ((measured) => floods[kind].during(measured, command.options.attempts));
        stolen();
        phases[kind].push({...(await beside(measure(command, gateway, script))), stolen: stolen()});
        await floods[kind]?.settled();
      }
    }
    const at = (times) => [0.5, 0.99].map((part) => quantileOf(times, part));
    const together = Object.fromEntries(kinds.map((kind) => [kind, at(merged(phases[kind]))]));
    const rises = (kind) => together[kind].map((value, part) => value / together.calm[part]);
    const rise = (kind) => ['rises by', '', ...rises(kind).map(percent), ''];
    const row = (name, kind) => {
      const rate = median(phases[kind].map(({requests}) => requests)) / command.options.seconds;
      const host = (100 * phases[kind].reduce((sum, phase) => sum + phase.stolen, 0)) / phases[kind].length;
      return [name, rate.toFixed(0), ...together[kind].map((value) => `${value.toFixed(2)} ms`), `${host.toFixed(1)} %`];
    };
    const ofRounds = phases.flooded.map(({times}, round) => at(times).map((value, part) => value / at(phases.calm[round].times)[part]));
    const range = (part) => [Math.min, Math.max].map((end) => percent(end(...ofRounds.map((round) => round[part])))).join(' to ');
    printTable([
      ['proxied, all rounds together', 'a second', 'p50', 'p99', 'taken by the host'],
      row('without the flood', 'calm'),
      ...(command.options.control ? [row('cores kept busy by another program', 'busy'), rise('busy'), row('with attempts that are not hashed', 'control'), rise('control')] : []),
      row('with the flood', 'flooded'),
      rise('flooded'),
      ['each round alone', '', range(0), range(1), ''],
    ]);
    const told = [...flood.answers].sort(([left], [right]) => left - right);
    printTable([['sign-ins', 'count', 'p50', 'longest'], ...told.map(([status, times]) => [`answered ${status}`, times.length, `${median(times).toFixed(0)} ms`, `${quantile(times, 1).toFixed(0)} ms`])]);
    const refused = told.filter(([status]) => status === 429 || status === 503).flatMap(([, times]) => times);
    if (availableParallelism() >= kCoresOfBound) {
      command.bound(`p99 of proxied traffic rises by less than ${command.options.bound} %`, rises('flooded')[1] < 1 + command.options.bound / 100);
    } else {
      console.log(`with fewer than ${kCoresOfBound} cores there is no bound of p99: the clients, the upstream and the hashes share them all`);
    }
    command.bound(`refused sign-ins (${refused.length}) are answered within 1 s`, refused.length > 0 && quantile(refused, 1) < 1000);
    command.bound(`and say when to come again; no attempt is lost`, flood.withoutRetryAfter === 0 && flood.lost === 0);
  },
});
