// Where the link of a verification mail leads: our page that says how it went. Undefined where that is not served.
import { isServed } from './page_parts.js';
import { makePagePath } from './return_to.js';

export const confirmedPath = () => (isServed('verify-email') ? makePagePath('/verify-email', location, { confirmed: 'yes' }) : undefined);
