// A TCP relay in front of a server, for what a network does to it: passes on at once, late, nothing at all, or refuses.
import {once} from 'node:events';
import net from 'node:net';

export class SlowLink {
  #server;
  #delay = 0;
  #pairs = new Set();

  static async start(port) {
    const link = new SlowLink();
    link.target = port;
    link.#server = net.createServer((client) => link.#relay(client));
    link.#server.listen(0, '127.0.0.1');
    await once(link.#server, 'listening');
    link.port = link.#server.address().port;
    return link;
  }

  // Milliseconds that each piece takes, in both directions.
  slow(delay) {
    this.#delay = delay;
  }
  heal() {
    this.#delay = 0;
  }

  #relay(client) {
    const server = net.connect({host: '127.0.0.1', port: this.target});
    const pair = [client, server];
    this.#pairs.add(pair);
    const end = () => {
      this.#pairs.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    for (const [from, to] of [pair, [server, client]]) {
      from.setNoDelay(true);
      from.on('data', (bytes) => {
        // In order also while the delay changes: each piece waits for those before it.
        from.turn = (from.turn ?? Promise.resolve()).then(() => (this.#delay ? new Promise((done) => setTimeout(done, this.#delay)) : undefined)).then(() => to.write(bytes));
      });
      from.on('close', end).on('error', end);
    }
  }

  close() {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
    this.#server.close();
  }
}
