// How the account page looks with realistic contents, and what it shows where less is configured or the session is older.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { kOrigin } from '../end_to_end/support/gateway.mjs';
import { AccountWorld, expectSaid, focused, kAccount, kDevices, kPassword, signInWithProvider, waitForAccount } from './support/account_world.mjs';
import { checkEveryLook, waitForValue } from './support/browser.mjs';

const click = (page, name) => page.getByRole('button', { name, exact: true }).click();

// A world for the tests of one `describe`.
function useWorld(settings) {
  const use = {};
  before(async () => {
    use.world = await AccountWorld.start(settings);
  });
  after(() => use.world?.stop());
  afterEach(() => use.world.closePages());
  return use;
}

describe('with everything switched on', () => {
  const use = useWorld({ auth: { social_providers: { github: { client_id: 'app', client_secret: 'x' }, google: { client_id: 'app', client_secret: 'x' } } } });

  test('the page, its questions and its mistakes are accessible and fit, light and dark, desktop and phone', async () => {
    const { world } = use;
    const user = await world.makeUser('Ada Lovelace', 'ada.lovelace@example.com');
    await world.addSession(user, kDevices.phone);
    await world.addSession(user, kDevices.program);
    world.provider.user = { sub: 'sub-1', email: user.email, email_verified: true, name: 'Ada' };
    const { page, complaints } = await world.openAccount(user.cookie);
    await click(page, 'Link company');
    await page.getByRole('button', { name: 'Unlink company' }).waitFor();
    await expectSaid(page, 'main >', 'The account is linked.');
    await checkEveryLook(page, 'account');

    await page.getByLabel('Name').fill('');
    await click(page, 'Save profile');
    await click(page, 'Change password');
    await page.locator('#new_password_error:not([hidden])').waitFor();
    await checkEveryLook(page, 'account-mistakes');

    await click(page, 'Unlink company');
    await checkEveryLook(page, 'account-question');
    await click(page, 'Cancel');
    await click(page, 'Delete my account …');
    await checkEveryLook(page, 'account-deletion');
    assert.deepEqual(complaints, []);
  });

  test('targets for fingers are at least 44 px high', async () => {
    const { world } = use;
    const user = await world.makeUser('Ada Lovelace', 'fingers@example.com');
    await world.addSession(user, kDevices.phone);
    const { page } = await world.openAccount(user.cookie, { viewport: { width: 320, height: 640 } });
    const heights = await page.locator('main :is(button, input:not([type=checkbox]), label.check):visible, .bar button').evaluateAll((nodes) => nodes.map((node) => node.getBoundingClientRect().height));
    assert.ok(heights.length > 10, String(heights.length));
    for (const height of heights) assert.ok(height >= 44, `${height} px`);
  });

  test('the page can be walked through and used with the keyboard alone', async () => {
    const { world } = use;
    const user = await world.makeUser('Ada Lovelace', 'keyboard@example.com');
    const { page, complaints } = await world.openAccount(user.cookie);
    const reach = async (id) => {
      for (let steps = 0; steps < 40; steps++) {
        if ((await focused(page)) === id) return;
        await page.keyboard.press('Tab');
      }
      assert.fail(`Tab does not lead to ${id}`);
    };
    await reach('sign_out');
    await reach('name');
    await page.keyboard.press('Control+A');
    await page.keyboard.type('Ada King');
    await page.keyboard.press('Enter');
    await expectSaid(page, '#profile', 'Your profile is saved.');
    await reach('new_email');
    await reach('current_password');
    await reach('delete_open');
    await page.keyboard.press('Enter');
    await reach('delete_sure');
    await page.keyboard.press('Space');
    assert.ok(await page.locator('#delete_sure').isChecked());
    await page.keyboard.press('Escape');
    assert.equal(await focused(page), 'delete_open');
    assert.deepEqual(complaints, []);
  });
});

describe('with little switched on', () => {
  const use = useWorld({
    auth: { user: { change_email: { enabled: false }, delete_user: { enabled: false } }, generic_oauth: undefined },
    gateway: { mail: undefined },
  });

  test('what is not configured is not shown', async () => {
    const { world } = use;
    const user = await world.makeUser('Ada Lovelace', 'plain@example.com');
    const { page, complaints } = await world.openAccount(user.cookie);
    for (const shown of ['#profile', '#email', '#password', '#sessions']) assert.ok(await page.locator(shown).isVisible(), shown);
    for (const hidden of ['#accounts', '#delete', '#email_form', '#email_unverified']) assert.equal(await page.locator(hidden).isVisible(), false, hidden);
    await checkEveryLook(page, 'account-plain');
    assert.deepEqual(complaints, []);
  });
});

describe('where the link of a mail deletes', () => {
  const use = useWorld({ auth: { user: { delete_user: { send_delete_account_verification: true } } } });

  test('following it in the same browser deletes the account, and the page says so', async () => {
    const { world } = use;
    const user = await world.makeUser('Ada Lovelace', 'mailed@example.com');
    const { page, complaints } = await world.openAccount(user.cookie);
    await click(page, 'Delete my account …');
    await page.getByText('We send you a mail with a link.').waitFor();
    await page.locator('#delete_password').fill(kPassword);
    await page.getByLabel('I know that this cannot be undone').check();
    await click(page, 'Delete account');
    await expectSaid(page, '#delete', 'A mail with a link is on its way to mailed@example.com.');
    assert.equal(await world.isSignedIn(user.cookie), true);
    const { link } = await world.findLink(1);
    await page.goto(link);
    await page.getByRole('heading', { name: 'Your account is deleted' }).waitFor();
    assert.equal(await world.isSignedIn(user.cookie), false);
    assert.deepEqual(complaints, []);
  });
});

describe('where sessions are fresh for a second', () => {
  const use = useWorld({ auth: { session: { fresh_age: '1s' } } });

  test('an older session leads to signing in again and back, and the new one takes its place', async () => {
    const { world } = use;
    const user = await world.makeUser('Ada Lovelace', 'older@example.com');
    await world.gateway.until(() => Date.now() - user.since > 1_500, 'session of a second');
    const { page, complaints } = await world.openAccount(user.cookie);
    await page.getByText('To see your devices, sign in again.').waitFor();
    assert.ok(await page.getByRole('button', { name: 'Save profile' }).isEnabled());
    await checkEveryLook(page, 'account-older');

    world.provider.user = { sub: 'sub-1', email: user.email, email_verified: true, name: 'Ada' };
    await click(page, 'Link company');
    await click(page, 'Unlink company');
    await page.getByRole('button', { name: 'Unlink', exact: true }).click();
    await page.getByRole('dialog', { name: 'Sign in again?' }).waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Sign in again' }).click();
    await page.waitForURL(`${kOrigin}/sign-in?return_to=%2Faccount&again=1`);
    await page.getByRole('alert').filter({ hasText: 'Sign in again to go on.' }).waitFor();
    await waitForValue(page.getByLabel('E-mail'), user.email);
    await page.getByLabel('Password', { exact: true }).fill(kPassword);
    await click(page, 'Sign in');
    await waitForAccount(page);
    assert.equal(await world.isSignedIn(user.cookie), false);
    assert.deepEqual(complaints, []);
  });

  test('an account without a password is deleted only soon after signing in', async () => {
    const { world } = use;
    world.provider.user = { sub: 'sub-2', email: 'olga@example.com', email_verified: true, name: 'Olga Only' };
    const { page, complaints } = await world.openPage();
    await signInWithProvider(page);
    const since = Date.now();
    await world.gateway.until(() => Date.now() - since > 1_500, 'session of a second');
    await click(page, 'Delete my account …');
    assert.equal(await page.locator('#delete_password').isVisible(), false);
    await page.getByLabel('I know that this cannot be undone').check();
    await click(page, 'Delete account');
    await page.getByRole('dialog', { name: 'Sign in again?' }).getByRole('button', { name: 'Cancel' }).click();
    await expectSaid(page, '#delete_dialog', 'You signed in a while ago. Sign in again to do this.');
    await page.keyboard.press('Escape');
    await page.reload();
    await waitForAccount(page);
    assert.equal(await page.locator('#who_name').textContent(), 'Olga Only');
    assert.deepEqual(complaints, []);
  });

  test('the sign-in again can be left without losing the session', async () => {
    const { world } = use;
    const user = await world.makeUser('Ada Lovelace', 'undecided@example.com');
    await world.gateway.until(() => Date.now() - user.since > 1_500, 'session of a second');
    const { page } = await world.openAccount(user.cookie);
    await page.locator('#sessions_sign_in').click();
    await page.waitForURL(`${kOrigin}/sign-in?return_to=%2Faccount&again=1`);
    await page.goto(kAccount);
    await waitForAccount(page);
    assert.equal(await world.isSignedIn(user.cookie), true);
  });
});
