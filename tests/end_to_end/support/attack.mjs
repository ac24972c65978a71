// Runs `gatehouse attack` and its witness.
import {spawn} from 'node:child_process';
import {existsSync, mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {kBinary, runCommand} from './gateway.mjs';

// → {code, stdout, stderr, report}; the report is absent where there was no attack.
export async function attack(...args) {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-attack-test-'));
  const file = join(folder, 'report.json');
  try {
    const result = await runCommand(['attack', ...args, '--json', file], {patience: 280_000, cwd: folder});
    return {...result, report: existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined};
  } finally {
    rmSync(folder, {recursive: true, force: true});
  }
}

// `gatehouse echo`: an upstream, and the witness of what it received.
export class Echo {
  static async start() {
    const echo = new Echo();
    echo.child = spawn(kBinary, ['echo', '--listen', '127.0.0.1:0', '--witness', '127.0.0.1:0'], {stdio: ['ignore', 'ignore', 'pipe']});
    let text = '';
    await new Promise((done, fail) => {
      echo.child.once('exit', () => fail(new Error(`the echo ended:\n${text}`)));
      echo.child.stderr.on('data', (bytes) => {
        text += bytes;
        const port = (name) => new RegExp(`listener=${name} address=127\\.0\\.0\\.1:(\\d+)"`).exec(text)?.[1];
        [echo.url, echo.witness] = ['echo', 'witness'].map((name) => `http://127.0.0.1:${port(name)}`);
        if (port('echo') && port('witness')) done();
      });
    });
    return echo;
  }

  async stop() {
    const ended = new Promise((done) => this.child.once('close', done));
    this.child.kill('SIGTERM');
    await ended;
  }
}
