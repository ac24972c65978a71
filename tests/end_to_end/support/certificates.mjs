// A certificate authority and server certificates made when a test needs them; nothing of it is kept.
import {execFileSync} from 'node:child_process';
import {readFileSync, renameSync, writeFileSync} from 'node:fs';
import {isIP} from 'node:net';
import {join} from 'node:path';

function openssl(...args) {
  execFileSync('openssl', args, {stdio: ['ignore', 'ignore', 'pipe']});
}

function makeKey(file, kind) {
  if (kind === 'rsa') openssl('genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', file);
  else openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', file);
}

export class Authority {
  #directory;
  #serial = 1;

  constructor(directory) {
    this.#directory = directory;
    makeKey(this.#path('ca.key'));
    openssl('req', '-x509', '-key', this.#path('ca.key'), '-subj', '/CN=Test authority', '-days', '2', '-out', this.#path('ca.pem'));
    this.file = this.#path('ca.pem');
    this.pem = readFileSync(this.#path('ca.pem'), 'utf8');
  }

  #path(name) {
    return join(this.#directory, name);
  }

  // Writes NAME.pem and NAME.key, complete at once as a renewal does it; → {cert, key, serial}. extensions: lines as openssl reads them.
  issue(name, hosts, {kind = 'ec', days = 2, as = name, serial = String(++this.#serial), extensions = []} = {}) {
    const scratch = this.#path(`${name}.new`);
    makeKey(`${scratch}.key`, kind);
    const names = hosts.map((host) => `${isIP(host) ? 'IP' : 'DNS'}:${host}`).join(',');
    writeFileSync(`${scratch}.ext`, [`subjectAltName=${names}`, ...extensions, ''].join('\n'));
    openssl('req', '-new', '-key', `${scratch}.key`, '-subj', `/CN=${hosts[0]}`, '-out', `${scratch}.csr`);
    openssl('x509', '-req', '-in', `${scratch}.csr`, '-CA', this.#path('ca.pem'), '-CAkey', this.#path('ca.key'), '-set_serial', serial,
      '-days', String(days), '-extfile', `${scratch}.ext`, '-out', `${scratch}.pem`);
    const files = {cert: this.#path(`${as}.pem`), key: this.#path(`${as}.key`), serial: Number(serial)};
    renameSync(`${scratch}.key`, files.key);
    renameSync(`${scratch}.pem`, files.cert);
    return files;
  }
}
