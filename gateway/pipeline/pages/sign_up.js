import { signUp } from './auth_client.js';
import { bindForm, showMessage } from './form.js';
import { isServed } from './page_parts.js';
import { showProviders } from './providers.js';
import { makePagePath } from './return_to.js';
import { settings } from './settings.js';
import { goOn, startPage } from './signed_in.js';
import { keepEmail } from './typed_email.js';
import { confirmedPath } from './verification.js';

const form = document.getElementById('form');
const { name, email, password } = form.elements;

bindForm(
  form,
  () => signUp(name.value.trim(), email.value.trim(), password.value, confirmedPath()),
  (data) => {
    if (data.token) {
      goOn(data.user);
      return;
    }
    // The account exists, but nobody is signed in: the address must be confirmed, or auto_sign_in is off.
    keepEmail(email.value.trim());
    if (settings.password.mustVerify && isServed('verify-email')) {
      location.assign(makePagePath('/verify-email', location));
      return;
    }
    for (const part of [form, document.getElementById('providers')]) part.hidden = true;
    showMessage('Your account is ready. Please sign in.', 'good');
  },
);

showProviders({ isNew: true });
form.hidden = !settings.password.signUp;
document.getElementById('or').hidden = form.hidden;
startPage();
