// What may stand in no file, and what links in documents must lead to.
import path from 'node:path';

// Written in pieces, so that this file does not find itself.
const forbidden = [
  { pattern: new RegExp(`\\b(registry|npm)\\.(npmjs|yarnpkg)\\.|\\bpypi\\.(org|io)\\b|\\bproxy\\.gol${'ang'}\\.`), text: 'the host of a package registry: the machine that installs decides where packages come from' },
  { pattern: new RegExp(`(?<![\\w.*/-])/(wo${'rk'}|ro${'ot'}|ho${'me'}/\\w+|Us${'ers'})/\\w`), text: 'a path of one machine' },
  { pattern: new RegExp(`\\b(TO${'DO'}|FIX${'ME'})\\b`), text: 'unfinished work: do it, or say in a sentence why it is so' },
  { pattern: new RegExp(`^(<{7}|>{7}) `), text: 'a conflict marker' },
];

export function checkForbiddenText(files) {
  const problems = [];
  for (const file of files) {
    if (file.text === undefined) continue;
    const rules = file.path.endsWith('package-lock.json') ? [...forbidden, { pattern: /"resolved":/, text: 'an address in a lock file (tests/.npmrc leaves them out)' }] : forbidden;
    file.text.split('\n').forEach((row, index) => {
      for (const rule of rules) {
        if (rule.pattern.test(row)) problems.push({ path: file.path, line: index + 1, text: rule.text });
      }
      if (/[ \t]$/.test(row) && /\.(cpp|hpp|mjs|js|css|html|md|bash|yaml|yml)$/.test(file.path)) problems.push({ path: file.path, line: index + 1, text: 'blanks at the end of the line' });
    });
  }
  return problems;
}

// The anchor that a heading gets where the documents are shown.
const slug = (heading) =>
  heading
    .replace(/`/g, '')
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');

const withoutCode = (text) => text.replace(/^```[\s\S]*?^```/gm, (block) => block.replace(/[^\n]/g, '')).replace(/`[^`\n]*`/g, '``');

export function checkLinks(files) {
  const problems = [];
  const known = new Map(files.map((file) => [file.path, file]));
  const folders = new Set(files.flatMap((file) => file.path.split('/').map((_, depth, parts) => parts.slice(0, depth).join('/'))));
  const anchors = (file) => new Set([...file.text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/^#{1,6}\s+(.*)$/gm)].map((found) => slug(found[1])));
  for (const file of files) {
    if (!file.path.endsWith('.md')) continue;
    withoutCode(file.text).split('\n').forEach((row, index) => {
      for (const [, target] of row.matchAll(/\]\(<?([^)>\s]+)>?\)/g)) {
        if (/^[a-z][a-z0-9+.-]*:/i.test(target)) continue;
        const [where, anchor] = target.split('#');
        const goal = where === '' ? file.path : path.posix.normalize(path.posix.join(path.posix.dirname(file.path), decodeURIComponent(where))).replace(/\/$/, '');
        const complain = (text) => problems.push({ path: file.path, line: index + 1, text });
        if (!known.has(goal) && !folders.has(goal)) complain(`the link to ${target} leads nowhere`);
        else if (anchor && known.has(goal) && goal.endsWith('.md') && !anchors(known.get(goal)).has(anchor)) complain(`${goal} has no heading #${anchor}`);
      }
    });
  }
  return problems;
}
