// The address, whether it is confirmed, and its change.
import { changeEmail, sendVerification } from './account_client.js';
import { bindForm } from './form.js';
import { bindAction, say } from './section.js';
import { settings } from './settings.js';

const section = document.getElementById('email');
const form = document.getElementById('email_form');

let shown;

export function startEmail(changed) {
  const urlOf = (done) => `${location.origin}${location.pathname}?${new URLSearchParams(done)}`;
  form.hidden = !settings.changeEmail;
  const send = () => {
    const address = form.elements.email.value.trim();
    return changeEmail(address, urlOf({ done: 'email', to: address.toLowerCase() }));
  };
  bindForm(form, send, async () => {
    const address = form.elements.email.value.trim().toLowerCase();
    await changed();
    form.reset();
    // Nobody is told whether the address is somebody's, so this cannot promise a mail.
    const text = shown.email === address
      ? 'Your e-mail address has been changed.'
      : `If ${address} can be used, a mail with a link is on its way. Your address changes when you follow it; look in the inboxes of both addresses.`;
    say(section, text, 'good');
  });
  bindAction(
    section,
    document.getElementById('email_resend'),
    () => sendVerification(shown.email, urlOf({ done: 'verified' })),
    () => say(section, `A mail with a link is on its way to ${shown.email}.`, 'good'),
  );
}

export function showEmail(user) {
  shown = user;
  document.getElementById('email_now').textContent = user.email;
  const state = document.getElementById('email_state');
  state.textContent = user.emailVerified ? 'Confirmed' : 'Not confirmed';
  state.dataset.kind = user.emailVerified ? 'good' : 'open';
  document.getElementById('email_unverified').hidden = user.emailVerified || !settings.mail;
}
