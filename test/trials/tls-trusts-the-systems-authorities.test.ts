import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemAuthorities } from '../../src/client/channel/system-authorities.js';
import { Program, startServerProcess } from '../cli/process.js';

// node #4175, grpc-node #3059: Node has a list of authorities of its own, and does not look at the system's.
// `--tls` promised the system's authorities and meant the list that comes with Node: an authority that a company had installed on its
// machines was unknown, and SSL_CERT_FILE had no effect.

const FOLDER = mkdtempSync(join(tmpdir(), 'switchyard-authorities-'));
const [CERT, KEY] = [join(FOLDER, 'cert.pem'), join(FOLDER, 'key.pem')];

describe('--tls', () => {
  let server: Program;
  let listening: Readonly<Record<string, string>>;

  beforeAll(async () => {
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const made = ['-subj', '/CN=company', '-addext', 'subjectAltName=DNS:localhost', '-keyout', KEY, '-out', CERT];
    expect(spawnSync('openssl', ['req', '-x509', ...curve, ...made]).status).toBe(0);
    const args = [
      '--listen',
      'localhost:0',
      '--system-tls-listen',
      'localhost:0',
      '--tls-cert',
      CERT,
      '--tls-key',
      KEY,
    ];
    ({ program: server, listening } = await startServerProcess([...args, '--data', ':memory:']));
  });
  afterAll(async () => {
    await server.stop('SIGKILL');
    rmSync(FOLDER, { recursive: true });
  });

  const nodes = async (env: Record<string, string>, ...args: string[]) => {
    const program = new Program(['nodes', '--tls', ...args], env);
    const timer = setTimeout(() => program.process.kill('SIGKILL'), 60_000);
    const status = await program.ended();
    clearTimeout(timer);
    return { status, err: program.err };
  };
  const overGrpc = () => ['--server', `localhost:${listening.grpc.split(':').at(-1)}`];
  const bySystemEvents = () => ['--via', `tls://localhost:${listening.tls.split(':').at(-1)}`];

  it.each([
    ['over gRPC', overGrpc],
    ['by system events', bySystemEvents],
  ])('trusts the authorities of SSL_CERT_FILE and of NODE_EXTRA_CA_CERTS %s, and nobody else', async (_, way) => {
    expect(await nodes({ SSL_CERT_FILE: CERT }, ...way())).toMatchObject({ status: 0 });
    expect(await nodes({ NODE_EXTRA_CA_CERTS: CERT }, ...way())).toMatchObject({ status: 0 });
    expect(await nodes({}, ...way())).toMatchObject({
      status: 1,
      err: expect.stringContaining('no authority that is trusted here has signed it'),
    });
  });

  it('names the variable whose file cannot be read', async () => {
    const { status, err } = await nodes({ SSL_CERT_FILE: '/nowhere/ca.pem' }, ...overGrpc());
    expect(status).toBe(2);
    expect(err).toMatch(/^SSL_CERT_FILE: \/nowhere\/ca\.pem: cannot be read: ENOENT/);
  });

  it('trusts the list that is installed on the system, else that of Node', () => {
    expect(systemAuthorities({}).toString()).toContain('-----BEGIN CERTIFICATE-----');
  });
});
