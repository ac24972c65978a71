// Answers that a test writes for one target each; everything else is echoed.
import {once} from 'node:events';
import net from 'node:net';
import {answer} from './upstream.mjs';

export class Scripts {
  #scripts = new Map();

  // For Upstream.start.
  respond = async (received, wire) => {
    const script = this.#scripts.get(received.target.split('?')[0]);
    if (script) return script(received, wire);
    const whole = await received.complete;
    wire.write(whole.method === 'HEAD' ? answer(200) : answer(200, `${whole.method} ${whole.target}`, [['X-Echo', '1']]));
  };

  // Registers what to do and gives the public target that does it.
  add(respond) {
    const target = `/public/scripted-${this.#scripts.size + 1}`;
    this.#scripts.set(target, respond);
    return target;
  }
}

// A port on which nobody listens: below the ephemeral range, so that no connection can meet itself.
export async function closedPort() {
  for (let port = 20_100; ; ++port) {
    const server = net.createServer();
    server.listen(port, '127.0.0.1');
    const free = await Promise.race([once(server, 'listening').then(() => true), once(server, 'error').then(() => false)]);
    if (!free) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}
