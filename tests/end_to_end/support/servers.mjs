// What the stores' servers have in common: a process that is started for a test, can be stopped in its tracks, killed and started again,
// and never outlives the test.
import {spawn} from 'node:child_process';
import {readFileSync} from 'node:fs';
import net from 'node:net';

// Below the ephemeral range: a client that connects to a dead port inside that range can meet itself.
export async function freePort() {
  for (;;) {
    const port = 23_000 + Math.floor(Math.random() * 9_000);
    const probe = net.createServer();
    const free = await new Promise((done) => {
      probe.once('error', () => done(false));
      probe.listen(port, '127.0.0.1', () => probe.close(() => done(true)));
    });
    if (free) return port;
  }
}

function childrenOf(pid) {
  try {
    const direct = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(/\s+/).filter(Boolean).map(Number);
    return direct.flatMap((child) => [child, ...childrenOf(child)]);
  } catch {
    return [];
  }
}

export class ServerProcess {
  log = '';
  #child;
  #ended;

  constructor(command, args, options = {}) {
    this.#child = spawn(command, args, {stdio: ['ignore', 'pipe', 'pipe'], ...options});
    this.#child.stdout.on('data', (bytes) => (this.log += bytes));
    this.#child.stderr.on('data', (bytes) => (this.log += bytes));
    this.#ended = new Promise((done) => this.#child.once('close', done));
    this.#child.once('error', (error) => (this.log += error.message));
  }

  get running() {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  // With all its children: a server that takes part in nothing, yet keeps its connections.
  freeze() {
    this.#signalAll('SIGSTOP');
  }
  thaw() {
    this.#signalAll('SIGCONT');
  }

  async stop(signal = 'SIGTERM') {
    if (!this.running) return;
    if (signal === 'SIGKILL') this.#signalAll(signal);
    else this.#signalAll('SIGCONT'), this.#child.kill(signal);
    await this.#ended;
  }

  #signalAll(signal) {
    for (const pid of [this.#child.pid, ...childrenOf(this.#child.pid)]) {
      try {
        process.kill(pid, signal);
      } catch {
        // It has ended meanwhile.
      }
    }
  }
}

// Until `attempt` gives something truthy; what it throws counts as not yet.
export async function eventually(what, attempt, patience = 20_000) {
  const end = Date.now() + patience;
  for (;;) {
    const found = await Promise.resolve().then(attempt).catch(() => false);
    if (found) return found;
    if (Date.now() > end) throw new Error(`not within ${patience} ms: ${what}`);
    await new Promise((done) => setTimeout(done, 25));
  }
}
