// Debian's Chromium, headless, driven by playwright-core.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';
import { eventually } from '../../end_to_end/support/servers.mjs';

const flags = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'];

// `extraFlags`: further words of Chromium's command line.
export function launchBrowser(extraFlags = []) {
  // Chromium's sandbox refuses root.
  const sandbox = process.getuid() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: [...flags, ...sandbox, ...extraFlags] });
}

// A fresh browser context with one page. `complaints` collects what the console and the page's scripts complain about: refused by
// the content security policy, exceptions, files that are missing. Answers of 4xx to fetch are expected and left out.
export async function openPage(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1024, height: 768 }, ignoreHTTPSErrors: true, ...options });
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`));
  page.on('console', (message) => {
    const expected = /Failed to load resource: the server responded with a status of (4\d\d|5\d\d)|net::ERR_/.test(message.text());
    if (['error', 'warning'].includes(message.type()) && !expected) complaints.push(message.text());
  });
  return { context, page, complaints };
}

// A page's script may still be about to fill it in.
export async function waitForValue(field, value) {
  await eventually(`the field holds ${value}`, async () => (await field.inputValue()) === value);
}

const axeSource = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

// What axe finds, as lines; empty is good.
export async function findAccessibilityFaults(page) {
  await page.evaluate(axeSource);
  const result = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
  return result.violations.flatMap((violation) => violation.nodes.map((node) => `${violation.id}: ${violation.help}: ${node.html}`));
}

// Kept only where somebody wants to look: GATEHOUSE_SCREENSHOTS names the folder.
export async function takeScreenshot(page, name) {
  const folder = process.env.GATEHOUSE_SCREENSHOTS;
  if (!folder) return;
  fs.mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
}

const looks = [['dark', 1024], ['light', 320], ['light', 1024]];

// In dark, on a small phone, and last as it was opened, in light on a desktop: axe finds nothing, and nothing is wider than the screen.
// `name` is that of the screenshots.
export async function checkEveryLook(page, name) {
  for (const [colorScheme, width] of looks) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: width === 320 ? 640 : 768 });
    const look = `${name}-${colorScheme}-${width}`;
    assert.deepEqual(await findAccessibilityFaults(page), [], look);
    assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= width, `${look}: wider than the screen`);
    await takeScreenshot(page, look);
  }
}
