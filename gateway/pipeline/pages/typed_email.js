// The address that was typed on one page, for the next one in the same tab. Never in a URL: histories and logs would keep it.
const key = 'gatehouse_email';

// Storage may be switched off: then it is typed again.
export function keepEmail(email) {
  try {
    sessionStorage.setItem(key, email);
  } catch {}
}

export function findEmail() {
  try {
    return sessionStorage.getItem(key) ?? '';
  } catch {
    return '';
  }
}

export function forgetEmail() {
  try {
    sessionStorage.removeItem(key);
  } catch {}
}
