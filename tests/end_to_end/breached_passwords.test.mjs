// Passwords that are known from breaches, with a stub that speaks the range API of Have I Been Pwned.
import assert from 'node:assert/strict';
import {createHash} from 'node:crypto';
import {createServer} from 'node:http';
import {after, before, beforeEach, test} from 'node:test';
import {Gateway} from './support/gateway.mjs';
import {postJson} from './support/session.mjs';

const kBreached = 'password1234';
const kUnknown = 'correct horse battery';

// Lists the one password, among padding.
class RangeService {
  asked = [];
  instead = null; // function(response)

  static async start() {
    const service = new RangeService();
    service.server = createServer((request, response) => service.#answer(request, response));
    await new Promise((done) => service.server.listen(0, '127.0.0.1', done));
    service.url = `http://127.0.0.1:${service.server.address().port}/range`;
    return service;
  }

  stop() {
    this.server.closeAllConnections();
    return new Promise((done) => this.server.close(done));
  }

  #answer(request, response) {
    this.asked.push({path: request.url, padding: request.headers['add-padding']});
    if (this.instead) return this.instead(response);
    const digest = createHash('sha1').update(kBreached).digest('hex').toUpperCase();
    const padding = Array.from({length: 800}, (_, index) => `${index.toString(16).toUpperCase().padStart(35, '0')}:0`);
    const found = request.url.endsWith(`/${digest.slice(0, 5)}`) ? [`${digest.slice(5)}:37`] : [];
    response.end([...padding, ...found].join('\r\n'));
  }
}

let service;
let gateway;
before(async () => {
  service = await RangeService.start();
  gateway = await Gateway.start({upstreams: {}, routes: [], gateway: {auth: {breached_passwords: {enabled: true, insecure_url: service.url}}}});
});
after(async () => {
  await gateway?.stop();
  await service?.stop();
});
beforeEach(() => {
  service.asked = [];
  service.instead = null;
});

let people = 0;
const signUp = (password) => postJson(gateway, '/api/auth/sign-up/email', {name: 'Ada', email: `person${++people}@example.test`, password});
const readMetrics = async () => (await gateway.internal('/metrics')).body.toString();

test('a breached password is refused, another is not; five digits go out', async () => {
  const refused = await signUp(kBreached);
  assert.equal(refused.status, 400);
  assert.deepEqual(JSON.parse(refused.body), {
    code: 'PASSWORD_COMPROMISED',
    message: 'The password you entered has been compromised. Please choose a different password.',
  });
  assert.equal((await signUp(kUnknown)).status, 200);
  assert.equal(service.asked.length, 2);
  for (const {path, padding} of service.asked) {
    assert.match(path, /^\/range\/[0-9A-F]{5}$/);
    assert.equal(padding, 'true');
  }
  assert.ok(gateway.stderr.includes('breached_passwords.insecure_url'));
});

test('a service that is dead, slow, endless or talks nonsense stops nobody, is counted, and told once', async () => {
  const table = [
    (response) => response.destroy(),
    () => {},
    (response) => response.writeHead(500).end('no'),
    (response) => response.end('<html></html>'),
    (response) => response.end('0'.repeat(1_000_000)),
  ];
  for (const instead of table) {
    service.instead = instead;
    assert.equal((await signUp(kBreached)).status, 200);
  }
  const metrics = await readMetrics();
  assert.match(metrics, /^gatehouse_breached_password_checks_total\{result="unanswered"\} 5$/m);
  assert.match(metrics, /^gatehouse_breached_password_service_up 0$/m);
  assert.equal(gateway.stderr.split('\n').filter((line) => line.includes('breached passwords cannot be looked for')).length, 1);
});
