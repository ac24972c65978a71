// Slow clients, as slowhttptest makes them, while an ordinary client is served: its latency and success in ratio to the time before. The
// slow ones come from one address and the ordinary one from another, as it is in the world; the limit by address is lifted, as if the
// slow ones came from many.
import {spawn} from 'node:child_process';
import {Gateway, kHost} from '../tests/end_to_end/support/gateway.mjs';
import {median, needProgram, pause, printTable, quantile, runCommand} from './support/command.mjs';
import {Lanes, describeFailures} from './support/lanes.mjs';
import {kKey, startNginx} from './support/upstreams.mjs';

const kUsage = `slow_clients.mjs [--connections N] [--seconds S] [--mode TEXT]

  --connections N   slow connections (1000)
  --seconds S       length of each attack (15)
  --mode TEXT       only attacks whose name contains TEXT: headers, body, read, range
Ends 1 when a request of the ordinary client fails, its median latency more than doubles, or the gateway keeps more than 128 KiB for each
slow connection.`;

const kBetween = 5; // milliseconds from an answer to the ordinary client's next request
const kLanes = 4;

// Arguments of slowhttptest beside the number of connections and the time. The read attack asks for 2 MiB and takes 5 bytes a second.
const kAttacks = [
  ['headers', '/open/x', ['-H', '-i', '2', '-x', '24']],
  ['body', '/upload', ['-B', '-i', '2', '-s', '8192', '-x', '10']],
  ['read', '/large', ['-X', '-w', '512', '-y', '1024', '-n', '1', '-z', '5', '-k', '1']],
  ['range', '/large', ['-R', '-a', '5', '-b', '2000']],
];

function slowhttptest(command, gateway, target, args) {
  const {connections, seconds} = command.options;
  const url = `https://127.0.0.1:${gateway.ports.https}${target}`;
  const child = spawn('slowhttptest', ['-c', connections, '-r', Math.ceil(connections / 4), '-l', seconds, '-p', '5', '-v', '1', '-u', url, ...args].map(String), {stdio: 'ignore'});
  command.atEnd(() => child.exitCode === null && child.kill());
  return new Promise((done, fail) => child.once('close', done).once('error', fail));
}

const openConnections = async (gateway) => Number(/^gatehouse_connections_open (\d+)/m.exec((await gateway.internal('/metrics')).body.toString())?.[1]);

// Latency of the ordinary client as long as `over` is not settled.
async function serve(gateway, over) {
  const lanes = new Lanes(gateway, {count: kLanes, requests: () => ({target: '/open/x'}), between: kBetween, connect: {tls: {localAddress: '127.0.0.2'}}}).start();
  const fresh = new Lanes(gateway, {count: 1, fresh: true, requests: () => ({target: '/open/x'}), between: 50, connect: {tls: {localAddress: '127.0.0.2'}}}).start();
  await over;
  await Promise.all([lanes.stop(), fresh.stop()]);
  return {times: lanes.times, visits: fresh.times, failures: [...lanes.failures, ...fresh.failures]};
}

async function attack(command, gateway, [name, target, args]) {
  const before = await serve(gateway, pause(Math.min(5, command.options.seconds) * 1000));
  const memory = gateway.memory();
  let isOver = false;
  let open = 0;
  let grown = 0;
  const running = slowhttptest(command, gateway, target, args).finally(() => (isOver = true));
  const watching = (async () => {
    for (; !isOver; await pause(500)) {
      open = Math.max(open, await openConnections(gateway));
      grown = Math.max(grown, gateway.memory() - memory);
    }
  })();
  const during = await serve(gateway, running);
  await watching;
  return {name, before, during, open, grown};
}

const ratio = (during, before, part) => quantile(during, part) / quantile(before, part);

await runCommand({
  usage: kUsage,
  options: {connections: 1000, seconds: 15, mode: ''},
  minutes: 10,
  async run(command) {
    needProgram('slowhttptest');
    needProgram('nginx');
    const upstream = await startNginx();
    command.atEnd(() => upstream.stop());
    const limits = {connections: command.options.connections + 1000, per_address: command.options.connections + 1000};
    const gateway = await Gateway.start({
      quiet: true,
      upstreams: {web: {servers: [upstream.url], key: kKey}},
      routes: [{path: '/open/**', upstream: 'web', auth: 'public'}, {path: '/large', upstream: 'web', auth: 'public'}, {path: '/upload', upstream: 'web', auth: 'public'}],
      gateway: {limits, hosts: ['127.0.0.1']},
    });
    command.atEnd(() => gateway.kill());
    const results = [];
    for (const one of kAttacks.filter(([name]) => name.includes(command.options.mode))) results.push(await attack(command, gateway, one));
    const milliseconds = (times, part) => `${quantile(times, part).toFixed(1)} ms`;
    const row = ({name, before, during, open, grown}) => [
      `slow ${name}`,
      open,
      `${(grown / 1024 / Math.max(1, open)).toFixed(1)} KiB`,
      during.times.length + during.visits.length,
      describeFailures([...before.failures, ...during.failures]),
      `${milliseconds(before.times, 0.5)} → ${milliseconds(during.times, 0.5)}`,
      `${milliseconds(before.times, 0.99)} → ${milliseconds(during.times, 0.99)}`,
      `${median(before.visits).toFixed(1)} ms → ${median(during.visits).toFixed(1)} ms`,
    ];
    printTable([['attack', 'open', 'each', 'served', 'failed', 'p50', 'p99', 'new visitors']].concat(results.map(row)));
    command.bound(
      'every request of the ordinary client is answered',
      results.every(({before, during}) => before.failures.length + during.failures.length === 0 && during.times.length > 0),
    );
    command.bound(
      `its median latency does not double: ${results.map(({before, during}) => ratio(during.times, before.times, 0.5).toFixed(2)).join(', ')}`,
      results.every(({before, during}) => ratio(during.times, before.times, 0.5) < 2),
    );
    command.bound(
      'a slow connection keeps less than 128 KiB',
      results.every(({open, grown}) => grown < 128 * 1024 * Math.max(100, open)),
    );
    const health = await gateway.request('GET', '/open/x');
    command.bound(`${kHost} is served afterwards`, health.status === 200);
  },
});
