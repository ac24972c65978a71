// A PostgreSQL server for one test, in a directory of its own, and a psql that stays open.
import {execFileSync, spawn, spawnSync} from 'node:child_process';
import {existsSync, mkdtempSync, readdirSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {eventually, freePort, ServerProcess} from './servers.mjs';

const kVersions = '/usr/lib/postgresql';

function program(name) {
  const versions = existsSync(kVersions) ? readdirSync(kVersions).sort((left, right) => Number(right) - Number(left)) : [];
  const folder = versions.map((version) => join(kVersions, version, 'bin')).find((bin) => existsSync(join(bin, name)));
  if (!folder) throw new Error(`${name} is not installed (package postgresql)`);
  return join(folder, name);
}

// PostgreSQL refuses to run as root.
function unprivileged() {
  if (process.getuid() !== 0) return {};
  const idOf = (flag) => Number(execFileSync('id', [flag, 'postgres']).toString());
  return {uid: idOf('-u'), gid: idOf('-g')};
}

export class PostgresServer {
  static async start({settings = {}} = {}) {
    const server = new PostgresServer();
    server.user = unprivileged();
    server.directory = mkdtempSync(join(tmpdir(), 'gatehouse-postgres-'));
    if (server.user.uid !== undefined) execFileSync('chown', [`${server.user.uid}:${server.user.gid}`, server.directory]);
    server.settings = settings;
    server.port = await freePort();
    const made = spawnSync(program('initdb'), ['-D', join(server.directory, 'data'), '-U', 'gatehouse', '--auth', 'trust', '--no-sync', '--encoding', 'UTF8'], {
      ...server.user,
      cwd: '/',
    });
    if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`);
    await server.run();
    return server;
  }

  // Starts it, again after stop() or kill(): at the same address with the same data.
  async run() {
    const settings = {listen_addresses: '127.0.0.1', port: this.port, unix_socket_directories: this.directory, fsync: 'off', ...this.settings};
    const args = ['-D', join(this.directory, 'data'), ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
    const start = () => (this.process = new ServerProcess(program('postgres'), args, {...this.user, cwd: '/'}));
    start();
    await eventually('PostgreSQL accepts', () => {
      // What is left of a killed one may hold its shared memory for a moment longer.
      if (!this.process.running) start();
      return spawnSync(program('pg_isready'), ['-h', '127.0.0.1', '-p', this.port]).status === 0;
    });
  }

  url(database = 'postgres') {
    return `postgres://gatehouse@127.0.0.1:${this.port}/${database}`;
  }

  freeze() {
    this.process.freeze();
  }
  thaw() {
    this.process.thaw();
  }
  // In order, ending its clients' connections.
  stop() {
    return this.process.stop('SIGINT');
  }
  kill() {
    return this.process.stop('SIGKILL');
  }

  async remove() {
    await this.process?.stop('SIGKILL');
    rmSync(this.directory, {recursive: true, force: true});
  }

  psql(database = 'postgres') {
    return new Psql(this.url(database));
  }
}

// One connection of psql's, for statements one after the other.
export class Psql {
  #child;
  #out = '';
  #errors = '';
  #turn = Promise.resolve();
  #count = 0;
  #wake = () => {};

  constructor(url) {
    this.#child = spawn('psql', ['-X', '-A', '-t', '-q', '-v', 'ON_ERROR_STOP=0', url], {stdio: ['pipe', 'pipe', 'pipe'], cwd: '/'});
    this.#child.stdout.on('data', (bytes) => ((this.#out += bytes), this.#wake()));
    this.#child.stderr.on('data', (bytes) => ((this.#errors += bytes), this.#wake()));
    this.#child.on('close', () => this.#wake());
    this.#child.stdin.on('error', () => {});
  }

  // The rows as lines of columns joined by |. What psql says on stderr is thrown.
  query(sql) {
    const answer = this.#turn.then(() => this.#ask(sql));
    this.#turn = answer.catch(() => {});
    return answer;
  }

  async #ask(sql) {
    const mark = `-- ${++this.#count} --`;
    this.#child.stdin.write(`${sql};\n\\warn ${mark}\n\\echo ${mark}\n`);
    const take = (text) => text.slice(0, text.indexOf(`${mark}\n`));
    for (;;) {
      if (this.#out.includes(`${mark}\n`) && this.#errors.includes(`${mark}\n`)) {
        const [rows, errors] = [take(this.#out), take(this.#errors).trim()];
        this.#out = this.#errors = '';
        if (errors) throw new Error(errors);
        return rows.split('\n').slice(0, -1);
      }
      if (this.#child.exitCode !== null) throw new Error(`psql has ended: ${this.#errors}`);
      await new Promise((done) => (this.#wake = done));
    }
  }

  async close() {
    this.#child.stdin.end();
    if (this.#child.exitCode === null) await new Promise((done) => this.#child.once('close', done));
  }
}
