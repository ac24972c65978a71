// What the sections of the account page do alike: say what came of it, wait for one answer at a time, ask before they do.
import { needsNewSignIn } from './account_client.js';
import { showMessage } from './form.js';
import { goToSignIn } from './way_in.js';

const dialog = document.getElementById('ask');

// Says it in the section's own live region, with the focus there.
export function say(section, text, kind = 'bad') {
  showMessage(text, kind, section.querySelector('.message'));
}

// A modal question; true: yes. The focus comes back to where it was. Escape is no.
export function ask(title, text, yes) {
  document.getElementById('ask_title').textContent = title;
  document.getElementById('ask_text').textContent = text;
  document.getElementById('ask_yes').textContent = yes;
  dialog.returnValue = 'no';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
  });
}

// What the section says about a refusal. true: the way there is to sign in again, which was offered.
export async function offerSignIn(error) {
  if (!needsNewSignIn(error)) return false;
  if (await ask('Sign in again?', 'You signed in a while ago. For your safety this needs a new sign-in; you come back here afterwards.', 'Sign in again')) goToSignIn({ again: true });
  return true;
}

// On a click `run()` is called, never twice at once, and answers { data } or { error }; `done(data)` follows a success. undefined from
// `run` is a change of mind.
export function bindAction(section, button, run, done) {
  let busy = false;
  button.addEventListener('click', async () => {
    if (busy) return;
    busy = true;
    // aria-disabled, not disabled: a disabled button would lose the focus.
    button.setAttribute('aria-disabled', 'true');
    say(section, '');
    const answer = await run();
    if (answer?.error) {
      if (!(await offerSignIn(answer.error))) say(section, answer.error.message);
    } else if (answer) {
      await done(answer.data);
    }
    busy = false;
    button.removeAttribute('aria-disabled');
  });
}

// A row of a list, from the template of that id: { row, parts by their names }.
export function makeRow(id) {
  const row = document.getElementById(id).content.firstElementChild.cloneNode(true);
  const parts = Object.fromEntries([...row.querySelectorAll('[data-part]')].map((part) => [part.dataset.part, part]));
  return { row, parts };
}
