// Accounts of identity providers: those that are linked, and those that can be.
import { linkProvider, unlinkAccount } from './account_client.js';
import { ask, bindAction, makeRow, say } from './section.js';
import { settings } from './settings.js';
import { describeDay } from './time_words.js';

const section = document.getElementById('accounts');
const list = document.getElementById('accounts_list');

const nameOf = (id) => settings.providers.find((provider) => provider.id === id)?.name ?? id;

function makeEntry(name, detail, action, label) {
  const { row, parts } = makeRow('account_row');
  parts.letter.textContent = ([...name][0] ?? '').toUpperCase();
  parts.name.textContent = name;
  parts.detail.textContent = detail;
  parts.button.textContent = action;
  parts.button.setAttribute('aria-label', label);
  list.append(row);
  return parts.button;
}

function addLinked(account, isLast, changed) {
  const name = nameOf(account.providerId);
  const button = makeEntry(name, `Linked on ${describeDay(account.createdAt)}`, 'Unlink', `Unlink ${name}`);
  if (isLast) {
    button.setAttribute('aria-disabled', 'true');
    button.setAttribute('aria-describedby', 'accounts_last');
    button.addEventListener('click', () => say(section, document.getElementById('accounts_last').textContent));
    return;
  }
  const run = async () => {
    const sure = await ask(`Unlink ${name}?`, `You can then no longer sign in with ${name}. You can link it again later.`, 'Unlink');
    return sure ? unlinkAccount(account.id) : undefined;
  };
  bindAction(section, button, run, async () => {
    await changed();
    say(section, `${name} is unlinked.`, 'good');
  });
}

function addLinkable(provider) {
  const button = makeEntry(provider.name, 'Not linked', 'Link', `Link ${provider.name}`);
  const here = `${location.origin}${location.pathname}`;
  const run = () => linkProvider(provider.id, `${here}?${new URLSearchParams({ done: 'linked', to: provider.id })}`, here);
  bindAction(section, button, run, (data) => location.assign(data.url));
}

// `changed()` loads the accounts again.
export function showAccounts(accounts, changed) {
  const linked = accounts.filter((account) => account.providerId !== 'credential');
  const linkable = settings.linking ? settings.providers.filter((provider) => !linked.some((account) => account.providerId === provider.id)) : [];
  // The server counts the password, too.
  const isLast = accounts.length === 1 && !settings.unlinkingAll;
  list.replaceChildren();
  for (const account of linked) addLinked(account, isLast, changed);
  for (const provider of linkable) addLinkable(provider);
  document.getElementById('accounts_last').hidden = !isLast || linked.length === 0;
  section.hidden = list.childElementCount === 0;
}
