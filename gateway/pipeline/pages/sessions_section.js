// Where the user is signed in, this browser first.
import { listSessions, needsNewSignIn, revokeOtherSessions, revokeSession } from './account_client.js';
import { describeDevice, shortenAddress } from './device_words.js';
import { ask, bindAction, makeRow, say } from './section.js';
import { describeMoment } from './time_words.js';
import { goToSignIn } from './way_in.js';

const section = document.getElementById('sessions');
const list = document.getElementById('sessions_list');
const stale = document.getElementById('sessions_stale');
const others = document.getElementById('sessions_others');

let current; // the token of this browser's session

// A use is noted about once a day.
function describeUse(session, isCurrent, now) {
  const began = `Signed in ${describeMoment(session.createdAt, now)}`;
  if (isCurrent || session.updatedAt === session.createdAt) return began;
  return `${began}, last seen ${describeMoment(session.updatedAt, now)}`;
}

function addRow(session, now) {
  const { row, parts } = makeRow('session_row');
  const isCurrent = session.token === current;
  const { words, kind } = describeDevice(session.userAgent);
  row.querySelector('.icon').append(document.getElementById(`icon_${kind}`).content.cloneNode(true));
  parts.device.textContent = words;
  parts.this.hidden = !isCurrent;
  parts.where.textContent = session.ipAddress ? `From ${shortenAddress(session.ipAddress)}` : '';
  parts.when.textContent = describeUse(session, isCurrent, now);
  parts.button.hidden = isCurrent;
  parts.button.setAttribute('aria-label', `Sign out ${words}, ${parts.when.textContent}`);
  bindAction(section, parts.button, () => revokeSession(session.token), async () => {
    await loadSessions();
    say(section, `${words} is signed out.`, 'good');
  });
  list.append(row);
}

function show(sessions) {
  const now = Date.now();
  const newestFirst = [...sessions].sort((a, b) => (b.token === current) - (a.token === current) || Date.parse(b.updatedAt) - Date.parse(a.updatedAt));
  list.replaceChildren();
  for (const session of newestFirst) addRow(session, now);
  others.hidden = sessions.length < 2;
}

export async function loadSessions() {
  const { data, error } = await listSessions();
  stale.hidden = !error || !needsNewSignIn(error);
  list.hidden = Boolean(error);
  others.hidden = Boolean(error);
  if (!error) show(data);
  else if (stale.hidden) say(section, error.message);
}

export function startSessions(token) {
  setCurrentSession(token);
  document.getElementById('sessions_sign_in').addEventListener('click', () => goToSignIn({ again: true }));
  const run = async () => {
    const sure = await ask('Sign out all other devices?', 'You stay signed in here. Everywhere else you have to sign in again.', 'Sign them out');
    return sure ? revokeOtherSessions() : undefined;
  };
  bindAction(section, others, run, async () => {
    await loadSessions();
    say(section, 'All other devices are signed out.', 'good');
  });
}

// After a change of the password this browser has another session.
export function setCurrentSession(token) {
  current = token;
}
