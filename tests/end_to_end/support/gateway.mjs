// Starts the real gateway for a test: directory, certificates and configuration made for it, ports chosen by the kernel, both logs
// collected, stopped by its own pid. A crash, a sanitizer's report or an unclean end fails the test that stops it.
import {spawn} from 'node:child_process';
import {existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join, resolve} from 'node:path';
import {fileURLToPath} from 'node:url';
import assert from 'node:assert/strict';
import {Authority} from './certificates.mjs';
import {RawClient, request} from './raw.mjs';

const kRoot = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
export const kHost = 'gateway.test';
export const kOrigin = `https://${kHost}`;

// The binary of that preset, or of the preset that was built last.
export function gatewayBinary(preset) {
  if (process.env.GATEHOUSE_BINARY) return resolve(process.env.GATEHOUSE_BINARY);
  const files = (preset ? [preset] : ['release', 'dev']).map((name) => join(kRoot, 'build', name, 'gatehouse')).filter((file) => existsSync(file));
  return files.sort((left, right) => statSync(right).mtimeMs - statSync(left).mtimeMs)[0];
}

export const kBinary = gatewayBinary();

export function hasAddressSanitizer(binary = kBinary) {
  return readFileSync(binary).includes('__asan_init');
}

// Memory and speed are told of the binary that is shipped; sanitizers change both.
export function isSanitized(binary = kBinary) {
  return hasAddressSanitizer(binary) || readFileSync(binary).includes('__tsan_init');
}

function isPlainObject(value) {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

// `over` wins; a value of undefined in it removes the key.
export function merge(base, over) {
  const merged = {...base};
  for (const [key, value] of Object.entries(over ?? {})) {
    if (value === undefined) delete merged[key];
    else merged[key] = isPlainObject(value) && isPlainObject(merged[key]) ? merge(merged[key], value) : value;
  }
  return merged;
}

// YAML that says the same as the JSON value; keys are plain words or paths.
function toYaml(value) {
  return `${JSON.stringify(value, null, 1)}\n`;
}

function environment(extra) {
  const kept = Object.fromEntries(Object.entries(process.env).filter(([name]) => /^(PATH|HOME|TMPDIR|LANG|TZ|LSAN_OPTIONS|TSAN_OPTIONS)$/.test(name)));
  return {...kept, ASAN_OPTIONS: 'abort_on_error=0:exitcode=99', UBSAN_OPTIONS: 'print_stacktrace=1:exitcode=99', ...extra};
}

// Runs one command of the gateway to its end; → {code, stdout, stderr}.
export async function runCommand(args, {env = {}, binary = kBinary, patience = 60_000, cwd} = {}) {
  const child = spawn(binary, args, {env: environment(env), stdio: ['ignore', 'pipe', 'pipe'], cwd});
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (bytes) => (stdout += bytes));
  child.stderr.on('data', (bytes) => (stderr += bytes));
  const timer = setTimeout(() => child.kill('SIGKILL'), patience);
  const code = await new Promise((done) => child.once('close', (exitCode, signal) => done(exitCode ?? signal)));
  clearTimeout(timer);
  return {code, stdout, stderr};
}

export class Gateway {
  ports = {};
  stdout = '';
  stderr = '';
  transcript = []; // everything clients of this gateway received
  #child;
  #ended;
  #watchers = new Set();

  // settings: {routes, upstreams, defaults, tests, gateway: overrides of the base below, env, certificates: function(authority) →
  // tls list, binary, arguments, whileStarting: function(gateway), called with the first line of the process log, quiet: true leaves
  // the access log unread (measurements write more of it than memory holds)}
  static async start(settings) {
    const gateway = new Gateway(settings);
    try {
      await gateway.#run();
    } catch (error) {
      await gateway.kill();
      throw error;
    }
    return gateway;
  }

  constructor(settings) {
    this.settings = settings;
    this.directory = mkdtempSync(join(tmpdir(), 'gatehouse-test-'));
    this.authority = new Authority(this.directory);
    this.file = join(this.directory, 'routes.yaml');
    const tlsFiles = settings.certificates?.(this.authority) ?? [this.authority.issue('server', [kHost, `*.${kHost}`])];
    this.configuration = {
      version: 1,
      gateway: merge(
        {
          listen: {https: '127.0.0.1:0', http: '127.0.0.1:0', internal: '127.0.0.1:0'},
          tls: tlsFiles.map(({cert, key}) => ({cert, key})),
          base_url: kOrigin,
          database: {url: `sqlite:${join(this.directory, 'gatehouse.db')}`, migrate: 'at_start'},
          secret: 'a-secret-for-tests-only-0123456789-abcdefghijklmnop',
          // On a busy machine the pool's threads, at idle priority, have to wait for everybody.
          auth: {email_and_password: {enabled: true}, rate_limit: {enabled: false}, password_hashing: {queue_time: '10m'}},
        },
        settings.gateway,
      ),
      defaults: merge({rate_limit: {limit: 1000000, window: '1m', by: ['ip']}}, settings.defaults),
      upstreams: settings.upstreams,
      routes: settings.routes,
      ...(settings.tests ? {tests: settings.tests} : {}),
    };
    this.writeConfiguration(this.configuration);
  }

  writeConfiguration(value) {
    writeFileSync(this.file, typeof value === 'string' ? value : toYaml(value));
  }

  async #run() {
    const binary = this.settings.binary ?? kBinary;
    const args = ['run', '--config', this.file, ...(this.settings.arguments ?? [])];
    const stdio = ['ignore', this.settings.quiet ? 'ignore' : 'pipe', 'pipe'];
    this.#child = spawn(binary, args, {env: environment(this.settings.env), stdio, cwd: this.directory});
    this.#child.stdout?.on('data', (bytes) => ((this.stdout += bytes), this.#wake()));
    this.#child.stderr.once('data', () => this.settings.whileStarting?.(this));
    this.#child.stderr.on('data', (bytes) => ((this.stderr += bytes), this.#wake()));
    this.#ended = new Promise((done) => this.#child.once('close', (code, signal) => ((this.exit = {code, signal}), this.#wake(), done())));
    const wanted = Object.entries(this.configuration.gateway.listen).filter(([, address]) => typeof address === 'string').map(([name]) => name);
    await this.until(() => {
      this.#findPorts();
      if (this.exit) throw new Error(`the gateway ended at start (${JSON.stringify(this.exit)}):\n${this.stderr}`);
      return wanted.every((name) => this.ports[name]);
    }, 'listening listeners');
  }

  // One line a listener says its name and its address.
  #findPorts() {
    for (const line of this.stderr.split('\n').filter((text) => text.includes('listening'))) {
      const port = /127\.0\.0\.1:(\d+)/.exec(line)?.[1];
      const listener = /\b(insecure_http|https|internal|http)\b(?!:\/\/)/.exec(line.replace(/listening/, ''))?.[1];
      if (port && listener) this.ports[listener] = Number(port);
    }
  }

  get pid() {
    return this.#child.pid;
  }

  #wake() {
    for (const watcher of [...this.#watchers]) watcher();
  }

  // Waits until `find()` is truthy; looked at after each line of a log, and now and then for what logs nothing.
  until(find, what, patience = 30_000) {
    return new Promise((yes, no) => {
      const leave = (settle, value) => {
        clearTimeout(timer);
        clearInterval(ticker);
        this.#watchers.delete(attempt);
        settle(value);
      };
      const attempt = () => {
        try {
          const found = find();
          if (found) leave(yes, found);
        } catch (error) {
          leave(no, error);
        }
      };
      const timer = setTimeout(() => leave(no, new Error(`no ${what} within ${patience} ms; log:\n${this.stderr.slice(-2000)}`)), patience);
      const ticker = setInterval(attempt, 50);
      this.#watchers.add(attempt);
      attempt();
    });
  }

  #expectRunning() {
    if (this.exit) throw new Error(`the gateway is gone (${JSON.stringify(this.exit)}):\n${this.stderr.slice(-3000)}`);
  }

  tlsOptions(extra = {}) {
    return {ca: this.authority.pem, servername: kHost, ALPNProtocols: ['http/1.1'], ...extra};
  }

  // A connection to the https listener.
  async connect({tls = {}, ...options} = {}) {
    this.#expectRunning();
    return RawClient.connect({port: this.ports.https, tls: this.tlsOptions(tls), transcript: this.transcript, ...options});
  }

  // A connection in clear, to the listener of that name.
  connectPlain(listener, options = {}) {
    return RawClient.connect({port: this.ports[listener], transcript: this.transcript, ...options});
  }

  request(method, target, options = {}) {
    return request(() => this.connect(options.connect), method, target, options);
  }

  internal(target, method = 'GET') {
    return request(() => this.connectPlain('internal'), method, target, {host: `127.0.0.1:${this.ports.internal}`});
  }

  #lines() {
    return this.stdout.split('\n').slice(0, -1).map((line) => JSON.parse(line));
  }

  accessLog() {
    return this.#lines().filter(({audit}) => !audit);
  }

  // Lines of the audit trail.
  auditLog() {
    return this.#lines().filter(({audit}) => audit);
  }

  // The access-log line that satisfies `matches`; waits for it.
  logged(matches, patience = 30_000) {
    return this.until(() => this.accessLog().find(matches), 'access-log line', patience);
  }

  signal(name) {
    this.#child.kill(name);
  }

  get running() {
    return !this.exit;
  }

  // Resident memory in bytes.
  memory() {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))[1]) * 1024;
  }

  async ended(patience = 60_000) {
    let timer;
    const late = new Promise((_, no) => (timer = setTimeout(() => no(new Error('the gateway did not end')), patience)));
    try {
      await Promise.race([this.#ended, late]);
    } finally {
      clearTimeout(timer);
    }
    return this.exit;
  }

  async stop() {
    try {
      if (this.running) this.signal('SIGTERM');
      const exit = await this.ended();
      assert.doesNotMatch(this.stderr, /AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:/, 'a sanitizer reported');
      assert.deepEqual(exit, {code: 0, signal: null}, `the gateway ended badly; log:\n${this.stderr.slice(-3000)}`);
    } finally {
      await this.kill();
    }
  }

  async kill() {
    if (this.#child && this.running) {
      this.signal('SIGKILL');
      await this.#ended;
    }
    rmSync(this.directory, {recursive: true, force: true});
  }
}
