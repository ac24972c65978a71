// Stands in for Cloudflare's siteverify: takes JSON and forms, knows Cloudflare's published test keys, and of its own key gives tokens
// that count once. Every question is kept; what it answers can be replaced.
import {randomBytes} from 'node:crypto';
import {createServer} from 'node:http';

// https://developers.cloudflare.com/turnstile/troubleshooting/testing/
export const kAlwaysPasses = '1x0000000000000000000000000000000AA';
export const kAlwaysFails = '2x0000000000000000000000000000000AA';
export const kAlreadySpent = '3x0000000000000000000000000000000AA';
export const kTestSiteKey = '1x00000000000000000000AA';
export const kDummyToken = 'XXXX.DUMMY.TOKEN.XXXX';

export class Siteverify {
  secret = `own-secret-${randomBytes(6).toString('hex')}`;
  questions = [];
  instead = null; // function(question, response)
  #tokens = new Map(); // token → {hostname, action, spentBy: idempotency key}

  static async start() {
    const siteverify = new Siteverify();
    siteverify.server = createServer((request, response) => siteverify.#receive(request, response));
    await new Promise((done) => siteverify.server.listen(0, '127.0.0.1', done));
    siteverify.url = `http://127.0.0.1:${siteverify.server.address().port}/turnstile/v0/siteverify`;
    return siteverify;
  }

  stop() {
    this.server.closeAllConnections();
    return new Promise((done) => this.server.close(done));
  }

  // What the widget gives to a page of that host.
  giveToken({hostname = 'gateway.test', action = ''} = {}) {
    const token = `0.${randomBytes(60).toString('base64url')}`;
    this.#tokens.set(token, {hostname, action});
    return token;
  }

  async #receive(request, response) {
    let text = '';
    for await (const bytes of request) text += bytes;
    const isJson = request.headers['content-type']?.startsWith('application/json');
    const question = {method: request.method, path: request.url, ...(isJson ? JSON.parse(text) : Object.fromEntries(new URLSearchParams(text)))};
    this.questions.push(question);
    if (this.instead) return this.instead(question, response);
    response.writeHead(200, {'content-type': 'application/json'});
    response.end(JSON.stringify(this.#answer(question)));
  }

  #answer({secret, response: token, idempotency_key: key}) {
    const no = (code) => ({success: false, 'error-codes': [code], messages: []});
    const yes = (fields) => ({success: true, 'error-codes': [], challenge_ts: new Date().toISOString(), cdata: '', ...fields});
    if (!secret) return no('missing-input-secret');
    if (!token) return no('missing-input-response');
    if (secret === kAlwaysPasses) return token === kDummyToken ? yes({hostname: 'example.com', action: 'test'}) : no('invalid-input-response');
    if (secret === kAlwaysFails) return no('invalid-input-response');
    if (secret === kAlreadySpent) return no('timeout-or-duplicate');
    if (secret !== this.secret) return no('invalid-input-secret');
    const known = this.#tokens.get(token);
    if (!known) return no('invalid-input-response');
    if (known.spentBy !== undefined && (key === undefined || known.spentBy !== key)) return no('timeout-or-duplicate');
    known.spentBy = key ?? '';
    return yes({hostname: known.hostname, action: known.action});
  }
}
