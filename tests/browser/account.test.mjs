// The account page as the gateway serves it: every action, with a real identity provider's answers and real mails.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { kOrigin } from '../end_to_end/support/gateway.mjs';
import { AccountWorld, expectSaid, focused, kAccount, kDevices, kPassword, signInWithProvider, waitForAccount } from './support/account_world.mjs';
import { findAccessibilityFaults } from './support/browser.mjs';

let world;
before(async () => {
  world = await AccountWorld.start();
});
after(() => world?.stop());
afterEach(() => world.closePages());

const click = (page, name) => page.getByRole('button', { name, exact: true }).click();

async function signIn(page, email, password = kPassword) {
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await click(page, 'Sign in');
}

test('a visitor without a session is sent to sign in, and comes back', async () => {
  const user = await world.makeUser('Ada Lovelace', 'visitor@example.com');
  const { page, complaints } = await world.openPage();
  await page.goto(kAccount);
  await page.waitForURL(`${kOrigin}/sign-in?return_to=%2Faccount`);
  await signIn(page, user.email);
  await waitForAccount(page);
  assert.equal(await page.locator('#who_name').textContent(), 'Ada Lovelace');
  assert.equal(await page.locator('#who_email').textContent(), user.email);
  assert.equal(await page.locator('#avatar').textContent(), 'AL');
  await click(page, 'Sign out');
  await page.waitForURL(`${kOrigin}/sign-in?return_to=%2Faccount`);
  assert.deepEqual(complaints, []);
});

test('name and picture are changed, and a wrong picture is said beside its field', async () => {
  const user = await world.makeUser('Ada Lovelace', 'profile@example.com');
  const { page, complaints } = await world.openAccount(user.cookie);
  await page.getByLabel('Picture address').fill('javascript:alert(1)');
  await click(page, 'Save profile');
  await expectSaid(page, '#profile', 'begins with https://');
  assert.equal(await page.getByLabel('Picture address').getAttribute('aria-describedby'), 'image_hint image_error');
  await page.getByLabel('Name').fill('Augusta King');
  await page.getByLabel('Picture address').fill('https://pictures.example/ada.png');
  await page.getByLabel('Picture address').press('Enter');
  await expectSaid(page, '#profile', 'Your profile is saved.');
  assert.equal(await page.locator('#who_name').textContent(), 'Augusta King');
  assert.equal(await page.locator('#avatar').textContent(), 'AK');
  const { user: stored } = JSON.parse((await world.ask('/get-session', user.cookie)).body);
  assert.deepEqual([stored.name, stored.image], ['Augusta King', 'https://pictures.example/ada.png']);
  await page.getByLabel('Picture address').fill('');
  await click(page, 'Save profile');
  await expectSaid(page, '#profile', 'Your profile is saved.');
  assert.equal(JSON.parse((await world.ask('/get-session', user.cookie)).body).user.image, null);
  assert.deepEqual(complaints, []);
});

test('a picture that the page may show takes the place of the initials', async () => {
  const user = await world.makeUser('Ada Lovelace', 'picture@example.com');
  const { page, complaints } = await world.openAccount(user.cookie);
  await page.getByLabel('Picture address').fill('data:image/gif;base64,R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs=');
  await click(page, 'Save profile');
  await page.locator('#avatar img').waitFor();
  assert.deepEqual(complaints, []);
});

test('the address is confirmed by a mail, and changed by another one', async () => {
  const user = await world.makeUser('Ada Lovelace', 'first@example.com');
  const mails = world.smtp.mails.length;
  const { page, complaints } = await world.openAccount(user.cookie);
  assert.equal(await page.locator('#email_state').textContent(), 'Not confirmed');
  await click(page, 'Send confirmation mail');
  await expectSaid(page, '#email', 'A mail with a link is on its way to first@example.com.');
  const confirmation = await world.findLink(mails + 1);
  assert.equal(confirmation.to, user.email);
  await page.goto(confirmation.link);
  await waitForAccount(page);
  await expectSaid(page, 'main >', 'Your e-mail address is confirmed.');
  assert.equal(await page.locator('#email_state').textContent(), 'Confirmed');
  assert.equal(await page.getByRole('button', { name: 'Send confirmation mail' }).count(), 0);

  await page.getByLabel('New e-mail').fill('First@example.com');
  await click(page, 'Change e-mail');
  await expectSaid(page, '#email', 'This is your address already.');
  await page.getByLabel('New e-mail').fill('second@example.com');
  await click(page, 'Change e-mail');
  await expectSaid(page, '#email', 'If second@example.com can be used, a mail with a link is on its way.');
  assert.equal(await page.locator('#email_now').textContent(), 'first@example.com');
  const change = await world.findLink(mails + 2);
  assert.equal(change.to, 'second@example.com');
  await page.goto(change.link);
  await waitForAccount(page);
  await expectSaid(page, 'main >', 'Your e-mail address has been changed.');
  assert.equal(await page.locator('#email_now').textContent(), 'second@example.com');
  assert.equal(await page.locator('#who_email').textContent(), 'second@example.com');
  await page.reload();
  await waitForAccount(page);
  assert.equal(await page.locator('main > .message').textContent(), '');

  await page.goto(change.link);
  await waitForAccount(page);
  await expectSaid(page, 'main >', 'This link does not count any more.');
  assert.deepEqual(complaints, []);
});

test('the password is changed, and other devices are signed out where that is wanted', async () => {
  const user = await world.makeUser('Ada Lovelace', 'password@example.com');
  const phone = await world.addSession(user, kDevices.phone);
  const { page, complaints } = await world.openAccount(user.cookie);
  const fill = async (current, fresh) => {
    await page.getByLabel('Current password').fill(current);
    await page.getByLabel('New password').fill(fresh);
    await click(page, 'Change password');
  };
  await fill('wrong horse', 'a fresh password 1');
  await expectSaid(page, '#password', 'The password is wrong.');
  assert.equal(await page.locator('#current_password').getAttribute('aria-invalid'), 'true');
  await fill(kPassword, 'short');
  await page.locator('#new_password_error', { hasText: 'Use at least 8 characters.' }).waitFor();
  assert.equal(await focused(page), 'new_password');

  await page.getByLabel('Sign out my other devices').uncheck();
  await fill(kPassword, 'a fresh password 1');
  await expectSaid(page, '#password', 'Your password is changed.');
  assert.equal(await page.getByLabel('Current password').inputValue(), '');
  assert.equal(await world.isSignedIn(phone), true);

  await fill('a fresh password 1', 'a fresh password 2');
  await expectSaid(page, '#password', 'Your password is changed, and your other devices are signed out.');
  assert.equal(await world.isSignedIn(phone), false);
  assert.equal(await world.isSignedIn(user.cookie), false);
  await page.locator('#sessions_list > li').nth(1).waitFor({ state: 'detached' });
  assert.ok(await page.getByText('This device').isVisible());
  await page.reload();
  await waitForAccount(page);
  assert.deepEqual(complaints, []);
});

test('devices are told in words, and signed out one by one or all at once', async () => {
  const user = await world.makeUser('Ada Lovelace', 'devices@example.com');
  const phone = await world.addSession(user, kDevices.phone);
  const program = await world.addSession(user, kDevices.program);
  const second = await world.openAccount(phone, { userAgent: kDevices.phone, viewport: { width: 390, height: 800 } });
  const { page, complaints } = await world.openAccount(user.cookie);
  const rows = page.locator('#sessions_list > li');
  assert.deepEqual(await page.locator('#sessions_list strong').allTextContents().then((all) => [all[0], ...all.slice(1).sort()]), ['Chrome on Windows', 'Safari on iPhone', 'curl']);
  const mine = rows.first();
  assert.ok(await mine.getByText('This device').isVisible());
  assert.equal(await mine.getByRole('button').count(), 0);
  assert.match(await mine.textContent(), /From 127\.0\.0\.1\s*Signed in (just now|\d+ minutes? ago)/);

  await page.getByRole('button', { name: /^Sign out Safari on iPhone/ }).click();
  await expectSaid(page, '#sessions', 'Safari on iPhone is signed out.');
  assert.equal(await rows.count(), 2);
  assert.equal(await world.isSignedIn(phone), false);
  // The other browser learns it with its next action.
  await click(second.page, 'Save profile');
  await second.page.waitForURL(`${kOrigin}/sign-in?return_to=%2Faccount`);

  await click(page, 'Sign out all other devices');
  await page.getByRole('dialog', { name: 'Sign out all other devices?' }).waitFor();
  assert.deepEqual(await findAccessibilityFaults(page), []);
  await page.keyboard.press('Escape');
  assert.equal(await world.isSignedIn(program), true);
  assert.equal(await focused(page), 'sessions_others');
  await page.keyboard.press('Enter');
  await click(page, 'Sign them out');
  await expectSaid(page, '#sessions', 'All other devices are signed out.');
  assert.equal(await world.isSignedIn(program), false);
  assert.equal(await world.isSignedIn(user.cookie), true);
  assert.equal(await rows.count(), 1);
  assert.equal(await page.getByRole('button', { name: 'Sign out all other devices' }).count(), 0);
  assert.deepEqual(complaints, []);
});

test('an account of a provider is linked and unlinked', async () => {
  const user = await world.makeUser('Ada Lovelace', 'linking@example.com');
  const { page, complaints } = await world.openAccount(user.cookie);
  world.provider.user = { sub: 'sub-link', email: 'other@example.com', email_verified: true, name: 'Ada' };
  await click(page, 'Link company');
  await waitForAccount(page);
  await expectSaid(page, 'main >', 'That account has another e-mail address than this one, so it was not linked.');

  world.provider.user.email = user.email;
  await click(page, 'Link company');
  await page.getByRole('button', { name: 'Unlink company' }).waitFor();
  await expectSaid(page, 'main >', 'The account is linked.');
  assert.match(await page.locator('#accounts_list').textContent(), /Linked on \w+ \d+, \d{4}/);

  await click(page, 'Unlink company');
  await click(page, 'Cancel');
  assert.equal(JSON.parse((await world.ask('/list-accounts', user.cookie)).body).length, 2);
  await click(page, 'Unlink company');
  await page.getByRole('button', { name: 'Unlink', exact: true }).click();
  await expectSaid(page, '#accounts', 'company is unlinked.');
  assert.deepEqual(JSON.parse((await world.ask('/list-accounts', user.cookie)).body).map((account) => account.providerId), ['credential']);
  assert.ok(await page.getByRole('button', { name: 'Link company' }).isVisible());
  assert.deepEqual(complaints, []);
});

test('somebody without a password is told why the last way in stays, and gets a mail to set one', async () => {
  world.provider.user = { sub: 'sub-only', email: 'only@example.com', email_verified: true, name: 'Olga Only' };
  const { page, complaints } = await world.openPage();
  await signInWithProvider(page);
  const unlink = page.getByRole('button', { name: 'Unlink company' });
  assert.equal(await unlink.getAttribute('aria-disabled'), 'true');
  assert.equal(await unlink.getAttribute('aria-describedby'), 'accounts_last');
  await unlink.click({ force: true });
  await expectSaid(page, '#accounts', 'The only way to sign in cannot be unlinked.');
  assert.equal(await page.getByLabel('Current password').count() && (await page.getByLabel('Current password').isVisible()), false);
  const mails = world.smtp.mails.length;
  await click(page, 'Send the mail');
  await expectSaid(page, '#password', 'A mail with a link is on its way to only@example.com.');
  const { to, link } = await world.findLink(mails + 1);
  assert.equal(to, 'only@example.com');
  assert.equal(new URL(link).searchParams.get('callbackURL'), `${kOrigin}/reset-password`);
  assert.deepEqual(complaints, []);
});

test('an account is deleted with its password, after a question', async () => {
  const user = await world.makeUser('Ada Lovelace', 'gone@example.com');
  const phone = await world.addSession(user, kDevices.phone);
  const { page, complaints } = await world.openAccount(user.cookie);
  await click(page, 'Delete my account …');
  await page.getByRole('dialog', { name: 'Delete your account?' }).waitFor();
  await click(page, 'Delete account');
  await page.locator('#delete_sure_error', { hasText: 'Tick this box to go on.' }).waitFor();
  assert.equal(await page.locator('#delete_password_error').textContent(), 'Enter your password.');
  assert.deepEqual(await findAccessibilityFaults(page), []);
  await page.locator('#delete_password').fill('wrong horse');
  await page.getByLabel('I know that this cannot be undone').check();
  await click(page, 'Delete account');
  await expectSaid(page, '#delete_dialog', 'The password is wrong.');
  await click(page, 'Cancel');
  assert.equal(await focused(page), 'delete_open');
  assert.equal(await world.isSignedIn(phone), true);

  await page.keyboard.press('Enter');
  assert.equal(await page.locator('#delete_password').inputValue(), '');
  assert.equal(await page.locator('#delete_dialog .message').textContent(), '');
  await page.locator('#delete_password').fill(kPassword);
  await page.getByLabel('I know that this cannot be undone').check();
  await click(page, 'Delete account');
  await page.getByRole('heading', { name: 'Your account is deleted' }).waitFor();
  assert.equal(await focused(page), 'title');
  assert.deepEqual(await findAccessibilityFaults(page), []);
  assert.equal(await world.isSignedIn(phone), false);
  await page.goto(kAccount);
  await page.waitForURL(`${kOrigin}/sign-in?return_to=%2Faccount`);
  await signIn(page, user.email);
  await page.getByRole('alert').filter({ hasText: 'The e-mail or the password is wrong.' }).waitFor();
  assert.deepEqual(complaints, []);
});

test('what people and servers say is shown as text, never as markup', async () => {
  const markup = '<img src=x onerror=alert(1)>';
  const user = await world.makeUser(markup, 'markup@example.com', markup);
  const { page, complaints } = await world.openAccount(user.cookie, { userAgent: kDevices.laptop });
  assert.equal(await page.locator('#who_name').textContent(), markup);
  assert.equal(await page.locator('#sessions_list strong').textContent(), markup);
  await page.route('**/update-user', (route) => route.fulfill({ status: 400, json: { code: 'X', message: markup } }));
  await click(page, 'Save profile');
  await expectSaid(page, '#profile', markup);
  assert.equal(await page.locator('main img').count(), 0);
  await page.goto(`${kAccount}?error=${encodeURIComponent(markup)}`);
  await waitForAccount(page);
  await expectSaid(page, 'main >', 'That did not work. Please try again.');
  assert.deepEqual(complaints, []);
});

test('a store that is away is told, and the page can be asked again', async () => {
  const user = await world.makeUser('Ada Lovelace', 'patient@example.com');
  const { page, complaints } = await world.openPage(user.cookie);
  await page.route('**/get-session*', (route) => route.fulfill({ status: 503, json: {} }));
  await page.goto(kAccount);
  await page.getByRole('alert').filter({ hasText: 'The service cannot answer at the moment.' }).waitFor();
  assert.equal(page.url(), kAccount);
  await page.unroute('**/get-session*');
  await click(page, 'Try again');
  await waitForAccount(page);
  await page.route('**/list-sessions', (route) => route.fulfill({ status: 503, json: {} }));
  await page.reload();
  await page.locator('#sessions .message', { hasText: 'The service cannot answer at the moment.' }).waitFor();
  assert.ok(await page.getByRole('button', { name: 'Save profile' }).isEnabled());
  assert.deepEqual(complaints, []);
});
