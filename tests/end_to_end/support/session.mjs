// Signed-in users: through the gateway's own endpoints with plain requests, and with the real better-auth client over TLS.
import assert from 'node:assert/strict';
import tls from 'node:tls';
import {createAuthClient} from 'better-auth/client';
import {Agent, fetch as undiciFetch} from 'undici';
import {kHost, kOrigin} from './gateway.mjs';

let userCount = 0;

// "name=value" of the cookies that an answer sets, without those that it deletes.
export function cookiesOf(response) {
  return response.fields
    .all('set-cookie')
    .map((line) => line.split(';')[0])
    .filter((pair) => !pair.endsWith('='));
}

// Passwords are hashed at idle priority: on a busy machine that takes its time.
export function postJson(gateway, target, body, headers = {}) {
  return gateway.request('POST', target, {patience: 240_000, headers: {'Content-Type': 'application/json', Origin: kOrigin, ...headers}, body: JSON.stringify(body)});
}

// → {cookie, token, user, email, password}; cookie is the value of a Cookie header.
export async function signUp(gateway, {name = 'Ada Lovelace', email, password = 'correct horse battery'} = {}) {
  const address = email ?? `user${++userCount}.${process.pid}@example.test`;
  const response = await postJson(gateway, '/api/auth/sign-up/email', {name, email: address, password});
  assert.equal(response.status, 200, `sign-up: ${response.body}`);
  return {...sessionOf(response), email: address, password};
}

export async function signIn(gateway, {email, password}) {
  const response = await postJson(gateway, '/api/auth/sign-in/email', {email, password});
  assert.equal(response.status, 200, `sign-in: ${response.body}`);
  return {...sessionOf(response), email, password};
}

function sessionOf(response) {
  const cookie = cookiesOf(response).find((pair) => pair.includes('session_token='));
  assert.ok(cookie, 'no session cookie was set');
  const {token, user} = JSON.parse(response.body);
  return {cookie, token, user};
}

// A browser's part of fetch: https to the gateway under its public name, and a cookie jar.
export class Browser {
  jar = new Map();

  constructor(gateway) {
    this.agent = new Agent({
      connect(options, done) {
        const socket = tls.connect({host: '127.0.0.1', port: gateway.ports.https, ...gateway.tlsOptions()});
        socket.once('secureConnect', () => done(null, socket)).once('error', done);
      },
    });
    this.fetch = this.fetch.bind(this);
  }

  async fetch(input, init = {}) {
    const url = typeof input === 'string' || input instanceof URL ? input : input.url;
    const headers = new Headers(init.headers);
    if (this.jar.size > 0) headers.set('cookie', [...this.jar].map(([name, value]) => `${name}=${value}`).join('; '));
    if ((init.method ?? 'GET') !== 'GET' && !headers.has('origin')) headers.set('origin', kOrigin);
    const response = await undiciFetch(url, {...init, headers, dispatcher: this.agent, redirect: 'manual'});
    for (const line of response.headers.getSetCookie()) this.#keep(line);
    return response;
  }

  #keep(line) {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
    if (value === '' || /;\s*max-age=0/i.test(line)) this.jar.delete(name);
    else this.jar.set(name, value);
  }

  authClient(options = {}) {
    return createAuthClient({baseURL: `https://${kHost}`, fetchOptions: {customFetchImpl: this.fetch}, ...options});
  }

  close() {
    return this.agent.close();
  }
}
