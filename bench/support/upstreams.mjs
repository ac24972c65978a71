// The upstreams of the measurements: one of our own whose answers take time and have many pieces, and nginx where the upstream must cost
// next to nothing.
import {spawn} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import http from 'node:http';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {eventually, freePort} from '../../tests/end_to_end/support/servers.mjs';
import {acceptOf} from '../../tests/end_to_end/support/websocket.mjs';
import {pause} from './command.mjs';

export const kKey = 'bench-upstream-key-0123456789-abcdefghijklmnop';

const kPieces = 8;
const kPiece = Buffer.alloc(16 * 1024, 'p');
export const kLargeBody = Buffer.alloc(kPieces * kPiece.length, 'p');

// …/quick answers its target at once, …/slow after 200 ms, …/large sends pieces over 200 ms, …/stream never ends, …/socket is a
// WebSocket that sends everything back.
export async function startUpstream() {
  const open = new Set();
  const server = http.createServer(async (request, response) => {
    const kind = request.url.split('?')[0].split('/').pop();
    if (kind === 'slow') await pause(200);
    if (kind === 'large') {
      for (let piece = 0; piece < kPieces; ++piece) {
        response.write(kPiece);
        await pause(200 / kPieces);
      }
      response.end();
    } else if (kind === 'stream') {
      response.write('begun\n');
      response.ticker = setInterval(() => response.write('more\n'), 500);
      response.once('close', () => clearInterval(response.ticker));
    } else {
      response.end(request.url);
    }
  });
  server.keepAliveTimeout = 600_000;
  server.on('connection', (socket) => (open.add(socket), socket.once('close', () => open.delete(socket))));
  server.on('upgrade', (request, socket) => {
    socket.on('error', () => {}).on('data', (bytes) => socket.write(bytes));
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(request.headers['sec-websocket-key'])}\r\n\r\n`);
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    stop: () => {
      for (const socket of open) socket.destroy();
      return new Promise((done) => server.close(done));
    },
  };
}

// nginx that answers 64 bytes from memory on every path, 2 MiB on /large, and on /upload when it has read the whole body.
export async function startNginx() {
  const directory = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'));
  const port = await freePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${directory}/${kind};`).join(' ');
  writeFileSync(join(directory, 'large'), Buffer.alloc(2 * 1024 * 1024, 'l'));
  writeFileSync(
    join(directory, 'nginx.conf'),
    `daemon off; worker_processes 1; pid ${directory}/pid; error_log ${directory}/error.log warn; events { worker_connections 4096; }
http { access_log off; keepalive_requests 1000000000; keepalive_timeout 3600; client_max_body_size 0; ${temporary} default_type text/plain;
  server { listen 127.0.0.1:${port}; root ${directory}; location = /large { } location = /upload { proxy_pass http://127.0.0.1:${port}/; } location / { return 200 "${'s'.repeat(64)}"; } } }
`,
  );
  const child = spawn('nginx', ['-c', join(directory, 'nginx.conf')], {stdio: 'ignore'});
  const ended = new Promise((done) => child.once('close', done));
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
    rmSync(directory, {recursive: true, force: true});
  };
  try {
    await eventually('an answer of nginx', async () => (await fetch(`http://127.0.0.1:${port}/`)).ok);
  } catch (error) {
    await stop();
    throw error;
  }
  return {url: `http://127.0.0.1:${port}`, stop};
}
