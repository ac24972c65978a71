// The link that deletes a user: of many who use it at once one gets through, on PostgreSQL and on SQLite, and the mail's words never
// reach the log.
import assert from 'node:assert/strict';
import {testWithMails} from './support/mail_tests.mjs';
import {postJson, signUp} from './support/session.mjs';

const kAuth = {user: {delete_user: {enabled: true, send_delete_account_verification: true}}};

testWithMails('of twenty uses at once one deletes the user', kAuth, async (gateway, server) => {
  const user = await signUp(gateway);
  const headers = {Cookie: user.cookie};
  const sent = await postJson(gateway, '/api/auth/delete-user', {password: user.password}, headers);
  assert.equal(sent.body.toString(), '{"success":true,"message":"Verification email sent"}');
  const mail = await server.mail();
  const token = /callback\?token=([0-9a-z]{32})/.exec(mail.parts[0].text)[1];
  const uses = Array.from({length: 20}, (_, index) =>
    index % 2
      ? postJson(gateway, '/api/auth/delete-user', {token}, headers)
      : gateway.request('GET', `/api/auth/delete-user/callback?token=${token}`, {headers}),
  );
  const statuses = (await Promise.all(uses)).map((answer) => answer.status);
  assert.equal(statuses.filter((status) => status === 200).length, 1, statuses.join(' '));
  assert.ok(statuses.every((status) => [200, 401, 404].includes(status)), statuses.join(' '));
  const again = await postJson(gateway, '/api/auth/sign-in/email', {email: user.email, password: user.password});
  assert.equal(again.status, 401);
  await gateway.stop();
  assert.ok(!gateway.stdout.includes(token) && !gateway.stderr.includes(token));
});
