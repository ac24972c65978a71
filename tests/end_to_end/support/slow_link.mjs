// A way to a server that can be made slow: what the gateway and the server say to each other arrives late, in order and whole. It has a
// thread of its own: a test that keeps its own busy with requests must not make the way slow by that.
import net from 'node:net';
import {once} from 'node:events';
import {Worker, isMainThread, parentPort, workerData} from 'node:worker_threads';

export class SlowLink {
  #worker;

  static async start(port) {
    const link = new SlowLink();
    link.#worker = new Worker(new URL(import.meta.url), {workerData: {target: port}});
    [link.port] = await once(link.#worker, 'message');
    return link;
  }

  // Milliseconds that each piece takes, in both directions.
  slow(delay) {
    this.#worker.postMessage(delay);
  }
  heal() {
    this.#worker.postMessage(0);
  }
  close() {
    return this.#worker.terminate();
  }
}

function relay(client, target, delayNow) {
  const server = net.connect({host: '127.0.0.1', port: target});
  const pair = [client, server];
  const end = () => pair.forEach((socket) => socket.destroy());
  for (const [from, to] of [pair, [server, client]]) {
    let turn = Promise.resolve();
    from.setNoDelay(true);
    from.on('data', (bytes) => {
      // In order also while the delay changes: each piece waits for those before it.
      turn = turn.then(() => delayNow() && new Promise((done) => setTimeout(done, delayNow()))).then(() => to.write(bytes));
    });
    from.on('close', end).on('error', end);
  }
}

if (!isMainThread) {
  let delay = 0;
  parentPort.on('message', (milliseconds) => (delay = milliseconds));
  const server = net.createServer((client) => relay(client, workerData.target, () => delay));
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
}
