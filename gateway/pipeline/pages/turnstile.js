// Cloudflare Turnstile, which shows that a person asks. Its script is loaded where it is needed alone: at once where the gateway always
// asks for a token, else when it has asked for one. A token is sent once; the widget makes the next one.
import { settings } from './settings.js';

const script = 'https://challenges.cloudflare.com/turnstile/v0/api.js?render=explicit';
const patience = 30_000; // for the widget, as long as it needs nobody
const paths = settings.turnstile?.pages[location.pathname.slice(1)] ?? [];

const messages = {
  unreachable: 'The check that you are a person could not be loaded. Allow challenges.cloudflare.com in this browser, and try again.',
  needsPerson: 'Please confirm that you are a person, then try again.',
  failed: 'We could not confirm that you are a person. Load the page again, or try another browser.',
};

let shown; // a promise of the widget's id; undefined: it is not there
let token = '';
let needsPerson = false;
const waiting = [];

export const isGuarded = (path) => paths.includes(path);

function settle(outcome) {
  for (const resolve of waiting.splice(0)) resolve(outcome);
}

function loadScript() {
  return new Promise((resolve, reject) => {
    const element = document.createElement('script');
    element.src = script;
    element.addEventListener('load', resolve);
    element.addEventListener('error', () => {
      element.remove();
      reject(new Error('not loaded'));
    });
    document.head.append(element);
  });
}

// Above the button that sends the form; where there is no form to be seen, at the end.
function makePlace() {
  const place = document.createElement('div');
  place.className = 'turnstile';
  const form = document.getElementById('form');
  if (form && !form.hidden) form.querySelector('button[type="submit"]').before(place);
  else document.querySelector('main').append(place);
  return place;
}

async function show() {
  await loadScript();
  const place = makePlace();
  const { siteKey, action } = settings.turnstile;
  return globalThis.turnstile.render(place, {
    sitekey: siteKey,
    ...(action === '' ? {} : { action }),
    'response-field': false,
    size: place.clientWidth < 300 ? 'compact' : 'flexible',
    language: document.documentElement.lang,
    callback: (made) => {
      token = made;
      needsPerson = false;
      settle('solved');
    },
    'expired-callback': () => {
      token = '';
    },
    'before-interactive-callback': () => {
      needsPerson = true;
      settle('needsPerson');
    },
    'timeout-callback': () => settle('needsPerson'),
    'unsupported-callback': () => settle('failed'),
    // true: it has been seen to, the widget need not complain to the console.
    'error-callback': () => {
      token = '';
      settle('failed');
      return true;
    },
  });
}

function ensureShown() {
  shown ??= show().catch((error) => {
    shown = undefined;
    throw error;
  });
  return shown;
}

// { id, made } or { error }.
async function takeToken() {
  let id;
  try {
    id = await ensureShown();
  } catch {
    return { error: { code: 'TURNSTILE', message: messages.unreachable } };
  }
  let outcome = needsPerson ? 'needsPerson' : 'failed';
  if (token === '' && !needsPerson) {
    outcome = await new Promise((resolve) => {
      waiting.push(resolve);
      setTimeout(() => resolve('failed'), patience);
    });
  }
  if (token === '') return { error: { code: 'TURNSTILE', message: messages[outcome] ?? messages.failed } };
  const made = token;
  token = '';
  return { id, made };
}

async function sendWithToken(send) {
  const { id, made, error } = await takeToken();
  if (error) return { error };
  const answer = await send(made);
  globalThis.turnstile.reset(id);
  return answer;
}

// `send(token)` answers { data } or { error }; '' is no token.
export async function withToken(send) {
  if (settings.turnstile.always || shown) return sendWithToken(send);
  const answer = await send('');
  return answer.error?.code === 'MISSING_RESPONSE' ? sendWithToken(send) : answer;
}

// What goes wrong here is told when somebody sends the form.
if (paths.length > 0 && settings.turnstile.always) ensureShown().catch(() => {});
