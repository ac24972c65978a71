// The words of the account page: of devices, moments, pictures, and of what links and providers have brought.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeArrival, isAfterDeletion } from '../../gateway/pipeline/pages/account_arrival.js';
import { describeDevice, shortenAddress } from '../../gateway/pipeline/pages/device_words.js';
import { findPictureMistake, findShowablePicture, makeInitials } from '../../gateway/pipeline/pages/portrait.js';
import { describeMoment } from '../../gateway/pipeline/pages/time_words.js';

const webkit = 'AppleWebKit/537.36 (KHTML, like Gecko)';

test('a user agent is told as a browser on a system', () => {
  for (const [userAgent, words, kind] of [
    [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${webkit} Chrome/126.0.0.0 Safari/537.36`, 'Chrome on Windows', 'computer'],
    [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${webkit} Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0`, 'Edge on Windows', 'computer'],
    [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${webkit} Chrome/126.0.0.0 Safari/537.36 OPR/112.0.0.0`, 'Opera on Windows', 'computer'],
    ['Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0', 'Firefox on Linux', 'computer'],
    [`Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) ${webkit} Chrome/126.0.0.0 Safari/537.36`, 'Chrome on ChromeOS', 'computer'],
    [`Mozilla/5.0 (X11; Linux x86_64) ${webkit} HeadlessChrome/126.0.0.0 Safari/537.36`, 'Chrome on Linux', 'computer'],
    ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15', 'Safari on macOS', 'computer'],
    ['Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1', 'Safari on iPhone', 'phone'],
    ['Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/126.0 Mobile/15E148 Safari/604.1', 'Chrome on iPhone', 'phone'],
    ['Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/127.0 Mobile/15E148 Safari/605.1.15', 'Firefox on iPad', 'tablet'],
    [`Mozilla/5.0 (Linux; Android 14; Pixel 8) ${webkit} Chrome/126.0.0.0 Mobile Safari/537.36`, 'Chrome on an Android phone', 'phone'],
    [`Mozilla/5.0 (Linux; Android 13; SM-X906C) ${webkit} SamsungBrowser/25.0 Chrome/121.0.0.0 Safari/537.36`, 'Samsung Internet on an Android tablet', 'tablet'],
    ['Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko', 'Internet Explorer on Windows', 'computer'],
    ['curl/8.5.0', 'curl', 'program'],
    ['node', 'A Node.js program', 'program'],
    ['python-requests/2.32.3', 'A Python program', 'program'],
    ['okhttp/4.12.0', 'An Android app', 'program'],
    ['Example/7 CFNetwork/1496.0.7 Darwin/23.5.0', 'An Apple app', 'program'],
  ]) {
    assert.deepEqual(describeDevice(userAgent), { words, kind }, userAgent);
  }
});

test('a user agent that says nothing known is shown as it is, shortened', () => {
  for (const none of ['', '  ', null, undefined, 7]) assert.deepEqual(describeDevice(none), { words: 'Unknown device', kind: 'program' });
  assert.equal(describeDevice('MyRadio/1.0').words, 'MyRadio/1.0');
  assert.equal(describeDevice('Linux').words, 'A program on Linux');
  assert.equal(describeDevice('😀'.repeat(50)).words, `${'😀'.repeat(40)}…`);
});

test('IPv6 addresses are shortened, others left alone', () => {
  assert.equal(shortenAddress('2001:0db8:0001:0002:0000:0000:0000:0000'), '2001:db8:1:2::');
  assert.equal(shortenAddress('::1'), '::1');
  assert.equal(shortenAddress('203.0.113.7'), '203.0.113.7');
  assert.equal(shortenAddress('fe80::1%eth0'), 'fe80::1%eth0');
  assert.equal(shortenAddress(null), '');
});

test('moments are told by their distance', () => {
  const now = Date.parse('2026-05-20T12:00:00.000Z');
  for (const [moment, words] of [
    ['2026-05-20T12:00:30.000Z', 'just now'],
    ['2026-05-20T11:59:01.000Z', 'just now'],
    ['2026-05-20T11:59:00.000Z', '1 minute ago'],
    ['2026-05-20T11:05:00.000Z', '55 minutes ago'],
    ['2026-05-20T10:30:00.000Z', '1 hour ago'],
    ['2026-05-19T11:00:00.000Z', 'yesterday'],
    ['2026-05-08T11:00:00.000Z', '12 days ago'],
    ['2026-03-03T12:00:00.000Z', 'on March 3, 2026'],
    ['never', ''],
    [null, ''],
  ]) {
    assert.equal(describeMoment(moment, now), words, String(moment));
  }
});

test('initials are those of the first and the last name', () => {
  assert.equal(makeInitials('Ada Lovelace', 'a@b.example'), 'AL');
  assert.equal(makeInitials('  ada king  of lovelace ', ''), 'AL');
  assert.equal(makeInitials('Ada', ''), 'A');
  assert.equal(makeInitials('', 'bob@example.com'), 'B');
  assert.equal(makeInitials(null, 'bob@example.com'), 'B');
  assert.equal(makeInitials('😀 Émile', ''), '😀É');
  assert.equal(makeInitials(undefined, undefined), '');
});

test('only pictures that the policy lets in are shown', () => {
  const origin = 'https://gateway.example';
  const show = (image) => findShowablePicture(image, origin);
  assert.equal(show('/pictures/ada.png'), 'https://gateway.example/pictures/ada.png');
  assert.equal(show('https://gateway.example/ada.png'), 'https://gateway.example/ada.png');
  assert.equal(show('data:image/png;base64,AAAA'), 'data:image/png;base64,AAAA');
  for (const other of ['https://elsewhere.example/ada.png', '//elsewhere.example/a', 'javascript:alert(1)', 'data:text/html,x', 'blob:x', '', null, 7, 'http://[']) {
    assert.equal(show(other), null, String(other));
  }
});

test('the address of a picture is one of the web, or nothing', () => {
  for (const fine of ['', 'https://example.com/ada.png', 'data:image/png;base64,AAAA']) assert.equal(findPictureMistake(fine), '');
  for (const wrong of ['ada.png', 'http://example.com/a', 'javascript:alert(1)', 'data:text/html,x', 'https://']) {
    assert.equal(findPictureMistake(wrong), 'Enter an address that begins with https://, or nothing.', wrong);
  }
});

test('what a link has brought is told where the user data bear it out, and never in a stranger\'s words', () => {
  const user = { email: 'ada@example.com', emailVerified: false };
  const said = (search, changes = {}, accounts = []) => describeArrival(search, { ...user, ...changes }, accounts);
  assert.equal(said(''), null);
  assert.equal(said('?done=surprise'), null);
  assert.equal(said('?done=verified'), null);
  assert.deepEqual(said('?done=verified', { emailVerified: true }), { text: 'Your e-mail address is confirmed.', kind: 'good' });
  assert.deepEqual(said('?done=email&to=ada%40example.com'), { text: 'Your e-mail address has been changed.', kind: 'good' });
  assert.match(said('?done=email&to=eve%40example.com').text, /^One more step: /);
  assert.equal(said('?done=linked&to=github'), null);
  assert.deepEqual(said('?done=linked&to=github', {}, [{ providerId: 'github' }]), { text: 'The account is linked.', kind: 'good' });
  assert.deepEqual(said('?done=verified&error=TOKEN_EXPIRED'), { text: 'This link is too old. Ask for a new one below.', kind: 'bad' });
  for (const strange of ['?error=Call+0900', '?error=constructor', '?error=']) {
    assert.deepEqual(said(strange), { text: 'That did not work. Please try again.', kind: 'bad' });
  }
});

test('only the link of a deletion says that the account is gone', () => {
  assert.equal(isAfterDeletion('?done=deleted'), true);
  assert.equal(isAfterDeletion('?done=verified'), false);
  assert.equal(isAfterDeletion(''), false);
});
