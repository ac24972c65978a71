// Threats 110 and 111: passwords are hashed by a bounded pool at idle priority, with a bounded queue in front of it.
import assert from 'node:assert/strict';
import {readFileSync, readdirSync} from 'node:fs';
import {test} from 'node:test';
import {isSanitized} from './support/gateway.mjs';
import {postJson} from './support/session.mjs';
import {World} from './support/world.mjs';

const kMiB = 1024 * 1024;
const kHash = 32 * kMiB;

const start = (hashing) => World.start({gateway: {auth: {password_hashing: hashing, abuse_ladder: {enabled: false}}}});
const signIn = (world, index) => postJson(world.gateway, '/api/auth/sign-in/email', {email: `nobody${index}@example.test`, password: 'not the password'});
const burst = (world, count) => Promise.all(Array.from({length: count}, (_, index) => signIn(world, index)));

async function readMetric(world, name) {
  const {body} = await world.gateway.internal('/metrics');
  const line = body.toString().split('\n').find((text) => text.startsWith(`${name} `));
  assert.ok(line, name);
  return Number(line.split(' ').at(-1));
}

test('110: of a burst each one is answered: hashed, or told 503 by the length of the queue or by the time in it', async () => {
  for (const hashing of [{threads: 1, queue: 2, queue_time: '10m'}, {threads: 1, queue: 100, queue_time: '50ms'}]) {
    const world = await start(hashing);
    try {
      const answers = await burst(world, 24);
      const refused = answers.filter(({status}) => status === 503);
      assert.equal(answers.filter(({status}) => status === 401).length + refused.length, 24, String(answers.map(({status}) => status)));
      assert.ok(refused.length > 0);
      for (const answer of refused) {
        assert.match(answer.fields.get('retry-after'), /^[1-9]$/);
        assert.equal(JSON.parse(answer.body).code, 'SERVICE_UNAVAILABLE');
      }
      await world.gateway.logged(({status, reason}) => status === 503 && reason === 'password_queue_full');
      const late = await readMetric(world, 'gatehouse_password_hashes_total{result="late"}');
      const full = await readMetric(world, 'gatehouse_password_hashes_total{result="full"}');
      assert.equal(late + full, refused.length);
      assert.ok(hashing.queue === 2 ? late === 0 : full === 0);
      assert.equal(await readMetric(world, 'gatehouse_password_hashes_total{result="computed"}'), 24 - refused.length);
      assert.equal((await signIn(world, 0)).status, 401, 'the next one finds the pool free');
    } finally {
      await world.stop();
    }
  }
});

test('110: who hashes does so at idle priority, and nobody else', async () => {
  const world = await start({threads: 3});
  try {
    assert.equal((await signIn(world, 0)).status, 401);
    // proc(5): the 41st field is the policy (5 is SCHED_IDLE), the 19th the niceness where a container forbids that.
    const folder = `/proc/${world.gateway.pid}/task`;
    const countIdle = () =>
      readdirSync(folder)
        .map((id) => readFileSync(`${folder}/${id}/stat`, 'utf8').replace(/^.*\) /, '').split(' '))
        .filter((fields) => fields[38] === '5' || fields[16] === '19').length;
    await world.gateway.until(() => countIdle() === 3, 'three threads at idle priority');
  } finally {
    await world.stop();
  }
});

test('111: the memory of hashing is 32 MiB for each thread of the pool, and no more', async () => {
  const world = await start({threads: 2, queue: 100, queue_time: '10m'});
  try {
    assert.equal(await readMetric(world, 'gatehouse_password_hash_memory_max_bytes'), 2 * kHash);
    await burst(world, 4);
    const idle = world.gateway.memory();
    let most = 0;
    let reserved = 0;
    let over = false;
    const flood = burst(world, 40).finally(() => (over = true));
    while (!over) {
      most = Math.max(most, world.gateway.memory());
      reserved = Math.max(reserved, await readMetric(world, 'gatehouse_password_hash_memory_bytes'));
    }
    assert.ok((await flood).every(({status}) => status === 401));
    assert.ok(reserved > 0 && reserved <= 2 * kHash, `${reserved}`);
    if (!isSanitized()) assert.ok(most - idle <= 2 * kHash + 32 * kMiB, `${(most - idle) / kMiB} MiB more than idle`);
  } finally {
    await world.stop();
  }
});
