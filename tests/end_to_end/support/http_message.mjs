// A strict HTTP/1.1 parser of its own (RFC 9112), for both sides of the gateway: what the recording upstream received and what the
// client got. It shares nothing with the gateway and forgives nothing, so that what only a lenient parser accepts is an error here.

export class MalformedMessage extends Error {}

const kToken = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const kTarget = /^[\x21-\x7e]+$/;

function malformed(what, bytes) {
  throw new MalformedMessage(`${what}: ${JSON.stringify(Buffer.from(bytes).toString('latin1').slice(0, 300))}`);
}

// The fields of one message, in order, with look-ups by name in any case.
export class Fields {
  constructor(list) {
    this.list = list;
  }
  all(name) {
    return this.list.filter(([key]) => key.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
  }
  get(name) {
    return this.all(name)[0];
  }
  has(name) {
    return this.all(name).length > 0;
  }
}

// Lower case, every run of characters other than letters and digits to '-': how careless upstreams see a name.
export function foldName(name) {
  return name.toLowerCase().replace(/[^a-z0-9]+/g, '-');
}

function parseFields(lines, bytes) {
  return new Fields(
    lines.map((line) => {
      const colon = line.indexOf(':');
      if (colon < 1 || !kToken.test(line.slice(0, colon))) malformed(`not a field line (${JSON.stringify(line)})`, bytes);
      const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '');
      if (/[\x00-\x08\x0a-\x1f\x7f]/.test(value)) malformed('control byte in a value', bytes);
      return [line.slice(0, colon), value];
    }),
  );
}

// → {startLine, fields, end} or undefined when the head is not complete yet.
function parseHead(bytes) {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const lines = bytes.subarray(0, end).toString('latin1').split('\r\n');
  for (const line of lines) if (/[\r\n\0]/.test(line)) malformed('bare CR, bare LF or NUL in a head', bytes);
  return {startLine: lines[0], fields: parseFields(lines.slice(1), bytes), end: end + 4};
}

// How the body of a message with these fields is delimited: {kind: 'none' | 'length' | 'chunked' | 'close', length}.
function findFraming(fields, isResponse, bytes) {
  const encodings = fields.all('transfer-encoding');
  const lengths = fields.all('content-length');
  if (encodings.length > 0) {
    if (lengths.length > 0) malformed('both Transfer-Encoding and Content-Length', bytes);
    if (encodings.length > 1 || encodings[0].toLowerCase() !== 'chunked') malformed('odd Transfer-Encoding', bytes);
    return {kind: 'chunked'};
  }
  if (lengths.length > 1) malformed('several Content-Length', bytes);
  if (lengths.length === 1) {
    if (!/^[0-9]{1,15}$/.test(lengths[0])) malformed('odd Content-Length', bytes);
    return {kind: 'length', length: Number(lengths[0])};
  }
  return {kind: isResponse ? 'close' : 'none'};
}

// Decodes a chunked body. → {body, trailers, end} or undefined when more is needed.
function parseChunked(bytes, start) {
  const pieces = [];
  let at = start;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) {
      if (bytes.length - at > 18) malformed('chunk size without an end', bytes.subarray(at));
      return undefined;
    }
    const size = bytes.subarray(at, lineEnd).toString('latin1');
    if (!/^[0-9A-Fa-f]{1,15}$/.test(size)) malformed('odd chunk size', bytes.subarray(at));
    const length = parseInt(size, 16);
    at = lineEnd + 2;
    if (length === 0) break;
    if (bytes.length < at + length + 2) return undefined;
    if (bytes.toString('latin1', at + length, at + length + 2) !== '\r\n') malformed('chunk not followed by CRLF', bytes.subarray(at));
    pieces.push(bytes.subarray(at, at + length));
    at += length + 2;
  }
  if (bytes.toString('latin1', at, at + 2) === '\r\n') return {body: Buffer.concat(pieces), trailers: new Fields([]), end: at + 2};
  const end = bytes.indexOf('\r\n\r\n', at);
  if (end < 0) return undefined;
  const trailers = parseFields(bytes.subarray(at, end).toString('latin1').split('\r\n'), bytes);
  return {body: Buffer.concat(pieces), trailers, end: end + 4};
}

function parseBody(bytes, framing, start, ended) {
  const none = new Fields([]);
  if (framing.kind === 'none') return {body: Buffer.alloc(0), trailers: none, end: start};
  if (framing.kind === 'chunked') return parseChunked(bytes, start);
  if (framing.kind === 'close') return ended ? {body: bytes.subarray(start), trailers: none, end: bytes.length} : undefined;
  if (bytes.length < start + framing.length) return undefined;
  return {body: bytes.subarray(start, start + framing.length), trailers: none, end: start + framing.length};
}

// The head of a request at the front of `bytes`: {method, target, fields, framing, end}, or undefined when it is not complete.
export function parseRequestHead(bytes) {
  const head = parseHead(bytes);
  if (!head) return undefined;
  const parts = head.startLine.split(' ');
  if (parts.length !== 3 || !kToken.test(parts[0]) || !kTarget.test(parts[1]) || parts[2] !== 'HTTP/1.1') malformed('odd request line', bytes);
  if (head.fields.all('host').length !== 1) malformed('not exactly one Host', bytes);
  return {method: parts[0], target: parts[1], fields: head.fields, framing: findFraming(head.fields, false, bytes), end: head.end};
}

// One whole request at the front of `bytes`: as above with body and trailers, or undefined when more is needed.
export function parseRequest(bytes) {
  const head = parseRequestHead(bytes);
  const rest = head && parseBody(bytes, head.framing, head.end, false);
  return rest && {...head, ...rest};
}

// One whole response at the front of `bytes`: {status, reason, fields, body, trailers, end, untilClose}, or undefined when more is
// needed. `method` is the request's; `ended`: the connection was closed in order.
export function parseResponse(bytes, method, ended) {
  const head = parseHead(bytes);
  if (!head) return undefined;
  const match = /^HTTP\/1\.1 ([1-9][0-9]{2}) ([\x20-\x7e]*)$/.exec(head.startLine);
  if (!match) malformed('odd status line', bytes);
  const status = Number(match[1]);
  const framing = findFraming(head.fields, true, bytes);
  const bodyless = status < 200 || status === 204 || status === 304 || method === 'HEAD';
  if ((status < 200 || status === 204) && framing.kind !== 'close') malformed('framing fields where none may be', bytes);
  const rest = parseBody(bytes, bodyless ? {kind: 'none'} : framing, head.end, ended);
  return rest && {status, reason: match[2], fields: head.fields, untilClose: !bodyless && framing.kind === 'close', ...rest};
}
