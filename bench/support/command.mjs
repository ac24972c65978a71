// What the commands of this folder share: options with --help, a table, bounds that decide the exit code, and an end that takes down
// what was started, whatever happens.
import {spawnSync} from 'node:child_process';
import {parseArgs} from 'node:util';
import {isSanitized, kBinary} from '../../tests/end_to_end/support/gateway.mjs';

// options: {name: default}; a number makes a number, true or false a switch. `run(command)` gets what follows.
// Exit code 0: every bound holds; 1: one does not, or something failed; 2: wrong options.
export async function runCommand({usage, options = {}, minutes = 5, run}) {
  const values = readOptions(usage, options);
  if (!values) return;
  if (!kBinary) {
    console.error('error: there is no build/release/gatehouse: cmake --preset release && cmake --build --preset release');
    process.exitCode = 1;
    return;
  }
  const command = new Command(values);
  const give = (reason) => command.end().then(() => (console.error(`error: ${reason}`), process.exit(1)));
  const timer = setTimeout(() => give(`not done within ${minutes} minutes`), minutes * 60_000);
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => give('interrupted'));
  if (isSanitized()) console.warn('this binary has sanitizers: its figures say nothing about the one that is shipped');
  try {
    await run(command);
  } catch (error) {
    console.error(`error: ${error.message}`);
    process.exitCode = 1;
  } finally {
    clearTimeout(timer);
    await command.end();
  }
}

function readOptions(usage, options) {
  const kinds = Object.entries(options).map(([name, value]) => [name, {type: typeof value === 'boolean' ? 'boolean' : 'string'}]);
  const help = `usage: node bench/${usage.trim()}\n\nMeasures ${kBinary ?? 'build/release/gatehouse'}, or $GATEHOUSE_BINARY. Nothing leaves the loopback interface.`;
  let given;
  try {
    given = parseArgs({options: {help: {type: 'boolean', short: 'h'}, ...Object.fromEntries(kinds)}}).values;
  } catch (error) {
    console.error(`${error.message}\n\n${help}`);
    process.exitCode = 2;
    return undefined;
  }
  if (given.help) return void console.log(help);
  const values = {...options};
  for (const [name, text] of Object.entries(given)) {
    values[name] = typeof options[name] === 'number' ? Number(text) : text;
    if (Number.isNaN(values[name]) || values[name] < 0) {
      console.error(`--${name} wants a number\n\n${help}`);
      process.exitCode = 2;
      return undefined;
    }
  }
  return values;
}

class Command {
  #undo = [];

  constructor(options) {
    this.options = options;
  }

  // Called at the end, the last one first.
  atEnd(undo) {
    this.#undo.push(undo);
  }

  async end() {
    while (this.#undo.length > 0) {
      try {
        await this.#undo.pop()();
      } catch (error) {
        console.error(`error: ${error.message}`);
        process.exitCode = 1;
      }
    }
  }

  // Tells a bound and whether it holds.
  bound(text, holds) {
    console.log(`${holds ? 'holds ' : 'MISSED'}  ${text}`);
    if (!holds) process.exitCode = 1;
  }
}

// Programs of other packages are named when they are missing.
export function needProgram(name, debianPackage = name) {
  if (spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0) throw new Error(`${name} is missing: apt-get install ${debianPackage}`);
}

// rows: the first one is the head; the first column is words, the others are figures.
export function printTable(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
  const line = (row) => row.map((cell, column) => (column === 0 ? String(cell).padEnd(widths[0]) : String(cell).padStart(widths[column]))).join('   ');
  console.log(`\n${rows.map(line).join('\n')}\n`);
}

export function quantile(numbers, part) {
  const sorted = [...numbers].sort((left, right) => left - right);
  return sorted.length === 0 ? NaN : sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
}

export const median = (numbers) => quantile(numbers, 0.5);
export const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
