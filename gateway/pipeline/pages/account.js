// The account page: what the user can see and change about their own account. Without a session there is none to show.
import { describeArrival, isAfterDeletion } from './account_arrival.js';
import { listAccounts, loadSession } from './account_client.js';
import { showAccounts } from './accounts_section.js';
import { signOut } from './auth_client.js';
import { showDeletion, startDeletion } from './delete_section.js';
import { showEmail, startEmail } from './email_section.js';
import { showMessage } from './form.js';
import { showPassword, startPassword } from './password_section.js';
import { showPortrait } from './portrait.js';
import { showProfile, startProfile } from './profile_section.js';
import { loadSessions, setCurrentSession, startSessions } from './sessions_section.js';
import { goToSignIn } from './way_in.js';

const title = document.getElementById('title');
const loading = document.getElementById('loading');
const sections = document.getElementById('sections');
const loadAgain = document.getElementById('load_again');
const signOutButton = document.getElementById('sign_out');

function showUser(user) {
  document.getElementById('who_name').textContent = user.name ?? '';
  document.getElementById('who_email').textContent = user.email;
  showPortrait(document.getElementById('avatar'), user, location.origin);
  showProfile(user);
  showEmail(user);
}

async function refreshUser() {
  const { data } = await loadSession();
  if (data?.user) showUser(data.user);
}

function showAllAccounts(user, accounts) {
  showPassword(user, accounts);
  showDeletion(user, accounts);
  showAccounts(accounts, () => refreshAccounts(user));
}

async function refreshAccounts(user) {
  const { data } = await listAccounts();
  if (data) showAllAccounts(user, data);
}

function showGone() {
  loading.hidden = true;
  sections.hidden = true;
  signOutButton.hidden = true;
  document.getElementById('deleted').hidden = false;
  document.title = document.title.replace(title.textContent, 'Your account is deleted');
  title.textContent = 'Your account is deleted';
  title.focus();
}

function fail(error) {
  loading.hidden = true;
  loadAgain.hidden = false;
  showMessage(error.message);
}

function startSections(session) {
  startProfile(refreshUser);
  startEmail(refreshUser);
  startPassword(async (token) => {
    if (token) setCurrentSession(token);
    await loadSessions();
  });
  startSessions(session.token);
  startDeletion(showGone);
  loadSessions();
}

// What a link or a provider has brought is said once: a reload does not say it again.
function sayArrival(user, accounts) {
  const arrival = describeArrival(location.search, user, accounts);
  if (location.search !== '') history.replaceState(null, '', location.pathname);
  if (arrival) showMessage(arrival.text, arrival.kind);
}

async function load() {
  loading.hidden = false;
  loadAgain.hidden = true;
  showMessage('');
  const { data: found, error } = await loadSession();
  if (error) return fail(error);
  if (!found?.user) return isAfterDeletion(location.search) ? showGone() : goToSignIn();
  const { data: accounts, error: accountsError } = await listAccounts();
  if (accountsError) return fail(accountsError);
  showUser(found.user);
  showAllAccounts(found.user, accounts);
  loading.hidden = true;
  sections.hidden = false;
  signOutButton.hidden = false;
  startSections(found.session);
  sayArrival(found.user, accounts);
}

signOutButton.addEventListener('click', async () => {
  const { error } = await signOut();
  if (error) showMessage(error.message);
  else goToSignIn();
});
loadAgain.addEventListener('click', load);
load();
