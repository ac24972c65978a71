// The way to the sign-in page and back to this one.
import { settings } from './settings.js';

// `again`: also for somebody who is signed in, whose session is too old for what they want to do.
function makeSignInUrl(signIn, location, again) {
  const url = new URL(signIn, location.origin);
  url.searchParams.set('return_to', again ? location.pathname : location.pathname + location.search);
  if (again) url.searchParams.set('again', '1');
  return url.href;
}

export function goToSignIn({ again = false } = {}) {
  location.replace(makeSignInUrl(settings.signIn, location, again));
}
