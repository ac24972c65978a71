// What is shown to somebody who is signed in, and the way on from the page.
import { findUser, signOut } from './auth_client.js';
import { showMessage } from './form.js';
import { findReturnTarget, readReturnTo } from './return_to.js';

const form = document.getElementById('form');
const other = document.getElementById('other');
const title = document.getElementById('title');
const panel = document.getElementById('account');
const wayOn = document.getElementById('continue');

const target = () => findReturnTarget(readReturnTo(location), location.origin);

function showPanel(user) {
  for (const part of [form, other, title]) part.hidden = true;
  panel.hidden = false;
  document.getElementById('account_name').textContent = user.name ?? '';
  document.getElementById('account_email').textContent = user.email ?? '';
  const goal = target();
  wayOn.hidden = goal === null;
  if (goal !== null) wayOn.href = goal;
}

function showForm() {
  for (const part of [form, other, title]) part.hidden = false;
  panel.hidden = true;
  form.reset();
  form.querySelector('input').focus();
}

// After a successful sign-in or sign-up: to where the visitor came from, or the panel.
export function goOn(user) {
  const goal = target();
  if (goal !== null) {
    location.replace(goal);
    return;
  }
  showPanel(user);
  panel.focus();
}

// The two pages lead to each other without forgetting where the visitor came from.
function keepReturnTo() {
  const value = readReturnTo(location);
  if (value === null || target() === null) return;
  for (const link of document.querySelectorAll('[data-keep-return]')) link.href += `?return_to=${encodeURIComponent(value)}`;
}

// Somebody who is signed in already is not sent on by itself: a page that keeps sending them back here would make a loop.
export async function startPage() {
  keepReturnTo();
  document.getElementById('sign_out').addEventListener('click', async () => {
    const { error } = await signOut();
    if (error) {
      showMessage(error.message);
      return;
    }
    showForm();
    showMessage('You are signed out.', 'good');
  });
  const user = await findUser();
  if (user) showPanel(user);
}
