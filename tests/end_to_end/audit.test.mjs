// The audit trail of a run with every event: each is a row and a line, with the request that it belongs to, and without a secret.
import assert from 'node:assert/strict';
import {after, before, describe, test} from 'node:test';
import {Gateway, kOrigin, runCommand} from './support/gateway.mjs';
import {IdentityProvider} from './support/identity_provider.mjs';
import {PostgresServer} from './support/postgres.mjs';
import {eventually} from './support/servers.mjs';
import {Browser, postJson, signUp} from './support/session.mjs';
import {SmtpServer} from './support/smtp_server.mjs';

const kPassword = 'correct horse battery';
const kNext = 'another long password';
const kAgent = {'User-Agent': 'Audited/1.0'};
const kAuth = {
  user: {change_email: {enabled: true}, delete_user: {enabled: true}},
  session: {bind: {user_agent: true}},
  rate_limit: {enabled: true, custom_rules: {'/ok': {window: '60s', max: 1}, '/**': false}},
};

async function trail(gateway, ...args) {
  const ended = await runCommand(['audit', '--config', gateway.file, '--json', ...args]);
  assert.equal(ended.code, 0, ended.stderr);
  return ended.stdout.split('\n').slice(0, -1).map((line) => JSON.parse(line));
}

const brief = ({audit, outcome, reason}) => [audit, outcome, reason].filter(Boolean).join(' ');

// Until so many entries are there; they are written off the way of requests.
async function trailOf(gateway, count, ...args) {
  let entries;
  const arrived = async () => {
    entries = await trail(gateway, ...args);
    return entries.length >= count;
  };
  await eventually(`${count} entries`, arrived, 60_000);
  return entries;
}

for (const engine of ['SQLite', 'PostgreSQL']) {
  describe(`the audit trail, on ${engine}`, () => {
    let postgres;
    let smtp;
    let provider;
    let gateway;
    before(async () => {
      if (engine === 'PostgreSQL') postgres = await PostgresServer.start();
      smtp = await SmtpServer.start();
      provider = await IdentityProvider.start();
      provider.user = {sub: 'sub-1', email: 'cleo@example.test', email_verified: true, name: 'Cleo'};
      const company = {client_id: 'app', client_secret: 'app-secret', discovery_url: `${provider.url}/.well-known/openid-configuration`, insecure_http: true, private_network: true};
      gateway = await Gateway.start({
        routes: [],
        upstreams: {},
        gateway: {
          ...(postgres ? {database: {url: postgres.url()}} : {}),
          mail: {host: '127.0.0.1', port: smtp.port, from: 'no-reply@example.test', insecure_plain: true},
          auth: {...kAuth, generic_oauth: {company}},
        },
      });
    });
    after(async () => {
      await gateway?.kill();
      await provider?.stop();
      await smtp?.close();
      await postgres?.remove();
    });

    const post = (path, body, cookie, headers = {}) => postJson(gateway, `/api/auth${path}`, body, {...kAgent, ...(cookie ? {Cookie: cookie} : {}), ...headers});
    const cookieOf = (response) => response.fields.all('set-cookie').find((line) => line.includes('session_token=')).split(';')[0];
    const mailed = async (count, pattern) => pattern.exec((await smtp.mail(count)).parts[0].text)[1];

    test('every event of a run is a row and a line', async () => {
      const expected = [];
      const secrets = [kPassword, kNext, 'wrong password 0815'];
      const did = async (answer, status, ...events) => {
        const response = await answer;
        assert.equal(response.status, status, `${events}: ${response.body}`);
        expected.push(...events);
        return response;
      };
      const email = 'ada@example.test';
      const up = await did(post('/sign-up/email', {name: 'Ada', email, password: kPassword}), 200, 'sign_up ok');
      const ada = JSON.parse(up.body).user.id;
      let cookie = cookieOf(up);
      await did(post('/sign-up/email', {name: 'Ada', email, password: kPassword}), 422, 'sign_up failed email_taken');
      await did(post('/sign-in/email', {email, password: 'wrong password 0815'}), 401, 'sign_in failed wrong_password');
      await did(post('/sign-in/email', {email: 'typed-secret@example.test', password: 'wrong password 0815'}), 401, 'sign_in failed unknown_user');
      secrets.push('typed-secret');
      const phone = await did(post('/sign-in/email', {email, password: kPassword}), 200, 'sign_in ok');
      const {token} = JSON.parse(phone.body);
      secrets.push(token, decodeURIComponent(cookie).split('=')[1].split('.')[0]);
      await did(post('/verify-password', {password: kPassword}, cookie), 200, 'password_check ok');
      await did(gateway.request('GET', '/api/auth/get-session', {headers: {Cookie: cookie, 'User-Agent': 'Elsewhere/2.0'}}), 200, 'session_bound_elsewhere failed user_agent');
      await did(gateway.request('GET', '/api/auth/get-session', {headers: {Cookie: cookie, 'User-Agent': 'Elsewhere/2.0'}}), 200);
      await did(post('/revoke-session', {token}, cookie), 200, 'session_revoked ok');
      await did(post('/revoke-other-sessions', {}, cookie), 200, 'sessions_revoked ok');
      const changed = await did(post('/change-password', {currentPassword: kPassword, newPassword: kNext, revokeOtherSessions: true}, cookie), 200, 'password_changed ok', 'sessions_revoked ok');
      cookie = cookieOf(changed);
      await did(post('/request-password-reset', {email, redirectTo: `${kOrigin}/x`}), 200, 'password_reset_requested ok');
      const reset = await mailed(1, /reset-password\/([A-Za-z0-9]{24})/);
      secrets.push(reset);
      await did(post('/reset-password', {newPassword: kPassword, token: reset}), 200, 'password_reset ok', 'sessions_revoked ok');
      await did(post('/reset-password', {newPassword: kPassword, token: reset}), 400, 'password_reset failed invalid_token');
      cookie = cookieOf(await did(post('/sign-in/email', {email, password: kPassword}), 200, 'sign_in ok'));
      await did(post('/send-verification-email', {email}, cookie), 200);
      await did(gateway.request('GET', `/api/auth/verify-email?token=${await mailed(2, /verify-email\?token=([^&\s]+)/)}`, {headers: kAgent}), 200, 'email_verified ok');
      await did(post('/change-email', {newEmail: 'ada@new.example'}, cookie), 200, 'email_change_requested ok');
      await did(gateway.request('GET', `/api/auth/verify-email?token=${await mailed(3, /verify-email\?token=([^&\s]+)/)}`, {headers: kAgent}), 200, 'email_changed ok');

      const browser = new Browser(gateway);
      const start = async () => {
        const answer = await browser.fetch(`${kOrigin}/api/auth/sign-in/social`, {method: 'POST', headers: {'content-type': 'application/json', ...kAgent}, body: JSON.stringify({provider: 'company', callbackURL: '/done', errorCallbackURL: '/oops'})});
        return provider.approve((await answer.json()).url);
      };
      const arrive = (callback) => browser.fetch(`${kOrigin}${callback}`, {headers: kAgent});
      const callback = await start();
      await did(arrive(callback), 302, 'sign_up ok', 'sign_in ok');
      provider.instead.set('/token', (request, response) => response.writeHead(500).end());
      await did(arrive(await start()), 302, 'provider_refused failed invalid_code');
      provider.instead.clear();
      await browser.close();

      await did(gateway.request('GET', '/api/auth/ok', {headers: kAgent}), 200);
      await did(gateway.request('GET', '/api/auth/ok', {headers: kAgent}), 429, 'auth_limited failed limited_auth');
      await did(gateway.request('GET', '/api/auth/ok', {headers: kAgent}), 429);
      const out = await did(post('/sign-in/email', {email: 'ada@new.example', password: kPassword}), 200, 'sign_in ok');
      const left = await did(post('/sign-out', {}, cookieOf(out)), 200, 'sign_out ok');
      await did(post('/delete-user', {password: 'wrong password 0815'}, cookie), 400, 'user_deleted failed invalid_password');
      await did(post('/delete-user', {password: kPassword}, cookie), 200, 'user_deleted ok');

      const rows = await trailOf(gateway, expected.length);
      assert.deepEqual(rows.map(brief), expected);
      await gateway.until(() => gateway.auditLog().length >= expected.length, 'lines of the trail');
      assert.deepEqual(gateway.auditLog(), rows);
      for (const row of rows) {
        assert.equal(row.address, '127.0.0.1');
        assert.equal(row.user_agent, row.audit === 'session_bound_elsewhere' ? 'Elsewhere/2.0' : 'Audited/1.0');
        assert.match(row.request_id, /^[0-9a-f]{32}$/);
      }
      const isLogged = (row) => gateway.accessLog().some(({request_id: id}) => id === row.request_id);
      await gateway.until(() => rows.every(isLogged), 'lines of the access log');
      assert.equal(rows.find(({audit}) => audit === 'sign_out').request_id, left.fields.get('x-request-id'));
      const text = JSON.stringify(rows);
      for (const secret of secrets) assert.ok(!text.includes(secret), `${secret} is in the trail`);

      // The user is gone, and what they did is not.
      const own = await trail(gateway, '--user', ada);
      assert.equal(own.length, rows.filter(({actor, target}) => actor === ada || target === ada).length);
      assert.ok(own.length > 10);
      assert.deepEqual((await trail(gateway, '--event', 'user_deleted')).map(brief), ['user_deleted failed invalid_password', 'user_deleted ok']);
      const cleo = await trail(gateway, '--user', 'cleo@example.test');
      assert.deepEqual(cleo.map(brief), ['sign_up ok', 'sign_in ok']);
      assert.ok(cleo.every(({detail}) => detail === 'company'));
      const metrics = (await gateway.internal('/metrics')).body.toString();
      assert.match(metrics, new RegExp(`^gatehouse_audit_entries_total\\{result="stored"\\} ${expected.length}$`, 'm'));
      assert.match(metrics, /^gatehouse_audit_entries_total\{result="repeated"\} 2$/m);
    });

    test('for a person an entry is one line, and a name that is none is refused', async () => {
      const ended = await runCommand(['audit', '--config', gateway.file, '--event', 'user_deleted', '--since', '1h']);
      assert.equal(ended.code, 0, ended.stderr);
      const lines = ended.stdout.split('\n').slice(0, -1);
      assert.equal(lines.length, 2);
      assert.match(lines[0], /^\d{4}-\d\d-\d\dT[\d:.]+Z user_deleted +failed reason=invalid_password actor=\S+ address=127\.0\.0\.1 request=[0-9a-f]{32} agent=Audited\/1\.0$/);
      assert.equal((await runCommand(['audit', '--config', gateway.file, '--event', 'nothing'])).code, 2);
      assert.equal((await runCommand(['audit', '--config', gateway.file, '--since', 'yesterday'])).code, 2);
      const nobody = await runCommand(['audit', '--config', gateway.file, '--user', 'nobody@example.test']);
      assert.deepEqual([nobody.code, nobody.stdout], [1, '']);
      assert.equal((await runCommand(['audit', '--config', gateway.file, '--user', ''])).code, 2);
      assert.equal((await runCommand(['audit', '--config', gateway.file, '--outcome', 'bad'])).code, 2);
      const failed = await trail(gateway, '--outcome', 'failed');
      assert.ok(failed.length > 3 && failed.every(({outcome}) => outcome === 'failed'));
      assert.deepEqual((await trail(gateway, '--event', 'user_deleted', '--outcome', 'ok')).map(brief), ['user_deleted ok']);
      const none = await runCommand(['audit', '--config', gateway.file, '--event', 'two_factor']);
      assert.deepEqual([none.code, none.stdout], [0, '']);
      assert.match(none.stderr, /^no entries since \d{4}-/);
    });

    test('the trail is read from one time to another', async () => {
      const audit = (...options) => runCommand(['audit', '--config', gateway.file, '--event', 'user_deleted', ...options]);
      assert.equal((await audit('--since', '1h', '--until', '0')).stdout.split('\n').length, 3);
      const before = await audit('--since', '2h', '--until', '1h');
      assert.deepEqual([before.code, before.stdout], [0, '']);
      assert.match(before.stderr, /^no entries since \d{4}-[\d:.T-]+Z until \d{4}-[\d:.T-]+Z\n$/);
      for (const [options, problem] of [
        [['--until', 'yesterday'], /^--until: /],
        [['--until', '90'], /^--until: /],
        [['--since', '1h', '--until', '2h'], /^--until: 2h is no later than --since 1h, so that nothing is between them\n$/],
        [['--since', '1h', '--until', '60m'], /^--until: 60m is no later than --since 1h/],
        [['--until', '1h', '--follow'], /--until excludes --follow/],
      ]) {
        const refused = await audit(...options);
        assert.deepEqual([refused.code, refused.stdout], [2, ''], `${options}: ${refused.stderr}`);
        assert.match(refused.stderr, problem);
      }
    });
  });
}

test('while PostgreSQL is away requests go on, lines are written, and the rows come with it', async () => {
  const postgres = await PostgresServer.start();
  const gateway = await Gateway.start({routes: [], upstreams: {}, gateway: {database: {url: postgres.url()}, auth: {rate_limit: {enabled: true, custom_rules: {'/ok': {window: '60s', max: 1}, '/**': false}}}}});
  try {
    await signUp(gateway);
    await trailOf(gateway, 1);
    await postgres.stop();
    await gateway.request('GET', '/api/auth/ok');
    assert.equal((await gateway.request('GET', '/api/auth/ok')).status, 429);
    await gateway.until(() => gateway.auditLog().some(({audit}) => audit === 'auth_limited'), 'line of what happened meanwhile');
    await gateway.until(() => gateway.stderr.includes('the audit trail waits for the database'), 'word of the database', 30_000);
    await postgres.run();
    const rows = await trailOf(gateway, 2);
    assert.deepEqual(rows.map(brief), ['sign_up ok', 'auth_limited failed limited_auth']);
    await gateway.stop();
  } finally {
    await gateway.kill();
    await postgres.remove();
  }
});

test('what is switched off is not there: neither the table, nor lines', async () => {
  const gateway = await Gateway.start({routes: [], upstreams: {}, gateway: {audit: {enabled: false, log: false}}});
  try {
    await signUp(gateway);
    await gateway.logged(({path}) => path === '/api/auth/sign-up/email');
    assert.deepEqual(gateway.auditLog(), []);
    const ended = await runCommand(['audit', '--config', gateway.file]);
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, /has no table gatehouse_audit: /);
    await gateway.stop();
  } finally {
    await gateway.kill();
  }
});
