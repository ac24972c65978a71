// docker-compose.yml as somebody meets it: a fresh clone, one command, the README's commands; and what its comments promise, looked at
// from outside. Wherever an engine runs; where none does, every test here says that it was skipped.
// GATEHOUSE_IMAGES=kept takes the images that are there instead of building them.
import assert from 'node:assert/strict';
import {existsSync, readFileSync, statSync} from 'node:fs';
import {join} from 'node:path';
import {after, before, describe, test} from 'node:test';
import {composeCommands, docker, findObstacle, inspect, mustRun, Project, run, until} from './engine.mjs';

const kOrigin = 'https://localhost:8443';
const kImageBytesMax = 80_000_000;
const kServices = ['demo', 'gateway', 'migrate', 'postgres', 'redis', 'secrets'];
const kLasting = ['demo', 'gateway', 'postgres', 'redis'];

const skip = findObstacle() ?? false;

// The README's block of commands, each as it is typed.
function readmeCommands(project) {
  const readme = readFileSync(join(project.folder, 'README.md'), 'utf8');
  const [, block] = /^```sh\n(curl [\s\S]*?)^```$/m.exec(readme);
  return block.replaceAll('\\\n', ' ').trim().split('\n').map((line) => line.replaceAll(kOrigin, project.origin));
}

async function tryCommands(project) {
  const commands = readmeCommands(project);
  assert.equal(commands.length, 3);
  const [signUp, hello, anonymous] = [await project.shell(commands[0]), await project.shell(commands[1]), await project.shell(commands[2])];
  assert.equal(JSON.parse(signUp.stdout).user.name, 'Ada', signUp.stderr);
  assert.match(hello.stdout, /"X-User-Name": "Ada"/i);
  assert.match(anonymous.stdout, /^HTTP\/1\.1 401 /);
}

const hello = (project) => project.shell(readmeCommands(project)[1]).then((ended) => ended.stdout);
const serviceOf = (container) => container.Config.Labels['com.docker.compose.service'];

// By bash alone: whether a TCP connection comes about.
const connects = (address, port) => `timeout 3 bash -c 'exec 3<>/dev/tcp/${address}/${port}' && echo connected`;

describe('docker-compose.yml', () => {
  let project;
  // The tests one by one, so that each is counted as skipped where nothing can be tried.
  const check = (name, body) => test(name, {skip}, body);

  before(async () => {
    if (skip) return;
    project = await Project.make(composeCommands[0]);
    await project.compose('up', '--detach', ...(process.env.GATEHOUSE_IMAGES === 'kept' ? [] : ['--build']));
    await project.untilHealthy('gateway');
  }, {timeout: 3_600_000});
  after(() => project?.end(), {timeout: 120_000});

  check('one command on a fresh clone, then the commands of the README', async () => {
    await tryCommands(project);
    assert.equal(statSync(join(project.folder, 'data')).uid, statSync(join(project.folder, 'certs')).uid);
    assert.ok(!existsSync(join(project.folder, 'certs/key.pem')));
  });

  check('everything that lasts is healthy, and what runs once has ended well', async () => {
    for (const service of kLasting) await project.untilHealthy(service);
    for (const service of ['secrets', 'migrate']) {
      const {State} = await project.container(service);
      assert.deepEqual([State.Status, State.ExitCode], ['exited', 0], service);
    }
  });

  check('the image is below 80 MB, runs as a user without rights, and holds no shell', async () => {
    const [image] = await inspect('gatehouse');
    assert.ok(image.Size < kImageBytesMax, `${image.Size} bytes`);
    assert.equal(image.Config.User, '65532:65532');
    const shell = await run(['docker', 'run', '--rm', '--entrypoint', '/bin/sh', 'gatehouse', '-c', 'true']);
    assert.equal(shell.code, 127);
    assert.match(shell.stderr, /no such file or directory/);
  });

  check('only the gateway publishes ports, and on this machine alone unless it is told otherwise', async () => {
    const published = {};
    for (const container of await project.containers()) {
      const bindings = Object.values(container.HostConfig.PortBindings ?? {}).flat();
      if (bindings.length > 0) published[serviceOf(container)] = bindings.map((binding) => binding.HostIp);
    }
    assert.deepEqual(published, {gateway: ['127.0.0.1', '127.0.0.1']});
  });

  check('no service can write into its root, hold a capability that it does not need, or gain any', async () => {
    const containers = await project.containers();
    assert.deepEqual(containers.map(serviceOf).sort(), kServices);
    for (const container of containers) {
      const {ReadonlyRootfs, CapDrop, CapAdd, SecurityOpt, Privileged} = container.HostConfig;
      const service = serviceOf(container);
      assert.deepEqual([ReadonlyRootfs, CapDrop, SecurityOpt, Privileged], [true, ['ALL'], ['no-new-privileges:true'], false], service);
      assert.equal((CapAdd ?? []).length > 0, service === 'secrets', service);
      assert.equal(/^0?(:0)?$/.test(container.Config.User), service === 'secrets', service);
    }
    const written = await run(['docker', 'exec', (await project.container('postgres')).Id, 'touch', '/file']);
    assert.match(written.stderr, /Read-only file system/);
  });

  check('the database and the upstream cannot be reached from outside their networks', async () => {
    const postgres = connects(await project.address('postgres', 'stores'), 5432);
    const redis = connects(await project.address('redis', 'stores'), 6379);
    const demo = connects(await project.address('demo', 'upstreams'), 9100);
    const tries = async (network, text) => (await project.beside({network}, text)).stdout.trim();
    assert.equal(await tries('stores', postgres), 'connected');
    assert.equal(await tries('stores', redis), 'connected');
    assert.equal(await tries('upstreams', demo), 'connected');
    for (const [network, text] of [['bridge', postgres], ['bridge', demo], ['public', postgres], ['public', demo], ['upstreams', postgres], ['bridge', redis], ['upstreams', redis], ['stores', demo]]) {
      assert.equal(await tries(network, text), '', `${network}: ${text}`);
    }
  });

  check('the networks of the database and the upstream lead nowhere', async () => {
    for (const [network, internal] of [['stores', true], ['upstreams', true], ['public', false]]) {
      assert.equal((await inspect(`${project.name}_${network}`))[0].Internal, internal, network);
    }
  });

  check("the gateway's user of the database reads and writes rows, and changes no table", async () => {
    const as = async (secrets, sql) => {
      const ended = await project.beside({network: 'stores', volumes: [`${secrets}:/run/secrets:ro`]}, `psql -qAt "$(cat /run/secrets/database_url)" -c '${sql}'`);
      return (ended.stdout + ended.stderr).trim();
    };
    assert.match(await as('gateway_secrets', 'SELECT current_user, count(*) FROM "user"'), /^gatehouse\|1$/);
    assert.equal(await as('gateway_secrets', 'UPDATE "user" SET "name" = "name"; DELETE FROM "verification"'), '');
    assert.equal(await as('gateway_secrets', 'LISTEN a; NOTIFY a; SELECT 7 FROM pg_advisory_lock(1)').then((text) => text.split('\n')[0]), '7');
    assert.match(await as('gateway_secrets', 'CREATE TABLE x ()'), /permission denied for schema public/);
    assert.match(await as('gateway_secrets', 'CREATE TEMP TABLE x ()'), /permission denied to create temporary tables/);
    assert.match(await as('gateway_secrets', 'ALTER TABLE "session" ADD x int'), /must be owner of table session/);
    assert.match(await as('gateway_secrets', 'TRUNCATE "session"'), /permission denied for table session/);
    assert.match(await as('gateway_secrets', 'CREATE ROLE x'), /permission denied to create role/);
    assert.match(await as('migrate_secrets', 'SELECT current_user, rolsuper FROM pg_roles WHERE rolname = current_user'), /^gatehouse_owner\|f$/);
  });

  check("no service has another's secrets, and none are in the environment", async () => {
    const mounted = {};
    for (const container of await project.containers()) {
      const names = container.Mounts.map((mount) => mount.Name).filter((name) => name?.endsWith('_secrets'));
      mounted[serviceOf(container)] = names.map((name) => name.slice(project.name.length + 1)).sort();
      assert.deepEqual(container.Config.Env.filter((line) => /pass|secret|key|postgres:\/\//i.test(line)), []);
    }
    assert.deepEqual(mounted, {
      demo: [],
      gateway: ['gateway_secrets'],
      migrate: ['migrate_secrets'],
      postgres: ['postgres_secrets'],
      redis: ['redis_secrets'],
      secrets: ['gateway_secrets', 'migrate_secrets', 'postgres_secrets', 'redis_secrets'],
    });
    const modes = await project.beside({volumes: ['gateway_secrets:/run/secrets:ro']}, 'stat --format "%a %u" /run/secrets/* | sort -u');
    assert.equal(modes.stdout.trim(), '400 65532');
  });

  check('a restart of PostgreSQL is survived without a restart of the gateway', async () => {
    const started = (await project.container('gateway')).State.StartedAt;
    assert.match(await hello(project), /"X-User-Name": "Ada"/i);
    await project.compose('restart', 'postgres');
    await until('the gateway serves sessions again', 60, async () => /"X-User-Name": "Ada"/i.test(await hello(project)));
    await project.untilHealthy('gateway');
    assert.equal((await project.container('gateway')).State.StartedAt, started);
  });

  check('without PostgreSQL public routes are served and nobody is told 401', async () => {
    await project.compose('stop', 'postgres');
    const status = (path, cookie = '') => project.shell(`curl -s -o /dev/null -w '%{http_code}' --cacert data/cert.pem ${cookie} ${project.origin}${path}`).then((ended) => ended.stdout);
    assert.equal(await status('/api/public/logo.svg'), '200');
    assert.match(await status('/api/auth/get-session', '-b data/cookies.txt'), /^503$/);
    await until('the health check tells', 60, async () => (await project.container('gateway')).State.Health.Status === 'unhealthy');
    await project.compose('start', 'postgres');
    await project.untilHealthy('gateway');
    assert.match(await hello(project), /"X-User-Name": "Ada"/i);
  });

  check('the same command again changes nothing, and a certificate put into certs/ is taken', async () => {
    await project.compose('up', '--detach');
    await project.untilHealthy('gateway');
    assert.match(await hello(project), /"X-User-Name": "Ada"/i);
    await mustRun(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=own',
      '-addext', 'subjectAltName=DNS:localhost', '-keyout', 'certs/key.pem', '-out', 'certs/cert.pem'], {cwd: project.folder});
    await project.compose('up', '--detach');
    await until('the certificate is taken', 60, async () =>
      (await project.shell(`curl -s --cacert certs/cert.pem ${project.origin}/api/public/x`)).code === 0);
  });

  check('the gateway drains and ends well when it is stopped', async () => {
    await project.compose('stop', 'gateway');
    assert.equal((await project.container('gateway')).State.ExitCode, 0);
  });
});

for (const compose of composeCommands.slice(1)) {
  test(`${compose.join(' ')} comes to the same`, {skip, timeout: 600_000}, async () => {
    const project = await Project.make(compose);
    try {
      await project.compose('up', '--detach');
      await project.untilHealthy('gateway');
      await tryCommands(project);
    } finally {
      await project.end();
    }
  });
}
