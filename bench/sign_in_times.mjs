// Whether the time of an answer tells a stranger if an address has an account: N attempts for a known and for an unknown address, in
// turn, one after the other. Loopback alone.
// usage: node bench/sign_in_times.mjs [--of sign_in|reset] [--attempts N] (200; Ctrl-C ends it with what there is)
//   sign_in  a wrong password
//   reset    asking for a new password; the mails of the known address go to a mail server in a process of its own
// Measures build/release/gatehouse, or $GATEHOUSE_BINARY.
import {spawn} from 'node:child_process';
import {parseArgs} from 'node:util';
import {Gateway, kOrigin} from '../tests/end_to_end/support/gateway.mjs';

const {values: options} = parseArgs({options: {attempts: {type: 'string', default: '200'}, of: {type: 'string', default: 'sign_in'}}});
const attempts = Number(options.attempts);

const sorted = (values) => [...values].sort((left, right) => left - right);
const quantile = (values, part) => sorted(values)[Math.min(values.length - 1, Math.floor(values.length * part))];

const asked = {
  sign_in: (email) => ['/api/auth/sign-in/email', {email, password: 'not the right password'}],
  reset: (email) => ['/api/auth/request-password-reset', {email, redirectTo: '/reset'}],
}[options.of];
if (!asked) throw new Error(`--of ${options.of} is neither sign_in nor reset`);

const serverModule = new URL('../tests/end_to_end/support/smtp_server.mjs', import.meta.url);
const script = `const {SmtpServer} = await import(${JSON.stringify(serverModule)}); console.log((await SmtpServer.start()).port);`;
const mailServer = spawn(process.execPath, ['--input-type=module', '-e', script], {stdio: ['ignore', 'pipe', 'inherit']});
const port = await new Promise((done) => mailServer.stdout.once('data', (line) => done(Number(line))));
const mail = {host: '127.0.0.1', port, from: 'no-reply@example.test', insecure_plain: true};
const gateway = await Gateway.start({routes: [], upstreams: {}, gateway: {mail, auth: {abuse_ladder: {enabled: false}}}});
try {
  // Hashes have idle priority: on a busy machine they wait.
  const post = (target, values) =>
    gateway.request('POST', target, {headers: {'Content-Type': 'application/json', Origin: kOrigin}, body: JSON.stringify(values), patience: 120_000});
  await post('/api/auth/sign-up/email', {name: 'Ada', email: 'known@example.test', password: 'the right password'});
  const times = {known: [], unknown: []};
  const bodies = new Set();
  const attempt = async (kind, email) => {
    const start = performance.now();
    const response = await post(...asked(email));
    times[kind].push(performance.now() - start);
    bodies.add(`${response.status} ${response.body}`);
  };
  for (let warm = 0; warm < 5; ++warm) await attempt('known', 'known@example.test');
  times.known = [];
  let interrupted = false;
  process.once('SIGINT', () => (interrupted = true));
  for (let index = 0; index < attempts && !interrupted; ++index) {
    // Which goes first changes, so that neither always finds the caches warm.
    const pair = [['known', 'known@example.test'], ['unknown', `unknown${index}@example.test`]];
    for (const [kind, email] of index % 2 ? pair : pair.reverse()) await attempt(kind, email);
  }
  const [known, unknown] = [times.known, times.unknown].map((values) => ({median: quantile(values, 0.5), low: quantile(values, 0.25), high: quantile(values, 0.75)}));
  const tell = ({median, low, high}) => `median ${median.toFixed(2)} ms, middle half ${low.toFixed(2)} to ${high.toFixed(2)} ms`;
  console.log(`${times.known.length} attempts each, with ${bodies.size === 1 ? 'one and the same answer' : `${bodies.size} different answers`}: ${[...bodies].join(' | ')}`);
  console.log(`known address:   ${tell(known)}`);
  console.log(`unknown address: ${tell(unknown)}`);
  const difference = unknown.median - known.median;
  const spread = (known.high - known.low + unknown.high - unknown.low) / 2;
  console.log(`difference of the medians: ${difference.toFixed(2)} ms, ${((100 * difference) / known.median).toFixed(1)} % of the median, ${(Math.abs(difference) / spread).toFixed(2)} of the spread`);
} finally {
  await gateway.stop();
  mailServer.kill();
}
