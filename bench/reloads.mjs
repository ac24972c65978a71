// A hundred reloads under load, each with real changes to routes, limits and upstreams: by SIGHUP and by the change of the file in turn.
// No request fails, no connection is dropped, and each reload takes effect.
import {Gateway, merge} from '../tests/end_to_end/support/gateway.mjs';
import {requestText} from '../tests/end_to_end/support/raw.mjs';
import {signUp} from '../tests/end_to_end/support/session.mjs';
import {upgradeText} from '../tests/end_to_end/support/websocket.mjs';
import {printTable, quantile, runCommand} from './support/command.mjs';
import {Lanes, describeFailures} from './support/lanes.mjs';
import {kKey, kLargeBody, startUpstream} from './support/upstreams.mjs';

const kUsage = `reloads.mjs [--reloads N] [--lanes N]

  --reloads N   how many, the first by SIGHUP, the next by the file's change, and so on (100)
  --lanes N     clients of each kind: kept-alive and signed in, kept-alive on public routes, new connection for each request (6)
A WebSocket and a stream are held open all the time. Ends 1 when a request fails, one of the two ends, or a reload has no effect.`;

const kKinds = ['quick', 'slow', 'large'];

// What a reload changes: the route that is asked for afterwards, the patterns beside it, a limit, and which server is the upstream's.
function routesOf(generation, upstreams) {
  const server = upstreams[generation % upstreams.length].url;
  const beside = Array.from({length: 1 + (generation % 7)}, (_, index) => ({path: `/beside-${generation}-${index}/**`, upstream: 'work', require: {role: ['admin']}}));
  return {
    upstreams: {work: {servers: generation % 3 === 2 ? upstreams.map(({url}) => url) : [server], key: kKey}},
    routes: [
      {path: '/private/**', upstream: 'work', rate_limit: {limit: 1_000_000 + generation, window: '1m', by: ['session', 'ip']}},
      {path: '/public/**', upstream: 'work', auth: 'public', body_limit: `${1 + (generation % 9)}MiB`},
      {path: `/generation-${generation}/**`, upstream: 'work', auth: 'public'},
      ...beside,
    ],
  };
}

function requestsOf(prefix, headers = {}) {
  return (lane, index) => {
    const kind = kKinds[lane % kKinds.length];
    const target = `/${prefix}/${lane}-${index}/${kind}`;
    return {target, headers, body: kind === 'large' ? kLargeBody : undefined, takesTime: kind !== 'quick'};
  };
}

// Writes the generation, and waits until the log says that it was taken over; → milliseconds until then.
async function reload(gateway, generation, upstreams) {
  const seen = gateway.stderr.length;
  const start = performance.now();
  gateway.writeConfiguration(merge(gateway.configuration, routesOf(generation, upstreams)));
  if (generation % 2 === 1) gateway.signal('SIGHUP');
  await gateway.until(() => gateway.stderr.slice(seen).includes('configuration reloaded'), `reload ${generation}`, 30_000);
  return performance.now() - start;
}

// The new route is there and the old one is gone, on connections of both threads. The workers take a site over in their own turn.
async function isEffective(gateway, generation) {
  const status = async (number) => (await gateway.request('GET', `/generation-${number}/quick`)).status;
  for (let attempt = 0; attempt < 200; ++attempt) {
    const seen = [await status(generation), await status(generation - 1), await status(generation), await status(generation - 1)];
    if (String(seen) === '200,404,200,404') return true;
  }
  return false;
}

async function holdOpen(gateway, cookie) {
  const socket = await gateway.connect();
  await socket.send(upgradeText('/private/socket', {headers: {Cookie: cookie, Origin: 'https://gateway.test'}}));
  if ((await socket.finalResponse()).status !== 101) throw new Error('the WebSocket was not opened');
  const stream = await gateway.connect();
  await stream.send(requestText('GET', '/public/stream'));
  await stream.until(() => (stream.received.includes('begun') ? true : undefined), 'begin of the stream', 15_000);
  return {socket, stream};
}

// The tunnel still sends back what it gets, and the stream has gone on.
async function areAlive({socket, stream}) {
  const before = stream.received.length;
  await socket.send('still here');
  const echoed = await socket.bytes(10, 15_000);
  await stream.until(() => (stream.received.length > before || !stream.isOpen() ? true : undefined), 'more of the stream', 15_000);
  return echoed.toString() === 'still here' && stream.isOpen();
}

await runCommand({
  usage: kUsage,
  options: {reloads: 100, lanes: 6},
  minutes: 10,
  async run(command) {
    const upstreams = [await startUpstream(), await startUpstream()];
    for (const upstream of upstreams) command.atEnd(() => upstream.stop());
    const gateway = await Gateway.start({quiet: true, gateway: {limits: {per_address: 4096}}, ...routesOf(0, upstreams)});
    command.atEnd(() => gateway.kill());
    const {cookie} = await signUp(gateway);
    const held = await holdOpen(gateway, cookie);
    const count = command.options.lanes;
    const lanes = [
      new Lanes(gateway, {count, requests: requestsOf('private', {Cookie: cookie})}),
      new Lanes(gateway, {count, requests: requestsOf('public')}),
      new Lanes(gateway, {count, requests: requestsOf('public'), fresh: true, between: 10}),
    ].map((kind) => kind.start());

    const times = {signal: [], file: []};
    let effective = 0;
    for (let generation = 1; generation <= command.options.reloads; ++generation) {
      times[generation % 2 === 1 ? 'signal' : 'file'].push(await reload(gateway, generation, upstreams));
      if (await isEffective(gateway, generation)) ++effective;
    }
    const alive = await areAlive(held).catch(() => false);
    await Promise.all(lanes.map((kind) => kind.stop()));
    const names = ['signed in, kept alive', 'public, kept alive', 'public, new connections'];
    printTable([
      [`${command.options.reloads} reloads`, 'answered', 'failed', 'p50 of quick ones', 'p99'],
      ...lanes.map((kind, index) => [names[index], kind.answered, describeFailures(kind.failures), ...[0.5, 0.99].map((part) => `${quantile(kind.times, part).toFixed(0)} ms`)]),
    ]);
    console.log(`from the change to the log's line: by SIGHUP ${quantile(times.signal, 0.5).toFixed(0)} ms, by the file ${quantile(times.file, 0.5).toFixed(0)} ms (medians)`);
    const failures = lanes.flatMap((kind) => kind.failures);
    for (const {kind, target, detail} of failures.slice(0, 5)) console.log(`${kind}: ${target}: ${detail}`);
    command.bound('no request fails', failures.length === 0);
    command.bound('the WebSocket and the stream go on', alive);
    command.bound(`each reload takes effect: ${effective} of ${command.options.reloads}`, effective === command.options.reloads);
    held.socket.close();
    held.stream.close();
  },
});
