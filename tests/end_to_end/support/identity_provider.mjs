// An identity provider for tests: a discovery document, keys, codes, tokens and profiles over plain HTTP. What it answers for a path
// can be replaced, and every request is kept.
import {createHash, createSign, generateKeyPairSync, randomBytes} from 'node:crypto';
import {createServer} from 'node:http';

const encode = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

export class IdentityProvider {
  requests = []; // {path, form}
  given = []; // access, refresh and ID tokens
  instead = new Map(); // path → function(request, response)
  user = {sub: 'sub-1', email: 'ann@example.test', email_verified: true, name: 'Ann'};
  #keys = generateKeyPairSync('rsa', {modulusLength: 2048});
  #codes = new Map();

  static async start() {
    const provider = new IdentityProvider();
    provider.server = createServer((request, response) => provider.#answer(request, response));
    await new Promise((done) => provider.server.listen(0, '127.0.0.1', done));
    provider.url = `http://127.0.0.1:${provider.server.address().port}`;
    return provider;
  }

  stop() {
    this.server.closeAllConnections();
    return new Promise((done) => this.server.close(done));
  }

  // The user approves: → path and query of the callback.
  approve(authorizationUrl) {
    const query = new URL(authorizationUrl).searchParams;
    const code = `code-${randomBytes(12).toString('hex')}`;
    this.#codes.set(code, {nonce: query.get('nonce'), challenge: query.get('code_challenge')});
    const back = new URL(query.get('redirect_uri'));
    back.search = new URLSearchParams({code, state: query.get('state')});
    return back.pathname + back.search;
  }

  #answer(request, response) {
    let body = '';
    request.on('data', (bytes) => (body += bytes));
    request.on('end', () => {
      const path = request.url.split('?')[0];
      const form = new URLSearchParams(body);
      this.requests.push({path, form});
      const other = this.instead.get(path);
      if (other) return other(request, response);
      const [status, value] = this.#document(path, form);
      response.writeHead(status, {'content-type': 'application/json'});
      response.end(JSON.stringify(value));
    });
  }

  #document(path, form) {
    if (path === '/.well-known/openid-configuration')
      return [
        200,
        {
          issuer: this.url,
          authorization_endpoint: `${this.url}/authorize`,
          token_endpoint: `${this.url}/token`,
          userinfo_endpoint: `${this.url}/userinfo`,
          jwks_uri: `${this.url}/jwks`,
          id_token_signing_alg_values_supported: ['RS256'],
        },
      ];
    if (path === '/jwks') return [200, {keys: [{...this.#keys.publicKey.export({format: 'jwk'}), kid: 'key-1', alg: 'RS256', use: 'sig'}]}];
    if (path === '/token') return this.#tokens(form);
    return [404, {error: 'not_found'}];
  }

  #tokens(form) {
    const flow = this.#codes.get(form.get('code'));
    this.#codes.delete(form.get('code'));
    const challenge = createHash('sha256').update(form.get('code_verifier') ?? '').digest('base64url');
    if (!flow || challenge !== flow.challenge) return [400, {error: 'invalid_grant'}];
    const now = Math.floor(Date.now() / 1000);
    const claims = {iss: this.url, aud: 'app', iat: now, exp: now + 600, nonce: flow.nonce, ...this.user};
    const message = `${encode({alg: 'RS256', kid: 'key-1'})}.${encode(claims)}`;
    const signature = createSign('RSA-SHA256').update(message).sign(this.#keys.privateKey).toString('base64url');
    const [access_token, refresh_token] = ['access', 'refresh'].map((name) => `${name}-${randomBytes(12).toString('hex')}`);
    const id_token = `${message}.${signature}`;
    this.given.push(access_token, refresh_token, id_token);
    return [200, {access_token, refresh_token, id_token, token_type: 'Bearer', expires_in: 600, scope: 'openid'}];
  }
}
