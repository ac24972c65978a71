// The container engine that happens to run, and one project of docker-compose.yml in a copy of the tree, as a fresh clone has it.
import {execFile, execFileSync} from 'node:child_process';
import {cpSync, mkdtempSync, rmSync} from 'node:fs';
import net from 'node:net';
import {tmpdir} from 'node:os';
import {basename, dirname, join, resolve} from 'node:path';
import {fileURLToPath} from 'node:url';

const kHere = dirname(fileURLToPath(import.meta.url));
const kRoot = resolve(kHere, '../..');
const kBase = 'debian:bookworm-slim';

// → {code, stdout, stderr}; `patience` in seconds.
export function run(command, {cwd, env, patience = 120} = {}) {
  const options = {cwd, env: {...process.env, ...env}, timeout: patience * 1000, maxBuffer: 64 << 20};
  return new Promise((done) => {
    execFile(command[0], command.slice(1), options, (error, stdout, stderr) => done({code: error ? (error.code ?? 'killed') : 0, stdout, stderr}));
  });
}

export async function mustRun(command, options) {
  const ended = await run(command, options);
  if (ended.code !== 0) throw new Error(`${command.join(' ')} ended with ${ended.code}\n${ended.stdout}${ended.stderr}`.slice(-8000));
  return ended.stdout.trim();
}

export const docker = (...args) => mustRun(['docker', ...args]);
export const inspect = async (...args) => JSON.parse(await docker('inspect', ...args));

function works(...command) {
  try {
    execFileSync(command[0], command.slice(1), {stdio: 'ignore', timeout: 30_000});
    return true;
  } catch {
    return false;
  }
}

// Both, where both are there.
export const composeCommands = [['docker', 'compose'], ['docker-compose']].filter((command) => works(...command, 'version'));

function hasBase() {
  if (works('docker', 'image', 'inspect', kBase)) return true;
  if (works('timeout', '25', 'docker', 'pull', kBase)) return true;
  try {
    execFileSync(join(kHere, 'make_base_image'), [kBase], {stdio: 'ignore', timeout: 600_000});
    return true;
  } catch {
    return false;
  }
}

// Why nothing can be tried here; undefined where it can.
export function findObstacle() {
  if (!works('docker', 'info')) return 'no container engine is running';
  if (composeCommands.length === 0) return 'there is neither "docker compose" nor docker-compose';
  if (!hasBase()) return `no registry is reached for ${kBase}, and it cannot be made here (root and debootstrap are needed)`;
  return undefined;
}

export async function until(what, seconds, attempt) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await attempt();
    if (found) return found;
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
    await new Promise((done) => setTimeout(done, 250));
  }
}

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const {port} = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

export class Project {
  #compose;

  static async make(compose) {
    const project = new Project();
    project.#compose = compose;
    project.name = `gatehousetest${process.pid}`;
    project.folder = mkdtempSync(join(tmpdir(), 'gatehouse-compose-'));
    const left = new Set(['build', 'data', 'node_modules', '.git']);
    cpSync(kRoot, project.folder, {recursive: true, filter: (path) => !left.has(basename(path)) && !/\/certs\/.*\.pem$/.test(path)});
    project.port = await freePort();
    project.origin = `https://localhost:${project.port}`;
    project.env = {
      COMPOSE_PROJECT_NAME: project.name,
      GATEHOUSE_HTTPS_PORT: String(project.port),
      GATEHOUSE_HTTP_PORT: String(await freePort()),
      BETTER_AUTH_URL: project.origin,
    };
    return project;
  }

  compose(...args) {
    return mustRun([...this.#compose, ...args], {cwd: this.folder, env: this.env, patience: 3600});
  }

  async container(service) {
    const ids = await docker('ps', '--all', '--quiet', '--filter', `label=com.docker.compose.project=${this.name}`, '--filter',
      `label=com.docker.compose.service=${service}`);
    return (await inspect(ids.split('\n')[0]))[0];
  }

  async containers() {
    const ids = await docker('ps', '--all', '--quiet', '--filter', `label=com.docker.compose.project=${this.name}`);
    return inspect(...ids.split('\n'));
  }

  untilHealthy(service) {
    return until(`${service} is healthy`, 120, async () => (await this.container(service)).State.Health?.Status === 'healthy');
  }

  // A shell command in the folder, as somebody who follows the README types it.
  shell(text) {
    return run(['bash', '-c', text], {cwd: this.folder});
  }

  async address(service, network) {
    return (await this.container(service)).NetworkSettings.Networks[`${this.name}_${network}`].IPAddress;
  }

  // Runs a shell command in a container beside the project's; → {code, stdout, stderr}.
  beside({network = 'bridge', volumes = [], user = '65532:65532'}, text) {
    const where = network === 'bridge' ? network : `${this.name}_${network}`;
    const mounts = volumes.flatMap((volume) => ['--volume', `${this.name}_${volume}`]);
    return run(['docker', 'run', '--rm', '--network', where, ...mounts, '--user', user, '--entrypoint', 'bash', 'gatehouse-postgres', '-c', text]);
  }

  async end() {
    await this.compose('down', '--volumes', '--timeout', '20');
    rmSync(this.folder, {recursive: true, force: true});
  }
}
