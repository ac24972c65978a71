// Names, sizes and the forms of files.

const fixedNames = new Set([
  '.clang-format', 'README.md', 'CONTRIBUTING.md', 'LICENSE', 'CMakeLists.txt', 'CMakePresets.json', 'Dockerfile', 'docker-compose.yml', 'package-lock.json',
]);
const snakeCase = /^\.?[a-z0-9_]+(\.[a-z0-9_]+)*$/;
const emptyWords = /^(utils?|helpers?|common|misc|managers?|impl)$/;
const code = /\.(cpp|hpp|mjs|js|css|html|bash|cmake|sh)$/;
export const linesMax = 600;
export const linesToThinkAbout = 400;

export function checkFileNames(files) {
  const problems = [];
  for (const { path } of files) {
    const parts = path.split('/');
    parts.forEach((part, index) => {
      const isFile = index === parts.length - 1;
      if (!(isFile && fixedNames.has(part)) && !snakeCase.test(part)) problems.push({ path, line: 1, text: `"${part}" is not snake_case` });
      for (const word of part.split(/[._]/)) {
        if (emptyWords.test(word)) problems.push({ path, line: 1, text: `"${word}" says nothing about what is inside` });
      }
    });
  }
  return problems;
}

// Types and namespaces whose names say nothing, and functions marked as the second half of another.
export function checkIdentifiers(files) {
  const problems = [];
  const declared = /\b(?:class|struct|namespace|enum class)\s+([A-Za-z_][A-Za-z0-9_]*)/g;
  for (const file of files) {
    if (!/\.(cpp|hpp)$/.test(file.path)) continue;
    file.text.split('\n').forEach((row, index) => {
      const line = row.replace(/\/\/.*$/, '').replace(/"(\\.|[^"])*"/g, '""');
      for (const [, name] of line.matchAll(declared)) {
        const words = name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase().split('_');
        if (words.some((word) => emptyWords.test(word))) problems.push({ path: file.path, line: index + 1, text: `"${name}" says nothing about what it is` });
      }
      // on_…_impl are the names that Beast's basic_parser prescribes.
      const half = /\b(?!on_)[a-z0-9_]+_(impl|helper)\b/.exec(line);
      if (half) problems.push({ path: file.path, line: index + 1, text: `"${half[0]}" says nothing about what it does` });
    });
  }
  return problems;
}

export const countLines = (text) => text.split('\n').length - (text.endsWith('\n') ? 1 : 0);

export function checkSizes(files) {
  return files
    .filter((file) => code.test(file.path) && countLines(file.text) > linesMax)
    .map((file) => ({ path: file.path, line: linesMax, text: `${countLines(file.text)} lines; split before ${linesMax}` }));
}

export function findLongFiles(files) {
  return files.filter((file) => code.test(file.path) && countLines(file.text) > linesToThinkAbout && countLines(file.text) <= linesMax).map((file) => file.path);
}

export function checkHeaders(files) {
  const problems = [];
  for (const file of files) {
    if (!file.path.endsWith('.hpp')) continue;
    if (!/^#pragma once$/m.test(file.text)) problems.push({ path: file.path, line: 1, text: 'without #pragma once' });
    if (!/^\/\/ ?\S/.test(file.text)) problems.push({ path: file.path, line: 1, text: 'the first lines say what it is and its place in the life of a request' });
  }
  return problems;
}

export function checkExecutables(files) {
  const problems = [];
  for (const file of files) {
    if (file.text === undefined) continue;
    const isScript = file.text.startsWith('#!');
    const mustRun = isScript || /^scripts\/[^/]+$/.test(file.path);
    if (mustRun && !file.executable) problems.push({ path: file.path, line: 1, text: 'is not executable' });
    if (mustRun && !isScript) problems.push({ path: file.path, line: 1, text: 'does not begin with #!' });
  }
  return problems;
}
