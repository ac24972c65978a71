// What a page shows of itself: one of its parts at a time, and links to the pages that are served.
import { makePagePath } from './return_to.js';
import { settings } from './settings.js';

export const isServed = (page) => settings.pages.includes(page);

// Links to pages of ours do not forget where the visitor came from; those to pages that are not served stay hidden.
export function connectPages() {
  for (const part of document.querySelectorAll('[data-for-page]')) part.hidden = !isServed(part.dataset.forPage);
  for (const link of document.querySelectorAll('a[data-keep-return]')) link.href = makePagePath(link.pathname, location);
}

// Of all elements with `data-part` only that one is shown. With a heading the page has come to something new: it is said first.
export function showPart(name, heading) {
  for (const part of document.querySelectorAll('[data-part]')) part.hidden = part.dataset.part !== name;
  if (heading === undefined) return;
  const title = document.getElementById('title');
  title.textContent = heading;
  document.title = document.title.replace(/^.* · /, `${heading} · `);
  title.focus();
}
