// The files of the repository as the style rules see them: path, text, mode. What is built, installed or ignored is not read.
import fs from 'node:fs';
import path from 'node:path';

const notOurs = new Set(['.git', 'build', 'data', 'node_modules']);
const binary = /\.(png|jpg|ico|woff2|gz|der|bin)$/;
const corpus = /^tests\/.*\/corpus\//; // inputs of fuzz targets are bytes, not text

// A list of {path, text, executable}; text is absent for binary files. Paths are relative, with forward slashes, sorted.
export function readTree(root) {
  const files = [];
  const walk = (folder) => {
    for (const entry of fs.readdirSync(path.join(root, folder), { withFileTypes: true })) {
      const relative = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        if (!notOurs.has(entry.name)) walk(relative);
        continue;
      }
      if (!entry.isFile() || entry.name === '.git' || entry.name.endsWith('.log')) continue;
      const absolute = path.join(root, relative);
      const isText = !binary.test(relative) && !corpus.test(relative);
      files.push({
        path: relative,
        text: isText ? fs.readFileSync(absolute, 'utf8') : undefined,
        executable: (fs.statSync(absolute).mode & 0o111) !== 0,
      });
    }
  };
  walk('');
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}
