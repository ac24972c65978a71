// Three ways lead here: a sign-up or sign-in that waits for the address to be confirmed, the link of the mail, and its errors.
import { findSession, sendVerificationEmail } from './auth_client.js';
import { bindButton, bindForm, showMessage } from './form.js';
import { connectPages, showPart } from './page_parts.js';
import { dropFromAddress, findReturnTarget, readReturnTo } from './return_to.js';
import { findEmail, forgetEmail, keepEmail } from './typed_email.js';
import { confirmedPath } from './verification.js';

const form = document.getElementById('form');
const email = form.elements.email;
const sent = 'If this address is waiting to be confirmed, another mail is on its way.';

const errors = {
  TOKEN_EXPIRED: 'This link is too old. Ask for a new one.',
  INVALID_TOKEN: 'This link does not work any more. Ask for a new one.',
  USER_NOT_FOUND: 'There is no account any more that this link belongs to.',
};

const send = () => sendVerificationEmail(email.value.trim(), confirmedPath());

function showSent(heading) {
  document.getElementById('address').textContent = email.value;
  showPart('sent', heading);
}

function showConfirmed(user) {
  forgetEmail();
  const target = findReturnTarget(readReturnTo(location), location.origin);
  const wayOn = document.getElementById('continue');
  document.getElementById('what_now').textContent = user ? `You are signed in as ${user.email}.` : 'You can sign in now.';
  if (user) {
    wayOn.textContent = 'Continue';
    wayOn.href = target ?? '/sign-in';
  }
  showPart('confirmed', 'Your address is confirmed');
}

function showForm(user) {
  email.value ||= user?.email ?? findEmail();
  showPart('form');
}

bindForm(form, send, () => {
  keepEmail(email.value.trim());
  showSent('Look into your mailbox');
  showMessage(sent, 'good');
});
bindButton(document.getElementById('again'), async () => {
  const { error } = await send();
  showMessage(error ? error.message : sent, error ? 'bad' : 'good');
});
document.getElementById('other_address').addEventListener('click', () => {
  showMessage('');
  showPart('form', 'Confirm your e-mail address');
  email.focus();
});
connectPages();

const query = new URLSearchParams(location.search);
const error = query.get('error')?.toUpperCase();
if (error !== undefined) dropFromAddress('error', 'confirmed');
const user = (await findSession())?.user;
const isSomebodyElse = error === 'INVALID_USER';
const isConfirmed = !isSomebodyElse && (user?.emailVerified || (error === undefined && query.has('confirmed')));
document.getElementById('back').hidden = isSomebodyElse || isConfirmed;
if (isSomebodyElse) {
  showPart('somebody_else', 'This link is for another account');
} else if (isConfirmed) {
  showConfirmed(user);
} else if (error === undefined && findEmail() !== '') {
  email.value = findEmail();
  showSent('Look into your mailbox');
} else {
  showForm(user);
  if (error !== undefined) showMessage(Object.hasOwn(errors, error) ? errors[error] : errors.INVALID_TOKEN);
}
