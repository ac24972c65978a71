// Moments in words. `moment` is a time as the endpoints write it; anything else has no words.

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

const timeOf = (moment) => (typeof moment === 'string' ? Date.parse(moment) : Number.NaN);

export function describeDay(moment) {
  const time = timeOf(moment);
  return Number.isNaN(time) ? '' : new Intl.DateTimeFormat('en', { dateStyle: 'long' }).format(time);
}

// "just now", "5 minutes ago", "yesterday", "12 days ago"; older than a month: "on May 3, 2026". Clocks differ: what is a little in
// the future is now.
export function describeMoment(moment, now) {
  const time = timeOf(moment);
  if (Number.isNaN(time)) return '';
  const age = now - time;
  if (age < minute) return 'just now';
  if (age < hour) return relative.format(-Math.floor(age / minute), 'minute');
  if (age < day) return relative.format(-Math.floor(age / hour), 'hour');
  if (age < 31 * day) return relative.format(-Math.floor(age / day), 'day');
  return `on ${describeDay(moment)}`;
}
