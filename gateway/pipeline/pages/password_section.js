// The password: a new one for the old one, or, for an account without, a mail with a link to set one.
import { changePassword, sendPasswordLink } from './account_client.js';
import { bindForm } from './form.js';
import { isServed } from './page_parts.js';
import { bindAction, say } from './section.js';
import { settings } from './settings.js';

const section = document.getElementById('password');
const form = document.getElementById('password_form');
const none = document.getElementById('password_none');

let email;

// `renewed(token)` follows a change: the token is that of this browser's new session, or null.
export function startPassword(renewed) {
  const send = () => changePassword(form.elements.current_password.value, form.elements.password.value, form.elements.others.checked);
  bindForm(form, send, async (data) => {
    const others = form.elements.others.checked;
    form.reset();
    say(section, others ? 'Your password is changed, and your other devices are signed out.' : 'Your password is changed.', 'good');
    await renewed(data.token);
  });
  bindAction(
    section,
    document.getElementById('password_send'),
    () => sendPasswordLink(email, `${location.origin}/reset-password`),
    () => say(section, `A mail with a link is on its way to ${email}.`, 'good'),
  );
}

export function showPassword(user, accounts) {
  email = user.email;
  document.getElementById('password_user').value = user.email;
  const has = accounts.some((account) => account.providerId === 'credential');
  form.hidden = !has;
  none.hidden = has;
  section.hidden = !settings.password.enabled || (!has && !isServed('reset-password'));
}
