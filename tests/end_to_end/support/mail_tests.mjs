// Tests of links that mails hold: each with PostgreSQL and with SQLite, a gateway that sends its mails to a server of the test.
import {after, before, test} from 'node:test';
import {Gateway} from './gateway.mjs';
import {PostgresServer} from './postgres.mjs';
import {SmtpServer} from './smtp_server.mjs';

// `auth`: the gateway's settings of that name. `use(gateway, server)` may stop the gateway.
export function testWithMails(name, auth, use) {
  let postgres;
  before(async () => {
    postgres = await PostgresServer.start();
  });
  after(() => postgres?.remove());

  for (const [engine, database] of [['PostgreSQL', () => ({database: {url: postgres.url()}})], ['SQLite', () => ({})]]) {
    test(`${name}, on ${engine}`, async () => {
      const server = await SmtpServer.start();
      let gateway;
      try {
        const mail = {host: '127.0.0.1', port: server.port, from: 'no-reply@example.test', insecure_plain: true};
        gateway = await Gateway.start({routes: [], gateway: {...database(), mail, auth}});
        await use(gateway, server);
      } finally {
        await gateway?.kill();
        await server.close();
      }
    });
  }
}
