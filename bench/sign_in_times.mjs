// Whether the time of a refused sign-in tells if the address has an account: N attempts with a wrong password for a known and for an
// unknown address, in turn, one after the other. Loopback alone.
// usage: node bench/sign_in_times.mjs [--attempts N] (200; Ctrl-C ends it with what there is)
// Measures build/release/gatehouse, or $GATEHOUSE_BINARY.
import {parseArgs} from 'node:util';
import {Gateway, kOrigin} from '../tests/end_to_end/support/gateway.mjs';

const {values: options} = parseArgs({options: {attempts: {type: 'string', default: '200'}}});
const attempts = Number(options.attempts);

const sorted = (values) => [...values].sort((left, right) => left - right);
const quantile = (values, part) => sorted(values)[Math.min(values.length - 1, Math.floor(values.length * part))];

const gateway = await Gateway.start({routes: [], upstreams: {}});
try {
  // Hashes have idle priority: on a busy machine they wait.
  const post = (target, values) =>
    gateway.request('POST', target, {headers: {'Content-Type': 'application/json', Origin: kOrigin}, body: JSON.stringify(values), patience: 120_000});
  await post('/api/auth/sign-up/email', {name: 'Ada', email: 'known@example.test', password: 'the right password'});
  const times = {known: [], unknown: []};
  const bodies = new Set();
  const attempt = async (kind, email) => {
    const start = performance.now();
    const response = await post('/api/auth/sign-in/email', {email, password: 'not the right password'});
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
}
