// Mails over the wire: what a mail server hears, with STARTTLS, implicit TLS and in clear, with and without sign-in; what becomes of a
// mail that the server does not take; and that neither the way of the request nor the log knows anything of it.
import assert from 'node:assert/strict';
import {existsSync, mkdtempSync, readdirSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after, before, test} from 'node:test';
import {Authority} from './support/certificates.mjs';
import {Gateway, runCommand} from './support/gateway.mjs';
import {eventually} from './support/servers.mjs';
import {postJson, signIn, signUp} from './support/session.mjs';
import {SmtpServer} from './support/smtp_server.mjs';

const kUser = {user: 'gateway', password: 'a p@ssword: with "signs"'};

let directory;
let authority;
let certificate;

before(() => {
  directory = mkdtempSync(join(tmpdir(), 'gatehouse-mail-'));
  authority = new Authority(directory);
  const files = authority.issue('mail', ['localhost']);
  certificate = {cert: readFileSync(files.cert), key: readFileSync(files.key)};
});
after(() => rmSync(directory, {recursive: true, force: true}));

// Runs `use(gateway, server)` with a gateway that sends its mails to that server.
async function withServer(serverOptions, mail, use) {
  const server = await SmtpServer.start({...certificate, ...serverOptions});
  let gateway;
  try {
    gateway = await Gateway.start({
      routes: [],
      gateway: {mail: {host: 'localhost', port: server.port, from: 'Gätehouse <no-reply@example.test>', ca: join(directory, 'ca.pem'), ...mail}},
    });
    await use(gateway, server);
    await gateway.stop();
  } finally {
    await gateway?.kill();
    await server.close();
  }
}

async function requestReset(gateway, email) {
  const response = await postJson(gateway, '/api/auth/request-password-reset', {email, redirectTo: '/reset?a=1&b=2'});
  assert.equal(response.status, 200, response.body);
  return response;
}

async function metric(gateway, name) {
  const {body} = await gateway.internal('/metrics');
  return Number(String(body).split('\n').find((line) => line.startsWith(`${name} `))?.split(' ')[1]);
}

test('a reset mail goes over STARTTLS with sign-in, and its link sets the password', async () => {
  await withServer({mode: 'starttls', ...kUser}, kUser, async (gateway, server) => {
    const user = await signUp(gateway, {name: 'Ada <b>'});
    await requestReset(gateway, user.email);
    const mail = await server.mail();
    assert.deepEqual([mail.from, mail.to, mail.secure, mail.signedIn], ['no-reply@example.test', [user.email], true, true]);
    assert.equal(mail.fields.subject, 'Reset your password for Gatehouse');
    assert.equal(mail.fields.from, '=?UTF-8?B?R8OkdGVob3VzZQ==?= <no-reply@example.test>');
    assert.equal(mail.fields.to, user.email);
    assert.match(mail.fields['message-id'], /^<[A-Za-z0-9]{24}@example\.test>$/);
    assert.ok(Math.abs(Date.parse(mail.fields.date) - Date.now()) < 60_000, mail.fields.date);
    assert.deepEqual(mail.parts.map((part) => part.fields['content-type']), ['text/plain; charset=utf-8', 'text/html; charset=utf-8']);
    assert.ok(mail.raw.split('\r\n').every((line) => line.length <= 78), 'a long line');
    const [text, html] = mail.parts.map((part) => part.text);
    const links = text.match(/https?:\/\/\S+/g);
    assert.equal(links.length, 1);
    assert.match(links[0], /^https:\/\/gateway\.test\/api\/auth\/reset-password\/[A-Za-z0-9]{24}\?callbackURL=%2Freset%3Fa%3D1%26b%3D2$/);
    assert.ok(html.includes(`href="${links[0]}"`) && !html.includes('<b>'));

    const opened = await gateway.request('GET', new URL(links[0]).pathname + new URL(links[0]).search);
    const token = /[?&]token=([A-Za-z0-9]{24})$/.exec(opened.fields.get('location'))[1];
    assert.equal(opened.fields.get('location'), `https://gateway.test/reset?a=1&b=2&token=${token}`);
    const uses = await Promise.all(
      Array.from({length: 20}, (_, i) => postJson(gateway, '/api/auth/reset-password', {newPassword: `a fresh password ${i}`, token})),
    );
    const winner = uses.findIndex((use) => use.status === 200);
    assert.equal(uses.filter((use) => use.status === 200).length, 1, JSON.stringify(uses.map((use) => use.body)));
    await signIn(gateway, {email: user.email, password: `a fresh password ${winner}`});

    // Nothing was said in clear but the start of TLS.
    assert.deepEqual(server.commands.filter((command) => !command.secure).map((command) => command.text.split(' ')[0]), ['EHLO', 'STARTTLS']);
    assert.equal(server.commands.find((command) => command.text.startsWith('EHLO')).text, 'EHLO gateway.test');
    assert.ok(!(gateway.stdout + gateway.stderr).includes(token), 'the token is in a log');
    assert.ok(!(gateway.stdout + gateway.stderr).includes(kUser.password), 'the password is in a log');
    assert.equal(await metric(gateway, 'gatehouse_mails_total{result="sent"}'), 1);
  });
});

test('implicit TLS, and AUTH LOGIN where the server offers nothing else', async () => {
  await withServer({mode: 'implicit', mechanisms: 'LOGIN', ...kUser}, {...kUser, tls: 'implicit'}, async (gateway, server) => {
    const user = await signUp(gateway);
    await requestReset(gateway, user.email);
    await requestReset(gateway, user.email);
    const mail = await server.mail(2);
    assert.deepEqual([mail.secure, mail.signedIn], [true, true]);
    assert.equal(server.commands.filter((command) => command.text.startsWith('EHLO')).length, 1, 'the connection was not kept');
  });
});

test('a server without TLS, with a foreign certificate or of another name gets neither password nor mail', async () => {
  const foreign = mkdtempSync(join(tmpdir(), 'gatehouse-mail-'));
  const files = new Authority(foreign).issue('mail', ['localhost']);
  const other = authority.issue('other', ['mail.example.test']);
  const read = ({cert, key}) => ({cert: readFileSync(cert), key: readFileSync(key)});
  try {
    for (const options of [{mode: 'plain'}, {mode: 'starttls', ...read(files)}, {mode: 'starttls', ...read(other)}]) {
      await withServer({...options, ...kUser}, kUser, async (gateway, server) => {
        const user = await signUp(gateway);
        await requestReset(gateway, user.email);
        await gateway.until(() => gateway.stderr.includes('mails cannot be delivered'), 'line about the mail server');
        assert.deepEqual(server.mails, []);
        assert.deepEqual(server.commands.filter((command) => !/^(EHLO|STARTTLS|QUIT)/.test(command.text)), []);
        await eventually('a mail that waits', async () => (await metric(gateway, 'gatehouse_mails_waiting')) === 1);
      });
    }
  } finally {
    rmSync(foreign, {recursive: true, force: true});
  }
});

test('a mail that the server refuses for now is tried again, one that it refuses for good is not', async () => {
  let refusals = 1;
  const answer = (command) => {
    if (/^RCPT.*bob@/.test(command)) return '550 no such user';
    return /^RCPT/.test(command) && refusals-- > 0 ? '451 come back later' : undefined;
  };
  await withServer({answer}, {insecure_plain: true}, async (gateway, server) => {
    const ada = await signUp(gateway, {email: 'ada@example.test'});
    await signUp(gateway, {email: 'bob@example.test'});
    await requestReset(gateway, 'bob@example.test');
    await gateway.until(() => gateway.stderr.includes('mail given up'), 'line about the refused mail');
    await requestReset(gateway, ada.email);
    const mail = await server.mail();
    assert.deepEqual(mail.to, [ada.email]);
    assert.equal(server.commands.filter((command) => command.text.startsWith('RCPT TO:<bob@')).length, 1);
    assert.equal(server.commands.filter((command) => command.text.startsWith('RCPT TO:<ada@')).length, 2);
    assert.equal(await metric(gateway, 'gatehouse_mails_total{result="failed"}'), 1);
    assert.match(gateway.stderr, /insecure setting: mail\.insecure_plain/);
  });
});

test('a server that greets with a refusal has refused no mail', async () => {
  let refusals = 1;
  const answer = (command) => (command === '(greeting)' && refusals-- > 0 ? '554 no service here' : undefined);
  await withServer({answer}, {insecure_plain: true}, async (gateway, server) => {
    const user = await signUp(gateway);
    await requestReset(gateway, user.email);
    assert.deepEqual((await server.mail()).to, [user.email]);
    assert.equal(await metric(gateway, 'gatehouse_mails_total{result="failed"}'), 0);
  });
});

test('requests do not wait for a mail server that says nothing, nor does the end', async () => {
  await withServer({answer: (command) => (/^MAIL/.test(command) ? '250-' : undefined)}, {insecure_plain: true}, async (gateway) => {
    const user = await signUp(gateway);
    for (let i = 0; i < 4; ++i) await requestReset(gateway, user.email);
    const start = Date.now();
    await requestReset(gateway, user.email);
    assert.ok(Date.now() - start < 2_000);
    await gateway.until(() => gateway.running, 'running gateway');
    const end = Date.now();
    gateway.signal('SIGTERM');
    await gateway.ended();
    assert.ok(Date.now() - end < 15_000);
  });
});

test('what is wrong about the mail server is told at the start', async () => {
  const check = async (mail, env = {}) => {
    const gateway = new Gateway({routes: [], gateway: {mail}});
    const {code, stderr} = await runCommand(['check', '--config', gateway.file], {cwd: gateway.directory, env});
    rmSync(gateway.directory, {recursive: true, force: true});
    return `${code} ${stderr}`;
  };
  assert.match(await check({host: 'mail.test'}), /^1 .*gateway\.mail\.from/s);
  assert.match(await check({host: 'mail.test', from: 'nobody'}), /^1 .*is not a mail address/s);
  assert.match(await check({from: 'a@b.test'}), /^1 .*gateway\.mail\.host/s);
  assert.match(await check({host: 'mail.test', from: 'a@b.test', user: 'x'}), /^1 .*gateway\.mail\.password/s);
  assert.match(await check({host: 'mail.test', from: 'a@b.test', tls: 'starttls', insecure_plain: true}), /^1 .*gateway\.mail\.tls/s);
  assert.match(await check(undefined, {SMTP_HOST: 'mail.test', SMTP_FROM: 'Example <a@b.test>'}), /^0 /);
});

test('in development a mail is a file, and its link a line of the log', async () => {
  const gateway = await Gateway.start({routes: [], arguments: ['--dev']});
  try {
    const user = await signUp(gateway);
    await requestReset(gateway, user.email);
    const outbox = join(gateway.directory, 'data/outbox');
    const file = await gateway.until(() => existsSync(outbox) && readdirSync(outbox).find((name) => name.endsWith('.eml')), 'file in the outbox');
    assert.match(readFileSync(join(outbox, file), 'utf8'), /Subject: Reset your password for Gatehouse\r\n/);
    await gateway.until(() => /reset-password\/[A-Za-z0-9]{24}/.test(gateway.stderr), 'link in the log');
    await gateway.stop();
  } finally {
    await gateway.kill();
  }
});
