// The end of an account: never without a question, and with the password where there is one.
import { deleteUser } from './account_client.js';
import { bindForm } from './form.js';
import { offerSignIn, say } from './section.js';
import { settings } from './settings.js';

const section = document.getElementById('delete');
const dialog = document.getElementById('delete_dialog');
const form = document.getElementById('delete_form');
const password = document.getElementById('delete_password');

let email;

// `gone()` follows the deletion.
export function startDeletion(gone) {
  document.getElementById('delete_open').addEventListener('click', () => {
    form.reset();
    say(section, '');
    dialog.showModal();
  });
  document.getElementById('delete_cancel').addEventListener('click', () => dialog.close());
  const send = async () => {
    const callbackURL = `${location.origin}${location.pathname}?done=deleted`;
    const answer = await deleteUser(password.required ? { callbackURL, password: password.value } : { callbackURL });
    if (answer.error) await offerSignIn(answer.error);
    return answer;
  };
  bindForm(form, send, (data) => {
    dialog.close();
    if (data.message === 'User deleted') gone();
    else say(section, `A mail with a link is on its way to ${email}. Your account is deleted when you follow it in this browser.`, 'good');
  });
}

export function showDeletion(user, accounts) {
  email = user.email;
  section.hidden = !settings.deleteUser;
  password.required = accounts.some((account) => account.providerId === 'credential') && settings.password.enabled;
  document.getElementById('delete_password_field').hidden = !password.required;
  document.getElementById('delete_text').textContent = settings.deleteByMail
    ? 'We send you a mail with a link. Following it deletes your account and signs you out everywhere.'
    : 'Your account is deleted, with your profile and all its ways to sign in, and you are signed out everywhere.';
}
