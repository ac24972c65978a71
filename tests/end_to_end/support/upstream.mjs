// An upstream on raw sockets that keeps every byte it receives, splits them into requests with the strict parser, and answers as
// the test scripts it. What it recorded is what "nothing forwarded" is judged by.
import net from 'node:net';
import {once} from 'node:events';
import {parseRequest, parseRequestHead} from './http_message.mjs';

// A complete answer with Content-Length; fields: [[name, value]].
export function answer(status, body = '', fields = []) {
  const bytes = Buffer.from(body);
  const lines = [...fields, ['Content-Length', bytes.length]].map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status} Scripted\r\n${lines}\r\n`, 'latin1'), bytes]);
}

// Tells in its body which request it answers, so that a client sees whether it got its own answer.
async function echo(received, wire) {
  const whole = await received.complete;
  const fields = [['Content-Type', 'text/plain'], ['X-Echo', `${whole.method} ${whole.target}`]];
  wire.write(whole.method === 'HEAD' ? answer(200, '', fields) : answer(200, `${whole.method} ${whole.target}`, fields));
}

export class Upstream {
  connections = []; // {bytes, requests, closed, malformed, socket}
  requests = []; // complete ones, in the order in which they were completed
  #server;
  #watchers = new Set();

  // respond(received, wire): called once for each request head. received: {method, target, fields, complete: Promise of the whole
  // request}; wire: the socket. Without it the upstream echoes method and target.
  static async start(respond = echo) {
    const upstream = new Upstream();
    upstream.respond = respond;
    upstream.#server = net.createServer({noDelay: true, allowHalfOpen: false}, (socket) => upstream.#accept(socket));
    upstream.#server.listen(0, '127.0.0.1');
    await once(upstream.#server, 'listening');
    return upstream;
  }

  get port() {
    return this.#server.address().port;
  }
  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  #accept(socket) {
    const connection = {bytes: Buffer.alloc(0), at: 0, requests: [], closed: false, upgraded: false, malformed: undefined, socket};
    this.connections.push(connection);
    socket.on('data', (bytes) => {
      connection.bytes = Buffer.concat([connection.bytes, bytes]);
      this.#advance(connection);
      this.#wake();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      connection.closed = true;
      connection.current?.giveUp(new Error('the request was never completed'));
      this.#wake();
    });
  }

  // Finds what can be parsed by now: the head of the current request first, then all of it.
  #advance(connection) {
    if (connection.malformed || connection.upgraded) return;
    try {
      for (;;) {
        const bytes = connection.bytes.subarray(connection.at);
        if (!connection.current) {
          const head = parseRequestHead(bytes);
          if (!head) return;
          this.#begin(connection, head);
        }
        const whole = parseRequest(bytes);
        if (!whole) return;
        connection.at += whole.end;
        const received = Object.assign(whole, {connection});
        connection.requests.push(received);
        this.requests.push(received);
        const current = connection.current;
        connection.current = undefined;
        current.finish(received);
      }
    } catch (error) {
      connection.malformed = error.message;
      connection.current?.giveUp(error);
      connection.socket.destroy();
    }
  }

  #begin(connection, head) {
    let finish, giveUp;
    const complete = new Promise((resolve, reject) => ((finish = resolve), (giveUp = reject)));
    complete.catch(() => {});
    connection.current = {finish, giveUp};
    const received = {...head, complete, connection};
    Promise.resolve(this.respond(received, connection.socket)).catch(() => connection.socket.destroy());
  }

  #wake() {
    for (const watcher of [...this.#watchers]) watcher();
  }

  // Waits until `find(this)` is truthy and gives it; looked at after each event, and now and then for what tests do themselves.
  until(find, what = 'event at the upstream', patience = 30_000) {
    return new Promise((resolve, reject) => {
      const leave = (settle, value) => {
        clearTimeout(timer);
        clearInterval(ticker);
        this.#watchers.delete(attempt);
        settle(value);
      };
      const attempt = () => {
        const found = find(this);
        if (found) leave(resolve, found);
      };
      const timer = setTimeout(() => leave(reject, new Error(`no ${what} within ${patience} ms`)), patience);
      const ticker = setInterval(attempt, 20);
      this.#watchers.add(attempt);
      attempt();
    });
  }

  // A point to count from: what came after it is given by the functions of the mark.
  mark() {
    const lengths = new Map(this.connections.map((connection) => [connection, connection.bytes.length]));
    const requestCount = this.requests.length;
    return {
      bytes: () => Buffer.concat(this.connections.map((connection) => connection.bytes.subarray(lengths.get(connection) ?? 0))),
      requests: () => this.requests.slice(requestCount),
    };
  }

  malformed() {
    return this.connections.map((connection) => connection.malformed).filter(Boolean);
  }

  async stop() {
    this.#server.close();
    for (const connection of this.connections) connection.socket.destroy();
    await new Promise((resolve) => (this.#server.listening ? this.#server.once('close', resolve) : resolve()));
  }
}
