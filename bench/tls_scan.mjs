// What testssl.sh and sslscan find in the TLS of a gateway with a certificate made for it, which has what every public authority gives: a
// long serial number and the address of a list of what was revoked.
import {execFile} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {Gateway, kHost} from '../tests/end_to_end/support/gateway.mjs';
import {needProgram, runCommand} from './support/command.mjs';

const kUsage = `tls_scan.mjs [--certificate ec|rsa] [--all]

  --certificate ec|rsa   the kind of key (ec)
  --all                  every finding, not only LOW and above and what could not be checked
Runs testssl.sh and sslscan (Debian packages of these names) on a gateway of its own; takes some minutes. Ends 1 on a finding above LOW.`;

// WARN is no degree: the scanner, or the openssl that it uses, could not make a check.
const kRank = ['DEBUG', 'OK', 'INFO', 'WARN', 'LOW', 'MEDIUM', 'HIGH', 'CRITICAL', 'FATAL'];
const run = promisify(execFile);

async function testssl(command, gateway, directory) {
  const file = join(directory, 'findings.json');
  const args = ['--quiet', '--color', '0', '--warnings', 'off', '--nodns', 'none', '--ip', '127.0.0.1', '--add-ca', gateway.authority.file, '--jsonfile', file];
  const scan = run('testssl', [...args, `https://${kHost}:${gateway.ports.https}/`], {maxBuffer: 2 ** 26, cwd: directory, env: {...process.env, TERM: 'dumb'}});
  command.atEnd(() => scan.child.exitCode === null && scan.child.kill());
  // Its exit code is a sum of its own.
  await scan.catch((error) => error);
  return JSON.parse(readFileSync(file, 'utf8'));
}

async function sslscan(gateway) {
  const {stdout} = await run('sslscan', ['--no-colour', '--no-check-certificate', `--sni-name=${kHost}`, `127.0.0.1:${gateway.ports.https}`]);
  const lines = stdout.split('\n').map((line) => line.trim());
  return {
    protocols: lines.filter((line) => /^(SSL|TLS)v?[\d.]+\s+(enabled)$/.test(line)).map((line) => line.split(/\s+/)[0]),
    ciphers: lines.filter((line) => /^(Preferred|Accepted)\s/.test(line)),
    vulnerable: lines.filter((line) => /\bvulnerable\b/.test(line) && !/not vulnerable/.test(line)),
  };
}

await runCommand({
  usage: kUsage,
  options: {certificate: 'ec', all: false},
  minutes: 15,
  async run(command) {
    needProgram('testssl', 'testssl.sh');
    needProgram('sslscan');
    const directory = mkdtempSync(join(tmpdir(), 'gatehouse-scan-'));
    command.atEnd(() => rmSync(directory, {recursive: true, force: true}));
    const gateway = await Gateway.start({
      quiet: true,
      upstreams: {},
      routes: [],
      certificates: (authority) => [
        authority.issue('scanned', [kHost], {
          kind: command.options.certificate,
          days: 90,
          serial: `0x4${randomBytes(15).toString('hex')}`,
          extensions: ['crlDistributionPoints=URI:http://authority.test/revoked.crl'],
        }),
      ],
    });
    command.atEnd(() => gateway.kill());

    const findings = await testssl(command, gateway, directory);
    const told = findings.filter(({severity}) => command.options.all || kRank.indexOf(severity) > kRank.indexOf('INFO'));
    for (const {id, severity, finding} of told) console.log(`${severity.padEnd(9)}${id}: ${finding.slice(0, 120)}`);
    const counts = kRank.map((rank) => [rank, findings.filter(({severity}) => severity === rank).length]).filter(([, count]) => count > 0);
    console.log(`${findings.length} findings: ${counts.map(([rank, count]) => `${count} ${rank}`).join(', ')}`);

    const scanned = await sslscan(gateway);
    console.log(`sslscan: ${scanned.protocols.join(', ')}; ${scanned.ciphers.length} ciphers:\n  ${scanned.ciphers.join('\n  ')}\n`);
    const faults = findings.filter(({severity}) => kRank.indexOf(severity) > kRank.indexOf('LOW'));
    command.bound(`testssl.sh finds nothing above LOW${faults.length > 0 ? `: ${faults.map(({id}) => id).join(', ')}` : ''}`, findings.length > 50 && faults.length === 0);
    command.bound('sslscan sees TLS 1.2 and 1.3 alone, and nothing vulnerable', String(scanned.protocols) === 'TLSv1.2,TLSv1.3' && scanned.vulnerable.length === 0);
  },
});
