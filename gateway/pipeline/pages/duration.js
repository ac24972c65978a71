// 5400 → "90 minutes": as the mails say it.
const count = (number, unit) => `${number} ${unit}${number === 1 ? '' : 's'}`;

export function describeDuration(seconds) {
  const minutes = Math.floor(seconds / 60);
  if (minutes >= 2 * 24 * 60) return count(Math.floor(minutes / (24 * 60)), 'day');
  if (minutes >= 180 || (minutes >= 60 && minutes % 60 === 0)) return count(Math.floor(minutes / 60), 'hour');
  return count(minutes, 'minute');
}
