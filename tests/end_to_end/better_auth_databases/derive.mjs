// Writes what a release of Better Auth makes of an empty database: its own migration's SQL and the rows of one sign-up, so that tests
// adopt databases of releases that need not be installed.
//   node derive.mjs FOLDER KIND DATABASE >FILE.sql
// FOLDER has the release in its node_modules, and pg or better-sqlite3; KIND is its advanced.database.generateId: text, uuid or serial;
// DATABASE is empty: postgres://… or the name of an SQLite file.
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {resolve} from 'node:path';

const [folder, kind, address] = process.argv.slice(2);
const require = createRequire(resolve(folder, 'package.json'));
const load = async (name) => import(require.resolve(name));
const isPostgres = address.startsWith('postgres');

async function open() {
  if (!isPostgres) {
    const {default: Sqlite} = await load('better-sqlite3');
    const file = new Sqlite(address);
    return {handle: file, rows: async (table) => file.prepare(`SELECT * FROM "${table}"`).all(), close: () => file.close()};
  }
  const {default: pg} = await load('pg');
  // As the server writes them.
  const pool = new pg.Pool({connectionString: address});
  const text = {getTypeParser: () => (value) => value};
  return {handle: pool, rows: async (table) => (await pool.query({text: `SELECT * FROM "${table}"`, types: text})).rows, close: () => pool.end()};
}

// Releases moved it.
async function migrations() {
  for (const name of ['better-auth/db/migration', 'better-auth/db']) {
    const found = await load(name).catch(() => undefined);
    if (found?.getMigrations) return found.getMigrations;
  }
  throw new Error('this release has no getMigrations');
}

const literal = (value) => (value === null ? 'NULL' : typeof value === 'number' ? String(value) : `'${String(value).replaceAll("'", "''")}'`);
const insert = (table, row) =>
  `INSERT INTO "${table}" (${Object.keys(row).map((name) => `"${name}"`).join(', ')}) VALUES (${Object.values(row).map(literal).join(', ')});`;

const database = await open();
const {betterAuth} = await load('better-auth');
const options = {
  baseURL: 'https://www.gatehouse.test',
  secret: 'a-secret-for-tests-only-0123456789-abcdefghijklmnop',
  database: database.handle,
  emailAndPassword: {enabled: true},
  advanced: kind === 'text' ? {} : {database: {generateId: kind}},
  logger: {level: 'error'},
};
const {compileMigrations, runMigrations} = await (await migrations())(options);
const ddl = await compileMigrations();
await runMigrations();
await betterAuth(options).api.signUpEmail({body: {name: 'Ann', email: 'ann@example.test', password: 'correct horse battery'}});
const rows = [];
for (const table of ['user', 'session', 'account']) for (const row of await database.rows(table)) rows.push(insert(table, row));
const {version} = JSON.parse(readFileSync(resolve(folder, 'node_modules/better-auth/package.json'), 'utf8'));
console.log([`-- Better Auth ${version}, ids: ${kind}`, ddl, ...rows].join('\n\n'));
await database.close();
