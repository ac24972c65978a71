// A user agent in a person's words. What it says is the client's own claim: good for recognising one's devices, for nothing else.

// The first that matches counts: nearly all browsers also claim to be Safari, and many to be Chrome.
const browsers = [
  [/\bEdg(e|A|iOS)?\//, 'Edge'],
  [/\b(OPR|Opera|OPiOS|OPT)\b/, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\bVivaldi\//, 'Vivaldi'],
  [/\bYaBrowser\//, 'Yandex Browser'],
  [/\bDuckDuckGo\//, 'DuckDuckGo'],
  [/\b(Firefox|FxiOS)\//, 'Firefox'],
  [/\b(HeadlessChrome|Chrome|Chromium|CriOS)\//, 'Chrome'],
  [/\b(MSIE |Trident\/)/, 'Internet Explorer'],
  [/\bVersion\/[\d.]+.*\bSafari\//, 'Safari'],
];

const systems = [
  [/\biPhone\b|\biPod\b/, 'iPhone', 'phone'],
  [/\biPad\b/, 'iPad', 'tablet'],
  [/\bAndroid\b.*\bMobile\b/, 'an Android phone', 'phone'],
  [/\bAndroid\b.*\bTV\b/, 'an Android TV', 'computer'],
  [/\bAndroid\b/, 'an Android tablet', 'tablet'],
  [/\bWindows Phone\b/, 'a Windows phone', 'phone'],
  [/\bWindows\b/, 'Windows', 'computer'],
  [/\bCrOS\b/, 'ChromeOS', 'computer'],
  [/\bMacintosh\b|\bMac OS X\b/, 'macOS', 'computer'],
  [/\bLinux\b|\bX11\b/, 'Linux', 'computer'],
];

const programs = [
  [/^curl\//, 'curl'],
  [/^Wget\//, 'Wget'],
  [/^PostmanRuntime\//, 'Postman'],
  [/^(node|undici)\b/, 'A Node.js program'],
  [/^(python-requests|python-httpx|Python|aiohttp)\b/, 'A Python program'],
  [/^Go-http-client\//, 'A Go program'],
  [/^(okhttp|Dalvik)\//, 'An Android app'],
  [/\bCFNetwork\//, 'An Apple app'],
  [/^Dart\//, 'A mobile app'],
];

const longest = 40;

const find = (table, text) => table.find(([pattern]) => pattern.test(text));

// { words, kind }; kind is phone, tablet, computer or program.
export function describeDevice(userAgent) {
  const text = typeof userAgent === 'string' ? userAgent.trim() : '';
  if (text === '') return { words: 'Unknown device', kind: 'program' };
  const program = find(programs, text);
  if (program) return { words: program[1], kind: 'program' };
  const browser = find(browsers, text)?.[1];
  const [, system, kind] = find(systems, text) ?? [];
  if (browser && system) return { words: `${browser} on ${system}`, kind };
  if (browser) return { words: browser, kind: 'computer' };
  if (system) return { words: `A program on ${system}`, kind };
  const letters = [...text];
  return { words: letters.length > longest ? `${letters.slice(0, longest).join('')}…` : text, kind: 'program' };
}

// IPv6 addresses as people write them; anything else as it is.
export function shortenAddress(address) {
  if (typeof address !== 'string' || !address.includes(':')) return address ?? '';
  try {
    return new URL(`http://[${address}]/`).hostname.slice(1, -1);
  } catch {
    return address;
  }
}
