// Name and picture.
import { updateUser } from './account_client.js';
import { bindForm } from './form.js';
import { findPictureMistake } from './portrait.js';
import { say } from './section.js';

const section = document.getElementById('profile');
const form = document.getElementById('profile_form');

// `changed()` loads the user again.
export function startProfile(changed) {
  const send = async () => {
    const image = form.elements.image.value.trim();
    const mistake = findPictureMistake(image);
    if (mistake !== '') return { error: { code: '', message: mistake, field: 'image' } };
    return updateUser({ name: form.elements.name.value.trim(), image: image === '' ? null : image });
  };
  bindForm(form, send, async () => {
    await changed();
    say(section, 'Your profile is saved.', 'good');
  });
}

export function showProfile(user) {
  form.elements.name.value = user.name ?? '';
  form.elements.image.value = user.image ?? '';
}
