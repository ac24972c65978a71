// SIGTERM under load: no answer is cut, no request that came is left without one, who is kept alive is told to close, and the exit
// is clean.
import {Gateway} from '../tests/end_to_end/support/gateway.mjs';
import {printTable, pause, runCommand} from './support/command.mjs';
import {Lanes, describeFailures} from './support/lanes.mjs';
import {kKey, kLargeBody, startUpstream} from './support/upstreams.mjs';

const kUsage = `drain.mjs [--rounds N] [--lanes N]

  --rounds N   gateways that are started and ended (5)
  --lanes N    clients of each kind: kept-alive ones that ask without a pause, ones that think for 20 ms, ones with a new connection for
               each request (12)
Ends 1 when an answer is cut or missing, or an exit is not clean.`;

const kKinds = ['quick', 'slow', 'large'];

function requests(lane, index) {
  const kind = kKinds[lane % kKinds.length];
  const target = `/load/${lane}-${index}/${kind}`;
  return {target, body: kind === 'large' ? kLargeBody : Buffer.from(target)};
}

async function round(command, upstream) {
  const gateway = await Gateway.start({
    quiet: true,
    upstreams: {work: {servers: [upstream.url], key: kKey}},
    routes: [{path: '/load/**', upstream: 'work', auth: 'public'}],
    gateway: {limits: {per_address: 4096, drain: '20s'}},
  });
  command.atEnd(() => gateway.kill());
  const count = command.options.lanes;
  const lanes = [{}, {between: 20}, {fresh: true}].map((kind) => new Lanes(gateway, {count, requests, untilRefused: true, ...kind}).start());
  await pause(1_500);
  const before = lanes.reduce((sum, {answered}) => sum + answered, 0);
  const start = performance.now();
  gateway.signal('SIGTERM');
  await Promise.all(lanes.map((kind) => kind.ended()));
  const exit = await gateway.ended();
  const sum = (part) => lanes.reduce((total, kind) => total + part(kind), 0);
  return {
    before,
    after: sum(({answered}) => answered) - before,
    told: lanes[0].told + lanes[1].told,
    failures: lanes.flatMap(({failures}) => failures),
    clean: exit.code === 0,
    took: performance.now() - start,
  };
}

await runCommand({
  usage: kUsage,
  options: {rounds: 5, lanes: 12},
  async run(command) {
    const upstream = await startUpstream();
    command.atEnd(() => upstream.stop());
    const rounds = [];
    for (let index = 0; index < command.options.rounds; ++index) rounds.push(await round(command, upstream));
    printTable([
      ['SIGTERM', 'answered before', 'after', 'told to close', 'cut or missing', 'exit 0', 'took'],
      ...rounds.map((one, index) => [`round ${index + 1}`, one.before, one.after, one.told, describeFailures(one.failures), one.clean ? 'yes' : 'no', `${(one.took / 1000).toFixed(1)} s`]),
    ]);
    const failures = rounds.flatMap((one) => one.failures);
    for (const {kind, target, detail} of failures.slice(0, 5)) console.log(`${kind}: ${target}: ${detail}`);
    command.bound('no answer is cut and no request goes without one', failures.length === 0);
    command.bound(
      'every kept-alive connection is told to close',
      rounds.every(({told}) => told === 2 * command.options.lanes),
    );
    command.bound(
      'the exit is clean',
      rounds.every(({clean}) => clean),
    );
  },
});
