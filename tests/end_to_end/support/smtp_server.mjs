// A mail server for tests: SMTP in clear, with STARTTLS or with implicit TLS, with or without AUTH. It keeps the mails, and every
// command with whether TLS was on. `answer(command, connection)` may give another reply than the usual one.
import net from 'node:net';
import tls from 'node:tls';

const kPatience = 15_000;

function decodeQuotedPrintable(text) {
  const bytes = text.replace(/=\r\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

function splitHead(raw) {
  const end = raw.indexOf('\r\n\r\n');
  const fields = Object.fromEntries(
    raw.slice(0, end).replace(/\r\n[ \t]+/g, ' ').split('\r\n').map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
  );
  return {fields, body: raw.slice(end + 4)};
}

// → {fields, parts: [{fields, text}], raw}
export function parseMail(raw) {
  const {fields, body} = splitHead(raw);
  const boundary = /boundary="([^"]+)"/.exec(fields['content-type'])[1];
  const parts = body
    .split(`--${boundary}`)
    .slice(1, -1)
    .map((part) => splitHead(part.slice(2)))
    .map((part) => ({fields: part.fields, text: decodeQuotedPrintable(part.body)}));
  return {fields, parts, raw};
}

export class SmtpServer {
  mails = [];
  commands = []; // {text, secure}
  #server;
  #sockets = new Set();
  #watchers = new Set();

  // options: {cert, key, mode: 'plain' | 'starttls' | 'implicit', user, password, mechanisms, answer}
  static async start(options = {}) {
    const server = new SmtpServer();
    server.options = {mode: 'plain', mechanisms: 'PLAIN LOGIN', ...options};
    server.#server = net.createServer((socket) => server.#accept(socket));
    await new Promise((done) => server.#server.listen(options.port ?? 0, '127.0.0.1', done));
    server.port = server.#server.address().port;
    return server;
  }

  #accept(socket) {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket)).on('error', () => {});
    if (this.options.mode === 'implicit') this.#serve(this.#secure(socket), true);
    else this.#serve(socket, false);
  }

  #secure(socket) {
    const {cert, key} = this.options;
    const secured = new tls.TLSSocket(socket, {isServer: true, cert, key});
    secured.on('error', () => {});
    return secured;
  }

  #serve(stream, secure, greet = true) {
    const connection = {secure, signedIn: false, from: null, to: [], data: false, login: null};
    let buffer = '';
    const say = (text) => stream.write(`${text}\r\n`);
    if (greet) say(this.options.answer?.('(greeting)', connection) ?? '220 mail.test ESMTP');
    const onData = (bytes) => {
      buffer += bytes.toString('latin1');
      for (;;) {
        const end = buffer.indexOf(connection.data ? '\r\n.\r\n' : '\r\n');
        if (end < 0) return;
        const text = buffer.slice(0, end);
        buffer = buffer.slice(end + (connection.data ? 5 : 2));
        if (connection.data) {
          connection.data = false;
          say(this.#take(connection, `${text}\r\n`.replace(/^\.\./gm, '.')));
          continue;
        }
        this.commands.push({text, secure: connection.secure});
        if (/^STARTTLS/i.test(text) && this.options.mode === 'starttls') {
          say('220 go ahead');
          stream.off('data', onData);
          this.#serve(this.#secure(stream), true, false);
          return;
        }
        const reply = this.options.answer?.(text, connection) ?? this.#reply(text, connection);
        say(reply);
        if (/^QUIT/i.test(text)) stream.end();
      }
    };
    stream.on('data', onData).on('error', () => {});
  }

  #take(connection, raw) {
    const reply = this.options.answer?.('(message)', connection);
    if (reply) return reply;
    this.mails.push({from: connection.from, to: connection.to, signedIn: connection.signedIn, secure: connection.secure, ...parseMail(raw)});
    connection.to = [];
    for (const watcher of [...this.#watchers]) watcher();
    return '250 taken';
  }

  #reply(text, connection) {
    const {user, password, mode, mechanisms} = this.options;
    const right = (name, word) => ((connection.signedIn = name === user && word === password), connection.signedIn ? '235 welcome' : '535 no');
    const readPlain = (word) => right(...Buffer.from(word, 'base64').toString().split('\0').slice(1));
    if (connection.plain) return (connection.plain = false), readPlain(text);
    if (connection.login) {
      const word = Buffer.from(text, 'base64').toString();
      if (connection.login.name === undefined) return (connection.login.name = word), '334 UGFzc3dvcmQ6';
      const {name} = connection.login;
      connection.login = null;
      return right(name, word);
    }
    if (/^EHLO/i.test(text)) {
      const lines = ['mail.test', '8BITMIME', ...(mode === 'starttls' && !connection.secure ? ['STARTTLS'] : []), ...(user ? [`AUTH ${mechanisms}`] : [])];
      return lines.map((line, i) => `250${i === lines.length - 1 ? ' ' : '-'}${line}`).join('\r\n');
    }
    const plain = /^AUTH PLAIN(?: (.+))?$/i.exec(text);
    if (plain) return plain[1] ? readPlain(plain[1]) : ((connection.plain = true), '334 ');
    if (/^AUTH LOGIN$/i.test(text)) return (connection.login = {}), '334 VXNlcm5hbWU6';
    if (/^MAIL FROM/i.test(text)) return user && !connection.signedIn ? '530 sign in first' : ((connection.from = /<(.*)>/.exec(text)[1]), '250 ok');
    if (/^RCPT TO/i.test(text)) return connection.to.push(/<(.*)>/.exec(text)[1]), '250 ok';
    if (/^DATA/i.test(text)) return (connection.data = true), '354 go on';
    if (/^RSET/i.test(text)) return (connection.to = []), '250 ok';
    if (/^(NOOP|QUIT)/i.test(text)) return '250 ok';
    return '502 what?';
  }

  // The mail that comes as number `count`, from 1.
  async mail(count = 1) {
    if (this.mails.length < count) {
      await new Promise((yes, no) => {
        const timer = setTimeout(() => no(new Error(`no mail number ${count}; commands: ${JSON.stringify(this.commands)}`)), kPatience);
        const watcher = () => this.mails.length >= count && (clearTimeout(timer), this.#watchers.delete(watcher), yes());
        this.#watchers.add(watcher);
      });
    }
    return this.mails[count - 1];
  }

  close() {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((done) => this.#server.close(done));
  }
}
