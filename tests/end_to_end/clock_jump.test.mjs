// 125: the machine's clock is set ahead or back by a day while the gateway serves.
import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {after, before, describe, test} from 'node:test';
import {hasAddressSanitizer} from './support/gateway.mjs';
import {requestText} from './support/raw.mjs';
import {signIn} from './support/session.mjs';
import {answer} from './support/upstream.mjs';
import {World, kRoutes} from './support/world.mjs';

const kDay = 86_400;
const directory = mkdtempSync(join(tmpdir(), 'gatehouse-clock-'));
const kShift = join(directory, 'shift');
const kLibrary = join(directory, 'shifted_clock.so');

function setClock(seconds) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(seconds));
  writeFileSync(kShift, bytes, {flag: 'r+'});
}

function compile() {
  const source = join(dirname(fileURLToPath(import.meta.url)), 'support/shifted_clock.c');
  return ['clang-19', 'cc'].some((compiler) => spawnSync(compiler, ['-shared', '-fPIC', '-o', kLibrary, source]).status === 0);
}

const skip = hasAddressSanitizer() ? 'a library is preloaded, which the address sanitizer does not like' : compile() ? false : 'there is no C compiler';

describe('125: a wall clock that jumps', {skip}, () => {
  let world;
  let held = [];

  before(async () => {
    writeFileSync(kShift, Buffer.alloc(8));
    world = await World.start({
      env: {LD_PRELOAD: kLibrary, SHIFTED_CLOCK: kShift},
      routes: [...kRoutes, {path: '/limited/**', upstream: 'orders', auth: 'public', rate_limit: {limit: 2, window: '1d', by: 'ip'}}],
      respond: async (received, wire) => {
        const whole = await received.complete;
        if (whole.target.startsWith('/public/held')) await new Promise((resolve) => held.push(resolve));
        wire.write(answer(200, `${whole.method} ${whole.target}`));
      },
    });
    await world.signUpTwo();
  });
  after(async () => {
    await world?.stop();
    rmSync(directory, {recursive: true, force: true});
  });

  const jumps = {'a day ahead': kDay, 'a day back from there': 0, 'a day before the start': -kDay, 'a minute on': -kDay + 60};
  for (const [name, seconds] of Object.entries(jumps)) {
    test(`${name}: nothing is timed out, nobody is signed out, no limit is forgotten`, async () => {
      const idle = await world.gateway.connect();
      await idle.send(requestText('GET', '/public/idle'));
      assert.equal((await idle.finalResponse()).status, 200);
      const waiting = await world.gateway.connect();
      held = [];
      await waiting.send(requestText('GET', '/public/held'));
      await world.upstream.until(() => held.length === 1, 'held request');

      setClock(seconds);
      const target = `/public/after-${seconds}`;
      assert.equal((await world.gateway.request('GET', target)).status, 200);
      const row = await world.gateway.logged(({path}) => path === target);
      assert.ok(Math.abs(Date.parse(row.time) - Date.now() - seconds * 1000) < kDay * 250, `the log says ${row.time}`);

      // Two rounds of everything that is done once in a second or less: deadlines, readiness, the store's check.
      const checked = Date.now();
      await world.gateway.until(() => Date.now() - checked > 2500, 'time to pass');
      held[0]();
      assert.equal((await waiting.finalResponse()).status, 200);
      await idle.send(requestText('GET', '/public/idle-again'));
      assert.equal((await idle.finalResponse()).status, 200);
      idle.close();
      waiting.close();

      for (const user of [world.ada, world.bob]) {
        const {request} = await world.askOnce('GET', '/private/x', {as: user});
        assert.equal(request.fields.get('x-user-id'), user.user.id);
      }
      const again = await signIn(world.gateway, world.ada);
      assert.equal((await world.ask('GET', '/private/x', {as: again})).response.status, 200);
      assert.equal((await world.gateway.internal('/readyz')).status, 200);

      const statuses = [];
      for (let index = 0; index < 3; ++index) statuses.push((await world.gateway.request('GET', '/limited/x')).status);
      assert.deepEqual(statuses, name === 'a day ahead' ? [200, 200, 429] : [429, 429, 429]);
    });
  }

  test('a week and a day ahead the sessions that were not used have ended, as their rows say', async () => {
    const lasting = await signIn(world.gateway, world.bob);
    setClock(-kDay + 8 * kDay);
    assert.equal((await world.ask('GET', '/private/x', {as: lasting})).response.status, 401);
    const fresh = await signIn(world.gateway, world.bob);
    assert.equal((await world.ask('GET', '/private/x', {as: fresh})).response.status, 200);
  });
});
