// What both forms do alike: check what was typed, say what is wrong where it is wrong, send once, reveal the password.

const message = document.getElementById('message');

// Says it in a live region (the page's, unless another `place` is given) and moves the focus there, so that a screen reader reads it and
// the next Tab goes on from it.
export function showMessage(text, kind = 'bad', place = message) {
  place.dataset.kind = kind;
  place.textContent = text;
  if (text !== '') place.focus();
}

// The live region of a form: its own, its section's or the page's.
const placeOf = (form) => form.querySelector('.message') ?? form.closest('section')?.querySelector('.message') ?? message;

function setFieldError(field, text) {
  const place = document.getElementById(`${field.id}_error`);
  const described = (field.getAttribute('aria-describedby') ?? '').split(' ').filter((id) => id !== '' && id !== place.id);
  if (text !== '') described.push(place.id);
  place.textContent = text;
  place.hidden = text === '';
  if (text !== '') field.setAttribute('aria-invalid', 'true');
  else field.removeAttribute('aria-invalid');
  if (described.length > 0) field.setAttribute('aria-describedby', described.join(' '));
  else field.removeAttribute('aria-describedby');
}

// Lengths count as JavaScript counts them (UTF-16 code units), which is also how the server does.
function findMistake(field) {
  if (field.type === 'checkbox') return field.required && !field.checked ? field.dataset.missing : '';
  if (!field.required && field.value.trim() === '') return '';
  const label = field.labels[0].textContent.toLowerCase();
  if (field.value.trim() === '') return label === 'e-mail' ? 'Enter your e-mail address.' : `Enter your ${label}.`;
  if (field.type === 'email' && field.validity.typeMismatch) return 'Enter an e-mail address like name@example.com.';
  if (field.minLength > 0 && field.value.length < field.minLength) return `Use at least ${field.minLength} characters.`;
  if (field.dataset.longest && field.value.length > Number(field.dataset.longest)) return `Use at most ${field.dataset.longest} characters.`;
  return '';
}

const fieldOfCode = {
  INVALID_EMAIL: 'email',
  USER_ALREADY_EXISTS: 'email',
  USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL: 'email',
  PASSWORD_TOO_SHORT: 'password',
  PASSWORD_TOO_LONG: 'password',
};

function setPasswordShown(button, shown) {
  document.getElementById(button.dataset.reveal).type = shown ? 'text' : 'password';
  button.textContent = shown ? 'Hide' : 'Show';
  button.setAttribute('aria-label', `${button.textContent} password`);
}

// One call of `run` at a time. aria-disabled, not disabled: a disabled button would lose the focus.
export function bindButton(button, run) {
  let busy = false;
  button.addEventListener('click', async () => {
    if (busy) return;
    busy = true;
    button.setAttribute('aria-disabled', 'true');
    showMessage('');
    await run();
    busy = false;
    button.removeAttribute('aria-disabled');
  });
}

// `send(form)` answers { data } or { error }; `done(data)` follows a success, `refused(error)` a refusal, which is told as usual unless
// it answers true. What was typed stays where it is.
export function bindForm(form, send, done, refused = () => false) {
  const submit = form.querySelector('button[type="submit"]');
  const fields = [...form.querySelectorAll('input')].filter((field) => document.getElementById(`${field.id}_error`));
  const place = placeOf(form);
  let busy = false;

  for (const button of form.querySelectorAll('[data-reveal]')) {
    button.addEventListener('click', () => setPasswordShown(button, document.getElementById(button.dataset.reveal).type === 'password'));
  }
  for (const field of fields) {
    field.addEventListener('input', () => {
      if (field.hasAttribute('aria-invalid')) setFieldError(field, findMistake(field));
    });
  }

  form.addEventListener('reset', () => {
    showMessage('', 'bad', place);
    for (const field of fields) setFieldError(field, '');
  });

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (busy) return;
    showMessage('', 'bad', place);
    for (const field of fields) setFieldError(field, findMistake(field));
    const wrong = fields.find((field) => field.hasAttribute('aria-invalid'));
    if (wrong) {
      wrong.focus();
      return;
    }
    // aria-disabled, not disabled: a disabled button would lose the focus.
    busy = true;
    submit.setAttribute('aria-disabled', 'true');
    form.setAttribute('aria-busy', 'true');
    // Browsers offer to keep a password only when its field looks like one.
    for (const button of form.querySelectorAll('[data-reveal]')) setPasswordShown(button, false);
    const { data, error } = await send(form);
    busy = false;
    submit.removeAttribute('aria-disabled');
    form.removeAttribute('aria-busy');
    if (!error) {
      done(data);
      return;
    }
    if (refused(error)) return;
    const field = fields.find((candidate) => candidate.name === (error.field ?? fieldOfCode[error.code]));
    if (field) setFieldError(field, error.message);
    showMessage(error.message, 'bad', place);
  });

  submit.disabled = false;
}
