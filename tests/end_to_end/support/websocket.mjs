// WebSocket handshakes and frames by hand (RFC 6455), for what a well-behaved library would never send.
import {createHash} from 'node:crypto';

export const kKeySample = 'dGhlIHNhbXBsZSBub25jZQ==';

export function acceptOf(key) {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

// The text of an upgrade request; `without` names header lines to leave out, `headers` adds some.
export function upgradeText(target, {headers = {}, without = [], method = 'GET', host = 'gateway.test', version = '1.1'} = {}) {
  const lines = {Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': kKeySample, ...headers};
  const kept = Object.entries(lines).filter(([name]) => !without.includes(name));
  return `${method} ${target} HTTP/${version}\r\nHost: ${host}\r\n${kept.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

// The upstream's part: 101 with the right accept (or what `fields` says instead).
export function switchingProtocols(received, fields = {}) {
  const lines = {Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Accept': acceptOf(received.fields.get('sec-websocket-key')), ...fields};
  const kept = Object.entries(lines).filter(([, value]) => value !== undefined);
  return `HTTP/1.1 101 Switching Protocols\r\n${kept.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

// Turns the upstream's connection into a tunnel that sends everything back.
export function acceptAndEcho(received, wire, fields) {
  received.connection.upgraded = true;
  wire.write(switchingProtocols(received, fields));
  wire.on('data', (bytes) => wire.write(bytes));
}
