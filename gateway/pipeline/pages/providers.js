// Buttons for the identity providers that are configured. They leave the page; the gateway brings the visitor back.
import { signInWithProvider } from './auth_client.js';
import { bindButton, showMessage } from './form.js';
import { findReturnTarget, makePagePath, readReturnTo } from './return_to.js';
import { settings } from './settings.js';

// Where the flow ends: where the visitor wanted to go, or the sign-in page, which says who is signed in and what went wrong.
function findEnds() {
  const end = findReturnTarget(readReturnTo(location), location.origin) ?? '/sign-in';
  return { callbackURL: end, newUserCallbackURL: end, errorCallbackURL: makePagePath('/sign-in', location) };
}

function makeButton({ id, name }, isNew) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'secondary provider';
  const letter = document.createElement('span');
  letter.className = 'letter';
  letter.setAttribute('aria-hidden', 'true');
  letter.textContent = [...name][0].toUpperCase();
  button.append(letter, `Continue with ${name}`);
  bindButton(button, async () => {
    const { data, error } = await signInWithProvider(id, findEnds(), isNew);
    if (error) showMessage(error.message);
    else location.assign(data.url);
  });
  return button;
}

// `isNew`: the visitor asks for an account. Nothing is shown where there is no provider for that.
export function showProviders({ isNew }) {
  const providers = settings.providers.filter((provider) => provider.signIn && (!isNew || provider.signUp));
  document.getElementById('provider_buttons').append(...providers.map((provider) => makeButton(provider, isNew)));
  document.getElementById('providers').hidden = providers.length === 0;
  return providers.length > 0;
}
