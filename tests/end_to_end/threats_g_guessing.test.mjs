// Threats G 74 to 76: guessing of passwords. Wrong attempts climb a ladder by account and by network, in every spelling of both, in
// any number at once, over all gateways, with and without Redis; whoever is signed in notices nothing.
import assert from 'node:assert/strict';
import {after, before, describe, test} from 'node:test';
import {newAddress} from './support/addresses.mjs';
import {Gateway} from './support/gateway.mjs';
import {RedisServer} from './support/redis.mjs';
import {postJson, signUp} from './support/session.mjs';
import {World} from './support/world.mjs';

const kPassword = 'correct horse battery';
const kTooMany = '{"message":"Too many requests. Please try again later."}';
// Waits would make the tests wait: the first step is the lock.
const kLadder = {free_attempts: 4, lock_after: 5, wait: '1h', lock: '1h'};
const behindProxy = {trusted_proxies: ['127.0.0.1/32'], auth: {abuse_ladder: kLadder}};

let people = 0;
const newEmail = () => `guessed${++people}.${process.pid}@example.test`;
const from = (address) => ({'X-Forwarded-For': address});
const guess = (gateway, email, address, headers = {}) =>
  postJson(gateway, '/api/auth/sign-in/email', {email, password: 'not the password'}, {...from(address), ...headers});
const tryRight = (gateway, email, address) => postJson(gateway, '/api/auth/sign-in/email', {email, password: kPassword}, from(address));

function expectLimited(response) {
  assert.equal(response.status, 429, `${response.body}`);
  assert.equal(response.body.toString(), kTooMany);
  assert.match(response.fields.get('retry-after'), /^[1-9][0-9]*$/);
  assert.equal(response.fields.get('x-retry-after'), response.fields.get('retry-after'));
  assert.deepEqual(response.fields.all('set-cookie'), []);
}

async function countEvaluated(asked) {
  const statuses = (await Promise.all(asked)).map(({status}) => status);
  assert.ok(statuses.every((status) => status === 401 || status === 429), String(statuses));
  return statuses.filter((status) => status === 401).length;
}

describe('one gateway', () => {
  let world;
  before(async () => {
    world = await World.start({gateway: behindProxy});
  });
  after(() => world?.stop());

  test('74: after wrong passwords the right one is refused too, and the owner who is signed in goes on', async () => {
    const email = newEmail();
    const owner = await signUp(world.gateway, {email});
    const stranger = newAddress();
    assert.equal(await countEvaluated(Array.from({length: 12}, () => guess(world.gateway, email, stranger))), 4);
    expectLimited(await tryRight(world.gateway, email, stranger));
    expectLimited(await tryRight(world.gateway, email, newAddress()));
    const {request} = await world.askOnce('GET', '/private/x', {headers: {Cookie: owner.cookie}});
    assert.equal(request.fields.get('x-user-email'), email);
    const verified = await postJson(world.gateway, '/api/auth/verify-password', {password: kPassword}, {Cookie: owner.cookie, ...from(stranger)});
    assert.equal(verified.status, 200, `${verified.body}`);
    await world.gateway.logged(({status, reason}) => status === 429 && reason === 'ladder_wait');
  });

  test('74: an account that nobody has is limited as one that somebody has, to the byte', async () => {
    const known = newEmail();
    await signUp(world.gateway, {email: known});
    const unknown = newEmail();
    for (let i = 0; i < 6; ++i) {
      const answers = [];
      for (const email of [known, unknown]) answers.push(await guess(world.gateway, email, newAddress()));
      assert.equal(answers[0].status, answers[1].status);
      assert.equal(answers[0].body.toString(), answers[1].body.toString());
      assert.deepEqual([...answers[0].fields.list].map(([name]) => name), [...answers[1].fields.list].map(([name]) => name));
    }
  });

  test('75: no spelling of address or path, and no header, is another count', async () => {
    const email = newEmail();
    await signUp(world.gateway, {email});
    const spellings = [email.toUpperCase(), email.replace('guessed', 'Guessed'), email.replace('example', 'EXAMPLE'), email];
    for (const spelling of spellings) assert.equal((await guess(world.gateway, spelling, newAddress(), {'X-Real-IP': '192.0.2.9'})).status, 401);
    for (const spelling of spellings) expectLimited(await guess(world.gateway, spelling, newAddress(), {Forwarded: 'for=192.0.2.1'}));
    const form = await world.gateway.request('POST', '/api/auth/sign-in/email', {
      headers: {'Content-Type': 'application/x-www-form-urlencoded', Origin: 'https://gateway.test', ...from(newAddress())},
      body: new URLSearchParams({email, password: kPassword}).toString(),
      patience: 240_000,
    });
    expectLimited(form);
    assert.equal((await guess(world.gateway, email.replace('@', '+x@'), newAddress())).status, 401, 'another row is another account');
  });

  test('76: of 50 guesses at once, no more are evaluated than one by one', async () => {
    const email = newEmail();
    await signUp(world.gateway, {email});
    assert.equal(await countEvaluated(Array.from({length: 50}, () => guess(world.gateway, email, newAddress()))), 4);
  });

  test('a right password is never counted: many sign-ins of one account, one after the other and at once', async () => {
    const email = newEmail();
    await signUp(world.gateway, {email});
    const address = newAddress();
    for (let i = 0; i < 6; ++i) assert.equal((await tryRight(world.gateway, email, address)).status, 200);
  });
});

test('75: a /64 is one network, an IPv4 address is one in each of its forms, whatever the accounts', async () => {
  const gateway = await Gateway.start({upstreams: {}, routes: [], gateway: {...behindProxy, auth: {abuse_ladder: {...kLadder, network_factor: 2}}}});
  try {
    const spread = (networks) => countEvaluated(Array.from({length: 18}, (_, index) => guess(gateway, newEmail(), networks[index % networks.length])));
    assert.equal(await spread(['2001:db8:1:2::1', '2001:DB8:1:2:ffff::9', '2001:db8:0001:0002:0:0:0:7']), 8);
    assert.equal(await spread(['198.51.100.77', '::ffff:198.51.100.77', '::ffff:c633:644d']), 8);
    assert.equal((await guess(gateway, newEmail(), '2001:db8:1:3::1')).status, 401);
  } finally {
    await gateway.stop();
  }
});

test('75: without a trusted proxy nobody says where a request is from', async () => {
  const gateway = await Gateway.start({upstreams: {}, routes: [], gateway: {auth: {abuse_ladder: {...kLadder, network_factor: 1}}}});
  try {
    for (let i = 0; i < 4; ++i) assert.equal((await guess(gateway, newEmail(), newAddress())).status, 401);
    expectLimited(await guess(gateway, newEmail(), newAddress()));
  } finally {
    await gateway.stop();
  }
});

test('the lock is told once: in the audit trail and as a number', async () => {
  const lock = {free_attempts: 1, lock_after: 2, wait: '1s', lock: '1h'};
  const gateway = await Gateway.start({upstreams: {}, routes: [], gateway: {auth: {abuse_ladder: lock}}});
  try {
    const email = newEmail();
    const {user} = await signUp(gateway, {email});
    const locked = () => gateway.auditLog().filter(({audit}) => audit === 'attempts_locked');
    let last;
    // The second wrong one comes through as soon as its second of waiting is over.
    await gateway.until(() => locked().length > 0 || void (last ??= guess(gateway, email, '').finally(() => (last = undefined))), 'lock', 30_000);
    await last;
    expectLimited(await guess(gateway, email, ''));
    assert.equal(locked().length, 1);
    const [{reason, target, detail, outcome}] = locked();
    assert.deepEqual({reason, target, detail, outcome}, {reason: 'account', target: user.id, detail: '/sign-in/email', outcome: 'failed'});
    const metrics = (await gateway.internal('/metrics')).body.toString();
    assert.match(metrics, /^gatehouse_ladder_locks_total\{of="account"\} 1$/m);
    assert.match(metrics, /^gatehouse_ladder_locks_total\{of="network"\} 0$/m);
  } finally {
    await gateway.stop();
  }
});

describe('two gateways with one Redis', () => {
  let redis;
  const gateways = [];
  before(async () => {
    redis = await RedisServer.start();
    while (gateways.length < 2) gateways.push(await Gateway.start({upstreams: {}, routes: [], gateway: {redis: redis.url(), ...behindProxy}}));
  });
  after(async () => {
    for (const gateway of gateways) await gateway.stop();
    await redis?.remove();
  });

  test('76: of 50 guesses at once over both, no more are evaluated than at one; without Redis each counts for itself', async () => {
    const email = newEmail();
    const evaluated = await countEvaluated(Array.from({length: 50}, (_, index) => guess(gateways[index % 2], email, newAddress())));
    // On a machine that is so busy that Redis seems to be away, each gateway counts for itself.
    const timesAway = ({stderr}) => stderr.split('\n').filter((line) => line.includes('attempts at secrets are counted by each')).length;
    const away = gateways.filter(timesAway).length;
    assert.ok(evaluated >= 4 && evaluated <= 4 * (1 + away), `${evaluated}, away: ${away}`);
    const before = timesAway(gateways[0]);
    await redis.kill();
    const other = newEmail();
    assert.equal(await countEvaluated(Array.from({length: 20}, () => guess(gateways[0], other, newAddress()))), 4);
    assert.match((await gateways[0].internal('/metrics')).body.toString(), /^gatehouse_ladder_store_up 0$/m);
    const told = timesAway(gateways[0]);
    assert.ok(told >= 1 && told <= before + 1, `told ${told} times, ${before} of them before Redis was killed`);
  });
});

test('it is on where nothing is said of it, and switched off where that is said', async () => {
  for (const [settings, evaluated] of [[undefined, 5], [{enabled: false}, 12]]) {
    const gateway = await Gateway.start({upstreams: {}, routes: [], gateway: {auth: {abuse_ladder: settings}}});
    try {
      const email = newEmail();
      assert.equal(await countEvaluated(Array.from({length: 12}, () => guess(gateway, email, newAddress()))), evaluated);
    } finally {
      await gateway.stop();
    }
  }
});
