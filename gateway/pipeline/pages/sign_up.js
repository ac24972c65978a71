import { goOn, startPage } from './signed_in.js';
import { signUp } from './auth_client.js';
import { bindForm, showMessage } from './form.js';

const form = document.getElementById('form');

bindForm(
  form,
  () => signUp(form.elements.name.value.trim(), form.elements.email.value.trim(), form.elements.password.value),
  (data) => {
    // Without a token the account exists, but nobody is signed in (auto_sign_in is off, or the address must be confirmed).
    if (data.token) {
      goOn(data.user);
      return;
    }
    form.hidden = true;
    showMessage('Your account is ready. Please sign in.', 'good');
  },
);
startPage();
