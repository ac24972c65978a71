// The link that verifies an address may be followed any number of times, but signs in once, however many follow it at once.
import assert from 'node:assert/strict';
import {testWithMails} from './support/mail_tests.mjs';
import {cookiesOf, postJson} from './support/session.mjs';

const kAuth = {email_and_password: {require_email_verification: true}, email_verification: {auto_sign_in_after_verification: true}};

testWithMails('of twenty who follow the link at once one is signed in', kAuth, async (gateway, server) => {
  const user = {name: 'Ada', email: 'ada@example.test', password: 'correct horse battery'};
  const signUp = await postJson(gateway, '/api/auth/sign-up/email', user);
  assert.deepEqual([signUp.status, cookiesOf(signUp)], [200, []]);
  assert.equal((await postJson(gateway, '/api/auth/sign-in/email', user)).status, 403);
  const mail = await server.mail();
  const link = /https:\/\/[^/]+(\/api\/auth\/verify-email\?token=[\w.-]+&callbackURL=%2F)/.exec(mail.parts[0].text)[1];
  const answers = await Promise.all(Array.from({length: 20}, () => gateway.request('GET', link)));
  assert.deepEqual([...new Set(answers.map((answer) => `${answer.status} ${answer.fields.get('location')}`))], ['302 /']);
  assert.equal(answers.filter((answer) => cookiesOf(answer).length > 0).length, 1);
  assert.equal((await postJson(gateway, '/api/auth/sign-in/email', user)).status, 200);
  await gateway.stop();
  const token = /token=([^&]+)/.exec(link)[1];
  assert.ok(!gateway.stdout.includes(token) && !gateway.stderr.includes(token));
});
