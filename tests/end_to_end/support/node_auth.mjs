// The real Better Auth on Node, in this process, on the same PostgreSQL and Redis as a gateway: what people run before, after and beside it.
import net from 'node:net';
import {betterAuth} from 'better-auth';
import pg from 'pg';
import {kOrigin} from './gateway.mjs';

// Bulk strings, numbers, OK and nil: what a secondary storage needs of Redis.
class RedisClient {
  #socket;
  #rest = Buffer.alloc(0);
  #waiting = [];

  constructor(port) {
    this.#socket = net.connect(port, '127.0.0.1');
    this.#socket.on('data', (bytes) => this.#read(bytes)).on('error', (error) => this.#fail(error)).on('close', () => this.#fail(new Error('redis is gone')));
  }

  command(...words) {
    this.#socket.write(`*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(String(word))}\r\n${word}\r\n`).join('')}`);
    return new Promise((done, no) => this.#waiting.push({done, no}));
  }

  #read(bytes) {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    for (let end; (end = this.#rest.indexOf('\r\n')) >= 0; ) {
      const head = this.#rest.toString('utf8', 0, end);
      let [value, size] = [head.slice(1), end + 2];
      if (head[0] === '$') {
        const length = Number(value);
        value = length < 0 ? null : this.#rest.toString('utf8', size, size + length);
        if (length >= 0) size += length + 2;
        if (this.#rest.length < size) return;
      }
      this.#rest = this.#rest.subarray(size);
      const {done, no} = this.#waiting.shift();
      if (head[0] === '-') no(new Error(value));
      else done(head[0] === ':' ? Number(value) : value);
    }
  }

  #fail(error) {
    for (const {no} of this.#waiting.splice(0)) no(error);
  }

  close() {
    this.#socket.destroy();
  }
}

export class NodeAuth {
  // databaseUrl of PostgreSQL; redisPort; options: further ones of betterAuth.
  constructor({databaseUrl, redisPort, session = {}, options = {}}) {
    this.pool = new pg.Pool({connectionString: databaseUrl, max: 4});
    this.pool.on('error', () => {});
    this.redis = new RedisClient(redisPort);
    const {redis} = this;
    this.auth = betterAuth({
      database: this.pool,
      secret: 'a-secret-for-tests-only-0123456789-abcdefghijklmnop',
      baseURL: kOrigin,
      emailAndPassword: {enabled: true},
      rateLimit: {enabled: false},
      telemetry: {enabled: false},
      logger: {level: 'error'},
      session,
      secondaryStorage: {
        get: (key) => redis.command('GET', key),
        set: (key, value, ttl) => (ttl ? redis.command('SET', key, value, 'EX', ttl) : redis.command('SET', key, value)),
        delete: (key) => redis.command('DEL', key),
        getAndDelete: (key) => redis.command('GETDEL', key),
      },
      ...options,
    });
  }

  // → {status, body (parsed), cookies: ["name=value", …]}
  async ask(method, path, {body, cookie} = {}) {
    const headers = {Origin: kOrigin, 'User-Agent': 'node', ...(cookie ? {Cookie: cookie} : {}), ...(body ? {'Content-Type': 'application/json'} : {})};
    const response = await this.auth.handler(new Request(`${kOrigin}/api/auth${path}`, {method, headers, body: body && JSON.stringify(body)}));
    const text = await response.text();
    const cookies = response.headers.getSetCookie().map((line) => line.split(';')[0]).filter((pair) => !pair.endsWith('='));
    return {status: response.status, body: text ? JSON.parse(text) : null, cookies};
  }

  // → {cookie, token, user, email, password}, as signIn() of session.mjs.
  async signIn({email, password}) {
    const {status, body, cookies} = await this.ask('POST', '/sign-in/email', {body: {email, password}});
    if (status !== 200) throw new Error(`sign-in at Node: ${status} ${JSON.stringify(body)}`);
    return {cookie: cookies.find((pair) => pair.includes('session_token=')), token: body.token, user: body.user, email, password};
  }

  async close() {
    this.redis.close();
    await this.pool.end();
  }
}
