// Where to go after signing in. Only a path of this very origin is followed: anything else would let a link to the sign-in page
// carry people who just typed their password to somebody else's copy of the site.

// Starts with one slash; no second one and no backslash after it (browsers read both as the start of a host), no backslash at all,
// no control characters and blanks (which URL parsers drop, so that "/\t/evil" becomes "//evil").
const plainPath = /^\/(?![/\\])[^\\\u0000-\u0020\u007f]*$/;
const longest = 2000;

// The absolute URL to go to, or null when `value` may not be followed.
export function findReturnTarget(value, origin) {
  if (typeof value !== 'string' || value.length > longest || !plainPath.test(value)) return null;
  let url;
  try {
    url = new URL(value, origin);
  } catch {
    return null;
  }
  if (url.origin !== origin || url.username !== '' || url.password !== '') return null;
  return url.href;
}

// The parameter as it stands in the page's own address.
export const readReturnTo = (location) => new URLSearchParams(location.search).get('return_to');

// The path of a page of ours that remembers where the visitor came from. A path, so that it is right on every name of the gateway.
export function makePagePath(path, location, parameters = {}) {
  const query = new URLSearchParams(parameters);
  const value = readReturnTo(location);
  if (findReturnTarget(value, location.origin) !== null) query.set('return_to', value);
  return query.size > 0 ? `${path}?${query}` : path;
}

// The address without these parameters, for what must not stay in the history or be said again when the page is loaded again.
export function dropFromAddress(...names) {
  const url = new URL(location.href);
  for (const name of names) url.searchParams.delete(name);
  history.replaceState(null, '', url.pathname + url.search);
}
