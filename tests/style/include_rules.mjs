// Who may include whom: the rules of docs/architecture.md, held on every #include line of gateway/.

const belowAuth = ['storage', 'cache', 'outbound', 'crypto', 'http', 'config', 'base'];

// folder of gateway/ → the folders it may include besides itself
export const mayInclude = {
  base: [],
  crypto: ['base'],
  http: ['base'],
  config: ['base'],
  storage: ['config', 'base'],
  cache: ['config', 'base'],
  outbound: ['http', 'config', 'base'],
  upstream: ['http', 'config', 'base'],
  edge: ['http', 'config', 'base'],
  auth: belowAuth,
  features: ['auth', ...belowAuth],
  pipeline: ['auth', 'upstream', 'cache', 'outbound', 'http', 'config', 'base'],
  attack: ['base'],
  app: ['attack', 'edge', 'pipeline', 'features', 'upstream', 'auth', ...belowAuth],
  'main.cpp': ['app'],
};

// Libraries that one place hides from all others.
const hiddenLibraries = [
  { header: /^yaml-cpp\//, home: 'gateway/config/' },
  { header: /^libpq-fe\.h$|^libpq\//, home: 'gateway/storage/postgres/' },
  { header: /^sqlite3(ext)?\.h$/, home: 'gateway/storage/sqlite/' },
  { header: /^hiredis\//, home: 'gateway/cache/redis/' },
  { header: /^curl\//, home: 'gateway/outbound/' },
];

const embedded = /^gatehouse_[a-z_]+\.hpp$/; // headers that cmake/embed.cmake writes

export function checkIncludes(files) {
  const problems = [];
  const known = new Set(files.map((file) => file.path));
  for (const file of files) {
    if (!/^gateway\/.*\.(cpp|hpp)$/.test(file.path)) continue;
    const [, folder, feature] = file.path.split('/');
    const allowed = mayInclude[folder];
    if (!allowed) {
      problems.push({ path: file.path, line: 1, text: `gateway/${folder} is in no rule of docs/architecture.md` });
      continue;
    }
    file.text.split('\n').forEach((row, index) => {
      const found = /^\s*#\s*include\s*(<([^>]+)>|"([^"]+)")/.exec(row);
      if (!found) return;
      const complain = (text) => problems.push({ path: file.path, line: index + 1, text });
      const system = found[2];
      if (system !== undefined) {
        for (const library of hiddenLibraries) {
          if (library.header.test(system) && !file.path.startsWith(library.home)) complain(`<${system}> is included in ${library.home} alone`);
        }
        return;
      }
      const own = found[3];
      if (embedded.test(own)) return;
      if (!known.has(`gateway/${own}`)) {
        complain(`"${own}" is no file of gateway/; includes are written from there`);
        return;
      }
      const [target, targetFeature] = own.split('/');
      if (target === folder) {
        if (folder === 'features' && targetFeature !== feature) complain(`a feature includes no other feature: "${own}"`);
        return;
      }
      if (!allowed.includes(target)) complain(`${folder} may not include ${target}: "${own}"`);
    });
  }
  return problems;
}
