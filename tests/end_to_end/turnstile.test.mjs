// Cloudflare Turnstile before auth endpoints and routes, with a stub that speaks siteverify's protocol.
import assert from 'node:assert/strict';
import {after, before, beforeEach, describe, test} from 'node:test';
import {merge} from './support/gateway.mjs';
import {postJson} from './support/session.mjs';
import {Siteverify, kAlreadySpent, kAlwaysFails, kAlwaysPasses, kDummyToken, kTestSiteKey} from './support/siteverify.mjs';
import {World} from './support/world.mjs';

const kPassword = 'correct horse battery';
const kMissing = {code: 'MISSING_RESPONSE', message: 'Missing CAPTCHA response'};
const kFailed = {code: 'VERIFICATION_FAILED', message: 'Captcha verification failed'};
const kRoutes = [
  {path: '/guarded', upstream: 'orders', auth: 'public', turnstile: 'always'},
  {path: '/risky', upstream: 'orders', auth: 'public', turnstile: 'on_risk'},
  {path: '/public/**', upstream: 'orders', auth: 'public'},
];

let siteverify;
before(async () => {
  siteverify = await Siteverify.start();
});
after(() => siteverify?.stop());
beforeEach(() => {
  siteverify.questions = [];
  siteverify.instead = null;
});

function start(turnstile = {}, gateway = {}) {
  const keys = {secret_key: siteverify.secret, site_key: kTestSiteKey, insecure_siteverify_url: siteverify.url};
  return World.start({routes: kRoutes, gateway: merge({turnstile: merge(keys, turnstile), trusted_proxies: ['127.0.0.1/32']}, gateway)});
}

let people = 0;
const newEmail = () => `person${++people}@example.test`;
const signUp = (world, email, headers) => postJson(world.gateway, '/api/auth/sign-up/email', {name: 'Ada', email, password: kPassword}, headers);
const signIn = (world, email, password, headers) => postJson(world.gateway, '/api/auth/sign-in/email', {email, password}, headers);
const captcha = (token) => ({'x-captcha-response': token});

function expectRefusal(response, status, body) {
  assert.equal(response.status, status, `${response.body}`);
  assert.deepEqual(JSON.parse(response.body), body);
}

describe('endpoints that always ask', () => {
  let world;
  before(async () => {
    world = await start();
  });
  after(() => world?.stop());

  test('sign-up, sign-in and the request for a reset are closed without a token, whatever the body', async () => {
    for (const path of ['/sign-up/email', '/sign-in/email', '/request-password-reset']) {
      expectRefusal(await postJson(world.gateway, `/api/auth${path}`, {}), 400, kMissing);
      expectRefusal(await postJson(world.gateway, `/api/auth${path}`, {}, captcha('')), 400, kMissing);
      expectRefusal(await postJson(world.gateway, `/api/auth${path}/`, {}), 400, kMissing);
    }
    assert.deepEqual(siteverify.questions, []);
    assert.equal((await world.gateway.request('GET', '/api/auth/get-session')).status, 200);
  });

  test('a person signs up and signs in; siteverify is told secret, token, address and a key of its own', async () => {
    const email = newEmail();
    const token = siteverify.giveToken();
    assert.equal((await signUp(world, email, {...captcha(token), 'X-Forwarded-For': '198.51.100.7'})).status, 200);
    const [{idempotency_key: key, ...question}] = siteverify.questions;
    assert.deepEqual(question, {method: 'POST', path: '/turnstile/v0/siteverify', secret: siteverify.secret, response: token, remoteip: '198.51.100.7'});
    assert.match(key, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal((await signIn(world, email, kPassword, {'cf-turnstile-response': siteverify.giveToken()})).status, 200);
    assert.notEqual(siteverify.questions[1].idempotency_key, key);
  });

  test('a form that the widget stands in sends its token by itself, and JSON may', async () => {
    const email = newEmail();
    const postForm = (path, fields) =>
      world.gateway.request('POST', `/api/auth${path}`, {
        headers: {'Content-Type': 'application/x-www-form-urlencoded', Origin: 'https://gateway.test'},
        body: new URLSearchParams(fields).toString(),
        patience: 60_000,
      });
    const person = {name: 'Ada', email, password: kPassword};
    expectRefusal(await postForm('/sign-up/email', person), 400, kMissing);
    expectRefusal(await postForm('/sign-up/email', {...person, 'cf-turnstile-response': 'invented'}), 403, kFailed);
    const token = siteverify.giveToken();
    assert.equal((await postForm('/sign-up/email', {...person, 'cf-turnstile-response': token})).status, 200);
    expectRefusal(await postForm('/sign-in/email', {email, password: kPassword, 'cf-turnstile-response': token}), 403, kFailed);
    const inJson = await postJson(world.gateway, '/api/auth/sign-in/email', {email, password: kPassword, 'cf-turnstile-response': siteverify.giveToken()});
    assert.equal(inJson.status, 200, `${inJson.body}`);
    assert.equal(JSON.parse(inJson.body).user['cf-turnstile-response'], undefined);
  });

  test('a token counts once, also when it is sent many times at once', async () => {
    const email = newEmail();
    assert.equal((await signUp(world, email, captcha(siteverify.giveToken()))).status, 200);
    const token = siteverify.giveToken();
    const answers = await Promise.all(Array.from({length: 8}, () => signIn(world, email, kPassword, captcha(token))));
    assert.equal(answers.filter(({status}) => status === 200).length, 1);
    for (const answer of answers.filter(({status}) => status !== 200)) expectRefusal(answer, 403, kFailed);
  });

  test('tokens of another host, invented ones and those that are too long are refused, the last without a call', async () => {
    const email = newEmail();
    expectRefusal(await signUp(world, email, captcha(siteverify.giveToken({hostname: 'evil.example.org'}))), 403, kFailed);
    expectRefusal(await signUp(world, email, captcha('invented')), 403, kFailed);
    expectRefusal(await signUp(world, email, captcha(kDummyToken)), 403, kFailed);
    assert.equal(siteverify.questions.length, 3);
    expectRefusal(await signUp(world, email, captcha('x'.repeat(2049))), 403, kFailed);
    assert.equal(siteverify.questions.length, 3);
    assert.equal((await signUp(world, email, captcha(siteverify.giveToken()))).status, 200, 'nobody had signed up');
  });

  test('what is no clear yes lets nobody in', async () => {
    const kAway = {code: 'UNKNOWN_ERROR', message: 'Something went wrong'};
    const say = (status, body) => (_, response) => response.writeHead(status, {'content-type': 'application/json'}).end(body);
    const table = [
      [say(500, '{"success":true,"hostname":"gateway.test"}'), 503, kAway],
      [say(200, ''), 503, kAway],
      [say(302, ''), 503, kAway],
      [(_, response) => response.destroy(), 503, kAway],
      [say(200, '<html>not now</html>'), 403, kFailed],
      [say(200, '{"success":"true","hostname":"gateway.test"}'), 403, kFailed],
      [say(200, `{"success":true,"hostname":"gateway.test","filler":"${'x'.repeat(100_000)}"}`), 503, kAway],
    ];
    for (const [instead, status, body] of table) {
      siteverify.instead = instead;
      expectRefusal(await signUp(world, newEmail(), captcha(siteverify.giveToken())), status, body);
    }
  });

  test('a siteverify that never answers is given up, and the gateway says so', async () => {
    siteverify.instead = () => {};
    const response = await signUp(world, newEmail(), captcha(siteverify.giveToken()));
    assert.equal(response.status, 503, `${response.body}`);
    assert.equal(response.fields.get('retry-after'), '2');
    await world.gateway.logged((line) => line.status === 503 && line.reason === 'turnstile_unavailable');
  });

  test('neither secret nor token is in a log', async () => {
    const token = siteverify.giveToken();
    await signUp(world, newEmail(), captcha(token));
    await signUp(world, newEmail(), captcha(token));
    await world.gateway.logged((line) => line.reason === 'turnstile_refused');
    for (const secret of [token, siteverify.secret]) assert.ok(!(world.gateway.stdout + world.gateway.stderr).includes(secret));
  });

  test('a route asks as well: in front of the upstream, with either field', async () => {
    const refused = await world.ask('GET', '/guarded');
    expectRefusal(refused.response, 400, kMissing);
    assert.deepEqual(refused.requests, []);
    for (const field of ['cf-turnstile-response', 'x-captcha-response'])
      await world.askOnce('GET', '/guarded', {headers: {[field]: siteverify.giveToken()}});
    const reused = siteverify.giveToken();
    await world.askOnce('GET', '/guarded', {headers: {'cf-turnstile-response': reused}});
    expectRefusal((await world.ask('GET', '/guarded', {headers: {'cf-turnstile-response': reused}})).response, 403, kFailed);
    siteverify.instead = (_, response) => response.destroy();
    const away = await world.ask('GET', '/guarded', {headers: {'cf-turnstile-response': siteverify.giveToken()}});
    assert.equal(away.response.status, 503);
    assert.deepEqual(away.requests, []);
  });
});

test('an action that is named must be that of the token, and hostnames that are named are the only ones', async () => {
  const world = await start({action: 'login', hostnames: ['app.example.test']});
  try {
    const email = newEmail();
    for (const made of [{hostname: 'app.example.test', action: 'other'}, {hostname: 'app.example.test'}, {hostname: 'gateway.test', action: 'login'}])
      expectRefusal(await signUp(world, email, captcha(siteverify.giveToken(made))), 403, kFailed);
    assert.equal((await signUp(world, email, captcha(siteverify.giveToken({hostname: 'app.example.test', action: 'login'})))).status, 200);
  } finally {
    await world.stop();
  }
});

for (const [name, secret, status] of [
  ['always passes', kAlwaysPasses, 200],
  ['always fails', kAlwaysFails, 403],
  ['says that the token is spent', kAlreadySpent, 403],
  ['is nobody’s', 'unknown-secret', 503],
]) {
  test(`the test key that ${name}`, async () => {
    const world = await start({secret_key: secret, hostnames: ['example.com']});
    try {
      const response = await signUp(world, newEmail(), captcha(kDummyToken));
      assert.equal(response.status, status, `${response.body}`);
    } finally {
      await world.stop();
    }
  });
}

describe('endpoints that ask on_risk', () => {
  let world;
  before(async () => {
    world = await start({mode: 'on_risk'}, {auth: {abuse_ladder: {challenge_after: 3}}});
  });
  after(() => world?.stop());
  const from = (address, headers = {}) => ({'X-Forwarded-For': address, ...headers});

  test('after failures of one address, that address is asked, and no other', async () => {
    const email = newEmail();
    assert.equal((await signUp(world, email, from('203.0.113.1'))).status, 200);
    const address = '203.0.113.2';
    for (let i = 0; i < 3; ++i) assert.equal((await signIn(world, newEmail(), 'wrong horse battery', from(address))).status, 401);
    expectRefusal(await signIn(world, email, kPassword, from(address)), 400, kMissing);
    assert.equal((await signIn(world, email, kPassword, from(address, captcha(siteverify.giveToken())))).status, 200);
    assert.equal((await signIn(world, email, kPassword, from('203.0.113.3'))).status, 200);
    expectRefusal((await world.ask('GET', '/risky', {headers: from(address)})).response, 400, kMissing);
    await world.askOnce('GET', '/risky', {headers: from('203.0.113.3')});
  });

  test('after failures on one account from everywhere, whoever tries it is asked, and its owner gets in', async () => {
    const email = newEmail();
    assert.equal((await signUp(world, email, from('203.0.113.10'))).status, 200);
    const spellings = [email, email.toUpperCase(), email.replace('person', 'Person')];
    for (const [index, spelling] of spellings.entries())
      assert.equal((await signIn(world, spelling, 'wrong horse battery', from(`203.0.113.${20 + index}`))).status, 401);
    expectRefusal(await signIn(world, email, kPassword, from('203.0.113.30')), 400, kMissing);
    assert.equal((await signIn(world, email, kPassword, from('203.0.113.30', captcha(siteverify.giveToken())))).status, 200);
  });

  test('who signs in without failing is never asked', async () => {
    const email = newEmail();
    assert.equal((await signUp(world, email, from('203.0.113.40'))).status, 200);
    for (let i = 0; i < 6; ++i) assert.equal((await signIn(world, email, kPassword, from('203.0.113.41'))).status, 200);
    assert.deepEqual(siteverify.questions, []);
  });

  test('a burst of guesses gets no more of them through than the same ones in turn', async () => {
    const email = newEmail();
    const answers = await Promise.all(Array.from({length: 12}, (_, index) => signIn(world, email, 'wrong horse battery', from(`203.0.113.${100 + index}`))));
    assert.equal(answers.filter(({status}) => status === 401).length, 3);
    assert.equal(answers.filter(({status}) => status === 400).length, 9);
  });
});

test('a preflight of a trusted origin is answered without a token and allows its field', async () => {
  const world = await start({}, {trusted_origins: ['https://app.example.test']});
  try {
    const response = await world.gateway.request('OPTIONS', '/api/auth/sign-in/email', {
      headers: {Origin: 'https://app.example.test', 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'content-type,x-captcha-response'},
    });
    assert.equal(response.status, 204);
    assert.match(response.fields.get('access-control-allow-headers'), /x-captcha-response/);
    assert.deepEqual(siteverify.questions, []);
  } finally {
    await world.stop();
  }
});
