import { signIn } from './auth_client.js';
import { bindForm, showMessage } from './form.js';
import { isServed } from './page_parts.js';
import { describeProviderError } from './provider_errors.js';
import { showProviders } from './providers.js';
import { dropFromAddress, makePagePath } from './return_to.js';
import { settings } from './settings.js';
import { goOn, startPage } from './signed_in.js';
import { findEmail, keepEmail } from './typed_email.js';
import { confirmedPath } from './verification.js';

const form = document.getElementById('form');
const email = form.elements.email;

bindForm(
  form,
  () => signIn(email.value.trim(), form.elements.password.value, form.elements.remember.checked, confirmedPath()),
  (data) => goOn(data.user),
  (error) => {
    if (error.code !== 'EMAIL_NOT_VERIFIED' || !isServed('verify-email')) return false;
    keepEmail(email.value.trim());
    location.assign(makePagePath('/verify-email', location));
    return true;
  },
);
email.value ||= findEmail(); // what was typed before this ran stays
document.getElementById('forgot').addEventListener('click', () => keepEmail(email.value.trim()));

const hasProviders = showProviders({ isNew: false });
form.hidden = !settings.password.enabled;
document.getElementById('or').hidden = form.hidden;
if (form.hidden && !hasProviders) showMessage('Nobody can sign in here at the moment.');

// What a provider's answer came to is told once: a page that is loaded again, or kept as a bookmark, does not say it again.
const error = new URLSearchParams(location.search).get('error');
if (error !== null) {
  dropFromAddress('error', 'error_description');
  document.getElementById('unverified').hidden = error !== 'email_not_verified' || !isServed('verify-email');
  showMessage(describeProviderError(error));
}
startPage();
