// The tests that docs/security.md names exist, and it names one for each of the required behaviours that is offered.
const page = 'docs/security.md';
const behaviours = 128;

// In a title "…" stands for what a program fills in.
const title = /\b(?:test|describe|check|TEST_CASE\w*)\(\s*(?:\w+,\s*)?(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|`((?:[^`\\]|\\.)*)`)/g;
const normal = (text) => text.replace(/\$\{[^}]*\}/g, '…').replace(/\\(.)/g, '$1');

export const titlesOf = (text) => new Set([...text.matchAll(title)].map((found) => normal(found[1] ?? found[2] ?? found[3])));

export function checkNamedTests(files) {
  const known = new Map(files.map((file) => [file.path, file]));
  const source = known.get(page);
  if (!source) return [{ path: page, line: 1, text: 'is missing' }];
  const problems = [];
  const titles = new Map();
  const rows = new Map();
  source.text.split('\n').forEach((row, index) => {
    const complain = (text) => problems.push({ path: page, line: index + 1, text });
    const named = [...row.matchAll(/`([a-z0-9_/]+(?:\.test\.mjs|\.cpp)): ([^`]+)`/g)];
    for (const [, where, name] of named) {
      const path = `tests/${where}`;
      if (!known.has(path)) {
        complain(`there is no ${path}`);
        continue;
      }
      if (!titles.has(path)) titles.set(path, titlesOf(known.get(path).text));
      if (!titles.get(path).has(name)) complain(`${path} has no test "${name}"`);
    }
    const number = /^\| (\d+) \|/.exec(row)?.[1];
    if (number === undefined) return;
    if (rows.has(number)) complain(`behaviour ${number} is there twice`);
    rows.set(number, true);
    if (named.length === 0 && !row.includes('not offered yet')) complain(`behaviour ${number} names no test`);
  });
  for (let number = 1; number <= behaviours; ++number) {
    if (!rows.has(String(number))) problems.push({ path: page, line: 1, text: `behaviour ${number} is missing` });
  }
  return problems;
}
