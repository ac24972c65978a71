// `gatehouse attack` finds each of the faults that gatehouse_faulty has (tests/faults), by the vectors of the threat that it belongs to.
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {existsSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {after, before, describe, test} from 'node:test';
import {Echo, attack} from './support/attack.mjs';
import {Gateway, kBinary, kHost} from './support/gateway.mjs';

const kFaulty = join(dirname(kBinary), 'gatehouse_faulty');
const kKey = 'upstream-key-0123456789-abcdefghijklmnopqrstuvwxyz';
const kRoutes = [
  {path: '/api/hello', upstream: 'echo'},
  {path: '/api/private/**', upstream: 'echo'},
  {path: '/api/maybe/**', upstream: 'echo', auth: 'optional'},
  {path: '/api/public/**', upstream: 'echo', auth: 'public'},
];
const kFaults = existsSync(kFaulty)
  ? execFileSync(kFaulty, ['--faults'], {encoding: 'utf8'}).trim().split('\n').map((line) => /^(\d+) (\d+) (.*)$/.exec(line).slice(1))
  : [];

// The witness is an echo of the good binary.
async function withFault(number, attackIt) {
  const echo = await Echo.start();
  let gateway;
  try {
    gateway = await Gateway.start({
      binary: kFaulty,
      arguments: [`--fault=${number}`],
      routes: kRoutes,
      upstreams: {echo: {servers: [echo.url], key: kKey}},
      gateway: {threads: 1, hosts: ['localhost']},
      certificates: (authority) => [authority.issue('server', ['localhost', kHost])],
    });
    return await attackIt(gateway, ['--url', `https://localhost:${gateway.ports.https}`, '--ca', gateway.authority.file, '--witness', echo.witness, '--origin', `https://${kHost}`,
      '--optional-route', '/api/maybe/attack', '--sign-up', '--rate', '1000']);
  } finally {
    await gateway?.kill();
    await echo.stop();
  }
}

const attackFault = (number, ...more) => withFault(number, (gateway, args) => attack(...args, ...more));

describe('gatehouse_faulty', {skip: existsSync(kFaulty) ? false : 'gatehouse_faulty is built with the preset dev alone'}, () => {
  test('has at least 12 faults', () => assert.ok(kFaults.length >= 12));

  test('holds without a fault', async () => {
    const {code, stdout, stderr, report} = await attackFault(0, '--groups', 'DF');
    assert.equal(code, 0, stdout + stderr);
    assert.ok(report.vectors > 50);
  });

  test('a gateway that is gone in the middle of the attack has not held', async () => {
    const {code, stdout, stderr, report} = await withFault(0, async (gateway, args) => {
      const ended = attack(...args);
      await gateway.until(() => gateway.accessLog().length > 30, 'some vectors');
      await gateway.kill();
      return await ended;
    });
    assert.equal(code, 1, stdout + stderr);
    assert.equal(report.failures.length, 1);
    assert.match(report.failures[0].problem, /takes no connection any more/);
    assert.ok(report.notes.some((note) => note.includes('the gateway is gone')), stdout);
  });

  for (const [number, threat, name] of kFaults) {
    test(`${number}: ${name}`, async () => {
      const {code, stdout, stderr, report} = await attackFault(number, '--threats', threat, '--stop-after', '3');
      assert.equal(code, 1, stdout + stderr);
      for (const failure of report.failures) {
        assert.equal(failure.threat, Number(threat));
        assert.ok(failure.name.startsWith(`${threat} `), failure.name);
        assert.ok(failure.problem && failure.sent && failure.answered);
      }
      assert.ok(!JSON.stringify(report).includes(kKey) && !stdout.includes(kKey), 'the report holds no secret');
    });
  }
});
