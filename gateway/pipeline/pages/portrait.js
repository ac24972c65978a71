// Who somebody is, in a circle: the picture where the page may load it, else initials.

const inlinePicture = /^data:image\/(png|jpeg|gif|webp|svg\+xml)[;,]/i;

// What the page's policy lets it show: its own origin's files and data URLs. null: anything else.
export function findShowablePicture(image, origin) {
  if (typeof image !== 'string' || image === '') return null;
  if (inlinePicture.test(image)) return image;
  try {
    const url = new URL(image, origin);
    return url.origin === origin ? url.href : null;
  } catch {
    return null;
  }
}

// The first letters of the first and the last word; of the address where there is no name.
export function makeInitials(name, email) {
  const words = (name ?? '').trim().split(/\s+/).filter((word) => word !== '');
  if (words.length === 0) words.push(email ?? '');
  const letters = [words[0], ...(words.length > 1 ? [words.at(-1)] : [])].map((word) => [...word][0] ?? '');
  return letters.join('').toLocaleUpperCase('en');
}

// "" and https:// addresses are fine, and data URLs of pictures.
export function findPictureMistake(image) {
  if (image === '' || inlinePicture.test(image)) return '';
  try {
    if (new URL(image).protocol === 'https:') return '';
  } catch {
    // No address at all.
  }
  return 'Enter an address that begins with https://, or nothing.';
}

export function showPortrait(place, user, origin) {
  place.textContent = makeInitials(user.name, user.email);
  const source = findShowablePicture(user.image, origin);
  if (source === null) return;
  const picture = document.createElement('img');
  picture.alt = '';
  picture.addEventListener('load', () => place.replaceChildren(picture));
  picture.src = source;
}
