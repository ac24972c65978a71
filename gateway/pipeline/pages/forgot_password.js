import { requestPasswordReset } from './auth_client.js';
import { describeDuration } from './duration.js';
import { bindButton, bindForm, showMessage } from './form.js';
import { connectPages, showPart } from './page_parts.js';
import { makePagePath } from './return_to.js';
import { settings } from './settings.js';
import { findEmail, keepEmail } from './typed_email.js';

const form = document.getElementById('form');
const email = form.elements.email;

const send = () => requestPasswordReset(email.value.trim(), makePagePath('/reset-password', location));

bindForm(form, send, () => {
  keepEmail(email.value.trim());
  document.getElementById('address').textContent = email.value.trim();
  showPart('sent', 'Look into your mailbox');
});
bindButton(document.getElementById('again'), async () => {
  const { error } = await send();
  showMessage(error ? error.message : 'If there is such an account, another mail is on its way.', error ? 'bad' : 'good');
});
document.getElementById('other_address').addEventListener('click', () => {
  showMessage('');
  showPart('form', 'Forgot your password?');
  email.focus();
});
document.getElementById('life').textContent = `, for ${describeDuration(settings.reset.linkSeconds)}`;
email.value ||= findEmail(); // what was typed before this ran stays
connectPages();
