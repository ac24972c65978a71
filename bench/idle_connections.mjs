// What an idle TLS connection costs in memory, and whether a new visitor is served while many are open. Loopback alone.
// usage: node bench/idle_connections.mjs [--connections N] (10000; the gateway needs two file descriptors for each: ulimit -n 20400)
// Measures build/release/gatehouse, or $GATEHOUSE_BINARY.
import tls from 'node:tls';
import {parseArgs} from 'node:util';
import {Gateway, isSanitized, kHost} from '../tests/end_to_end/support/gateway.mjs';
import {requestText} from '../tests/end_to_end/support/raw.mjs';

const {values: options} = parseArgs({options: {connections: {type: 'string', default: '10000'}}});
const wanted = Number(options.connections);
const kAtOnce = 50;
const kWarm = 100; // opened before the memory is looked at

if (isSanitized()) console.warn('this binary has sanitizers: its memory says nothing about the one that is shipped');
const gateway = await Gateway.start({
  routes: [],
  upstreams: {},
  gateway: {limits: {connections: wanted + 100, per_address: wanted + 100, keep_alive: '10m', handshake: '60s', head_time: '60s'}},
});
const told = /only \d+ file descriptors[^"]*/.exec(gateway.stderr);
if (told) {
  await gateway.stop();
  throw new Error(told[0]);
}
const sockets = [];

// Handshake, one request that the gateway answers itself, then silence.
function open(session) {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({host: '127.0.0.1', port: gateway.ports.https, ca: gateway.authority.pem, servername: kHost, ALPNProtocols: ['http/1.1'], session});
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the gateway closed a connection')));
    socket.once('secureConnect', () => socket.write(requestText('GET', '/api/auth/ok')));
    socket.once('data', () => (socket.removeAllListeners(), socket.on('error', () => {}), sockets.push(socket), resolve(socket)));
  });
}

try {
  for (let warm = 0; warm < kWarm; ++warm) await open();
  const before = gateway.memory();
  const began = performance.now();
  while (sockets.length < wanted) await Promise.all(Array.from({length: Math.min(kAtOnce, wanted - sockets.length)}, () => open()));
  const took = (performance.now() - began) / 1000;
  const after = gateway.memory();
  const waits = [];
  for (let visitor = 0; visitor < 20; ++visitor) {
    const start = performance.now();
    (await open()).destroy();
    waits.push(performance.now() - start);
  }
  waits.sort((left, right) => left - right);
  console.log(`${wanted} idle TLS connections, opened in ${took.toFixed(1)} s`);
  console.log(`memory: ${(before / 2 ** 20).toFixed(1)} MiB before, ${(after / 2 ** 20).toFixed(1)} MiB with them: ${((after - before) / (wanted - kWarm) / 1024).toFixed(1)} KiB each`);
  console.log(`a new visitor's handshake and first answer: median ${waits[10].toFixed(1)} ms, slowest of 20 ${waits[19].toFixed(1)} ms`);
} finally {
  for (const socket of sockets) socket.destroy();
  await gateway.stop();
}
