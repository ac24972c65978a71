// A steady load of strict clients: each lane has one connection and asks one request after the other. What became of every single
// request is told apart, so that one that was lost cannot hide among thousands.
import {requestText} from '../../tests/end_to_end/support/raw.mjs';
import {pause} from './command.mjs';

const kPatience = 30_000;

export class Lanes {
  times = []; // milliseconds of each right answer that the upstream gave at once
  failures = []; // {kind, target, detail}
  answered = 0;
  told = 0; // answers that say Connection: close
  refused = 0; // connections that nobody accepted
  #stopping = false;
  #lanes = [];

  // requests: function(lane, index) → {target, headers, body: what must come back, takesTime: the upstream does}. fresh: a connection for each request.
  // untilRefused: a lane ends when nobody listens any more. between: milliseconds from an answer to the next request.
  constructor(gateway, {count, requests, fresh = false, untilRefused = false, between = 0, connect = {}}) {
    Object.assign(this, {gateway, count, requests, fresh, untilRefused, between, connectOptions: connect});
  }

  start() {
    this.#lanes = Array.from({length: this.count}, (_, lane) => this.#run(lane));
    return this;
  }

  // Each lane finishes what it has asked.
  async stop() {
    this.#stopping = true;
    await Promise.all(this.#lanes);
    return this;
  }

  // Until each lane has ended by itself.
  async ended() {
    await Promise.all(this.#lanes);
    return this;
  }

  count_of(kind) {
    return this.failures.filter((failure) => failure.kind === kind).length;
  }

  async #run(lane) {
    let client;
    for (let index = 0; !this.#stopping; ++index) {
      client ??= await this.#connect(lane);
      if (!client && this.untilRefused) return;
      if (client && !(await this.#ask(client, this.requests(lane, index)))) client = void client.close();
      if (this.between > 0) await pause(this.between);
    }
    client?.close();
  }

  async #connect() {
    try {
      return await this.gateway.connect(this.connectOptions);
    } catch (error) {
      if (error.code === 'ECONNREFUSED') ++this.refused;
      else this.#fail('no handshake', '', error.message);
      if (!this.untilRefused) await pause(20);
      return undefined;
    }
  }

  // Whether the connection may be used again.
  async #ask(client, {target, headers, body, takesTime = false}) {
    const start = performance.now();
    await client.send(requestText('GET', target, {headers, keepAlive: !this.fresh}));
    let response;
    try {
      response = await client.finalResponse('GET', kPatience);
    } catch (error) {
      this.#fail(client.received.length > 0 ? 'cut' : 'no answer', target, error.message);
      return false;
    }
    ++this.answered;
    const closes = response.fields.get('connection')?.toLowerCase() === 'close';
    if (closes) ++this.told;
    if (response.status !== 200) this.#fail(String(response.status), target, response.body.toString().slice(0, 200));
    else if (body !== undefined && !response.body.equals(body)) this.#fail('wrong body', target, `${response.body.length} bytes`);
    else if (!takesTime) this.times.push(performance.now() - start);
    return !closes && !this.fresh;
  }

  #fail(kind, target, detail) {
    this.failures.push({kind, target, detail});
  }
}

// "2 cut, 1 no answer", or "none".
export function describeFailures(failures) {
  const kinds = new Map();
  for (const {kind} of failures) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  return [...kinds].map(([kind, count]) => `${count} ${kind}`).join(', ') || 'none';
}
