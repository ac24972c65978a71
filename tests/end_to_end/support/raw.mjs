// A client that sends exactly the bytes it is given, over TLS or in clear, and reads the answers with the strict parser.
import net from 'node:net';
import tls from 'node:tls';
import {parseResponse} from './http_message.mjs';

const kPatience = 30_000;

// One connection to the gateway. Not for use by two readers at once.
export class RawClient {
  #socket;
  #unread = Buffer.alloc(0);
  #waiters = new Set();
  ended = false; // the peer closed in order (FIN, and close_notify over TLS)
  closed = false; // nothing more can come
  error;

  // options: {port, host, tls: undefined | tls.connect's options, transcript: array that collects all that was received, preface:
  // bytes in front of everything, the handshake included}
  static async connect({port, host = '127.0.0.1', tls: tlsOptions, transcript, paused = false, preface}) {
    const direct = preface === undefined && tlsOptions;
    const plain = direct ? undefined : net.connect({host, port});
    if (preface !== undefined) plain.write(Buffer.from(preface, 'latin1'));
    const socket = tlsOptions ? tls.connect({...(direct ? {host, port} : {socket: plain}), ...tlsOptions}) : plain;
    const client = new RawClient(socket, transcript, paused);
    await new Promise((resolve, reject) => {
      socket.once(tlsOptions ? 'secureConnect' : 'connect', resolve);
      socket.once('error', reject);
      socket.once('close', () => reject(client.error ?? new Error('closed before it was connected')));
    });
    return client;
  }

  constructor(socket, transcript, paused) {
    this.#socket = socket;
    socket.setNoDelay(true);
    if (!paused) {
      socket.on('data', (bytes) => {
        transcript?.push(bytes);
        this.#unread = this.#unread.length ? Buffer.concat([this.#unread, bytes]) : bytes;
        this.#wake();
      });
    }
    socket.on('end', () => ((this.ended = true), this.#wake()));
    socket.on('error', (error) => ((this.error ??= error), this.#wake()));
    socket.on('close', () => ((this.closed = true), this.#wake()));
  }

  get socket() {
    return this.#socket;
  }
  get received() {
    return this.#unread;
  }

  #wake() {
    for (const waiter of [...this.#waiters]) waiter();
  }

  // Waits until `find` gives something other than undefined; it is called after each event of the socket.
  async until(find, what, patience = kPatience) {
    const waiting = Promise.withResolvers?.() ?? withResolvers();
    const attempt = () => {
      try {
        const found = find();
        if (found !== undefined) waiting.resolve(found);
      } catch (error) {
        waiting.reject(error);
      }
    };
    const timer = setTimeout(() => waiting.reject(new Error(`no ${what} within ${patience} ms; unread: ${this.#excerpt()}`)), patience);
    this.#waiters.add(attempt);
    attempt();
    try {
      return await waiting.promise;
    } finally {
      clearTimeout(timer);
      this.#waiters.delete(attempt);
    }
  }

  #excerpt() {
    return JSON.stringify(this.#unread.toString('latin1').slice(0, 400));
  }

  // Resolves when the bytes were taken by the kernel, or when the connection is gone.
  send(bytes) {
    const data = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
    return new Promise((resolve) => {
      if (this.closed || this.#socket.destroyed) return resolve();
      this.#socket.once('close', resolve);
      this.#socket.write(data, () => (this.#socket.off('close', resolve), resolve()));
    });
  }

  // Each byte in a write (and TLS record) of its own.
  async sendByteByByte(bytes) {
    for (const byte of Buffer.from(bytes, 'latin1')) await this.send(Buffer.from([byte]));
  }

  // The next response, interim ones included. Throws when the connection ends without a complete one.
  response(method = 'GET', patience) {
    return this.until(
      () => {
        const response = parseResponse(this.#unread, method, this.ended && !this.error);
        if (response) {
          this.#unread = this.#unread.subarray(response.end);
          return response;
        }
        if (this.ended || this.closed) throw new Error(`the connection ended without a complete response: ${this.#excerpt()}`);
        return undefined;
      },
      'response',
      patience,
    );
  }

  // The next response that is not 1xx; the interim ones are in its `interim`.
  async finalResponse(method = 'GET', patience) {
    const interim = [];
    for (;;) {
      const response = await this.response(method, patience);
      if (response.status >= 200 || response.status === 101) return Object.assign(response, {interim});
      interim.push(response);
    }
  }

  // Waits until the gateway closes; → all responses that came, and what remains unparsed.
  async untilClosed(method = 'GET', patience) {
    await this.until(() => (this.ended || this.closed ? true : undefined), 'close', patience);
    const responses = [];
    for (let response; this.#unread.length > 0; responses.push(response)) {
      response = parseResponse(this.#unread, method, !this.error);
      if (!response) break;
      this.#unread = this.#unread.subarray(response.end);
    }
    return {responses, rest: this.#unread, reset: this.error !== undefined};
  }

  // Whether the connection is still open after everything the gateway has to say for now was read.
  isOpen() {
    return !this.ended && !this.closed;
  }

  // Bytes that follow a 101, taken out of the buffer.
  async bytes(count, patience) {
    await this.until(() => (this.#unread.length >= count || this.ended || this.closed ? true : undefined), `${count} bytes`, patience);
    const taken = this.#unread.subarray(0, count);
    this.#unread = this.#unread.subarray(taken.length);
    return taken;
  }

  halfClose() {
    this.#socket.end();
  }

  close() {
    this.#socket.destroy();
  }
}

function withResolvers() {
  let resolve, reject;
  const promise = new Promise((yes, no) => ((resolve = yes), (reject = no)));
  return {promise, resolve, reject};
}

// The text of a request. headers: [[name, value]] or an object; `host` is added unless it is null.
export function requestText(method, target, {host = 'gateway.test', headers = [], body, version = '1.1', keepAlive = true} = {}) {
  const list = Array.isArray(headers) ? headers : Object.entries(headers);
  let text = `${method} ${target} HTTP/${version}\r\n`;
  if (host !== null) text += `Host: ${host}\r\n`;
  for (const [name, value] of list) text += `${name}: ${value}\r\n`;
  if (!keepAlive) text += 'Connection: close\r\n';
  const bytes = body === undefined ? Buffer.alloc(0) : Buffer.from(body);
  if (body !== undefined && !list.some(([name]) => /^(content-length|transfer-encoding)$/i.test(name))) {
    text += `Content-Length: ${bytes.length}\r\n`;
  }
  return Buffer.concat([Buffer.from(`${text}\r\n`, 'latin1'), bytes]);
}

// One request on a connection of its own; → the final response (with `interim`).
export async function request(connect, method, target, options = {}) {
  const client = await connect();
  try {
    await client.send(requestText(method, target, {keepAlive: false, ...options}));
    return await client.finalResponse(method, options.patience);
  } finally {
    client.close();
  }
}
