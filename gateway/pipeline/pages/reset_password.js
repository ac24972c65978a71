// The link of the mail leads here with a token, or with what is wrong with it. The token is kept in this script alone: in the address it
// would be seen by whoever looks over a shoulder, and stay in the history.
import { resetPassword } from './auth_client.js';
import { describeDuration } from './duration.js';
import { bindForm, showMessage } from './form.js';
import { connectPages, showPart } from './page_parts.js';
import { dropFromAddress } from './return_to.js';
import { settings } from './settings.js';

const token = new URLSearchParams(location.search).get('token') ?? '';
dropFromAddress('token', 'error');

const form = document.getElementById('form');
const showBroken = () => showPart('broken', 'This link does not work');

bindForm(
  form,
  () => resetPassword(token, form.elements.password.value),
  () => {
    form.reset();
    showPart('done', 'Your password is changed');
  },
  (error) => {
    if (!['INVALID_TOKEN', 'USER_NOT_FOUND'].includes(error.code)) return false;
    showMessage('');
    showBroken();
    return true;
  },
);
document.getElementById('life').textContent = `, for ${describeDuration(settings.reset.linkSeconds)}`;
document.getElementById('ended').hidden = !settings.reset.endsSessions;
connectPages();
if (token === '') showBroken();
else showPart('form');
