// What is shown to somebody who is signed in, and the way on from the page.
import { findSession, revokeSession, signOut } from './auth_client.js';
import { bindButton, showMessage } from './form.js';
import { connectPages } from './page_parts.js';
import { findReturnTarget, readReturnTo } from './return_to.js';
import { forgetEmail } from './typed_email.js';

const wayIn = document.getElementById('way_in');
const title = document.getElementById('title');
const panel = document.getElementById('account');
const wayOn = document.getElementById('continue');

const target = () => findReturnTarget(readReturnTo(location), location.origin);

function showPanel(user) {
  for (const part of [wayIn, title]) part.hidden = true;
  panel.hidden = false;
  document.getElementById('account_name').textContent = user.name ?? '';
  document.getElementById('account_email').textContent = user.email ?? '';
  const goal = target();
  wayOn.hidden = goal === null;
  if (goal !== null) wayOn.href = goal;
}

function showWayIn() {
  for (const part of [wayIn, title]) part.hidden = false;
  panel.hidden = true;
  document.getElementById('form').reset();
}

// The session of somebody who signs in again because it is too old for what they want to do (?again=1).
let oldSession = null;

function askAgain({ session, user }) {
  oldSession = session;
  const { email, password } = document.getElementById('form').elements;
  email.value = user.email;
  password.focus();
  showMessage('Sign in again to go on.', 'good');
}

// After a successful sign-in or sign-up: to where the visitor came from, or the panel.
export async function goOn(user) {
  forgetEmail();
  // A new session takes the place of the old one, which would stay in the user's list.
  if (oldSession !== null) await revokeSession(oldSession.token);
  oldSession = null;
  const goal = target();
  if (goal !== null) {
    location.replace(goal);
    return;
  }
  showPanel(user);
  panel.focus();
}

// Somebody who is signed in already is not sent on by itself: a page that keeps sending them back here would make a loop.
export async function startPage() {
  connectPages();
  bindButton(document.getElementById('sign_out'), async () => {
    const { error } = await signOut();
    if (!error) showWayIn();
    showMessage(error ? error.message : 'You are signed out.', error ? 'bad' : 'good');
  });
  const found = await findSession();
  if (!found) return;
  if (new URLSearchParams(location.search).has('again')) askAgain(found);
  else showPanel(found.user);
}
