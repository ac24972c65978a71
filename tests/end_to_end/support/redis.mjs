// A Redis server for one test, and its command line client.
import {spawnSync} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {eventually, freePort, ServerProcess} from './servers.mjs';

export class RedisServer {
  // tls: {cert, key, ca}, files; it then speaks nothing else. args: further ones of redis-server.
  static async start({tls, args = []} = {}) {
    const server = new RedisServer();
    server.directory = mkdtempSync(join(tmpdir(), 'gatehouse-redis-'));
    server.tls = tls;
    server.args = args;
    server.port = await freePort();
    await server.run();
    return server;
  }

  // Starts it, again after stop() or kill(): at the same address, empty.
  async run() {
    const ports = this.tls
      ? ['--port', '0', '--tls-port', this.port, '--tls-cert-file', this.tls.cert, '--tls-key-file', this.tls.key, '--tls-ca-cert-file', this.tls.ca, '--tls-auth-clients', 'no']
      : ['--port', this.port];
    this.process = new ServerProcess('redis-server', [...ports, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', this.directory, ...this.args].map(String));
    await eventually(`Redis accepts\n${this.process.log}`, () => this.command('PING') === 'PONG');
  }

  url(database = 0) {
    return `${this.tls ? 'rediss' : 'redis'}://127.0.0.1:${this.port}/${database}`;
  }

  // One command by redis-cli; the answer as it prints it.
  command(...words) {
    const secure = this.tls ? ['--tls', '--cacert', this.tls.ca] : [];
    const {status, stdout, stderr} = spawnSync('redis-cli', ['-h', '127.0.0.1', '-p', String(this.port), ...secure, ...words.map(String)], {timeout: 5_000});
    if (status !== 0) throw new Error(`redis-cli: ${stderr}`);
    return stdout.toString().trim();
  }

  freeze() {
    this.process.freeze();
  }
  thaw() {
    this.process.thaw();
  }
  stop() {
    return this.process.stop('SIGTERM');
  }
  kill() {
    return this.process.stop('SIGKILL');
  }

  async remove() {
    await this.process?.stop('SIGKILL');
    rmSync(this.directory, {recursive: true, force: true});
  }
}
