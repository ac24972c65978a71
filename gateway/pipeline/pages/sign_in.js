import { goOn, startPage } from './signed_in.js';
import { signIn } from './auth_client.js';
import { bindForm } from './form.js';

bindForm(
  document.getElementById('form'),
  (form) => signIn(form.elements.email.value.trim(), form.elements.password.value, form.elements.remember.checked),
  (data) => goOn(data.user),
);
startPage();
