import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseAddress } from '../../src/base/address.js';
import { readAuthority } from '../../src/server/certificates/own-certificates.js';
import type { RunningServer } from '../../src/server/server.js';
import { formatPin, pinOf } from '../../src/trust/pin.js';
import { startCommand } from './command.js';
import { startTestServer } from './servers/server.js';

const TEST_MS = 20_000;
let folder: string;
let server: RunningServer;
let address: string;
let pin: string;

const ended = (...args: string[]) => startCommand(args).ended;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'own-certificate-'));
  chmodSync(folder, 0o700);
  const flags = {
    listen: '0.0.0.0:0',
    'allow-open': 'true',
    'metrics-listen': '0.0.0.0:0',
    'metrics-token': 'a-token-of-collectors',
  };
  server = await startTestServer({ ...flags, data: folder });
  address = `127.0.0.1:${parseAddress(server.addresses.grpc).port}`;
  pin = formatPin(pinOf(readAuthority(folder)!));
}, TEST_MS);
afterAll(async () => {
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('a server beyond loopback without --tls-cert', () => {
  it('has a pin that `cert show` prints, and an authority that `cert export` writes', async () => {
    const shown = await ended('cert', 'show', '--data', folder, '--json');
    expect(JSON.parse(shown.out)).toMatchObject({ pin, server: { names: expect.arrayContaining(['switchyard']) } });
    expect((await ended('cert', 'show', '--data', folder)).out).toContain(`pin        ${pin}`);
    const exported = await ended('cert', 'export', '--data', folder);
    expect(exported.out).toBe(readAuthority(folder)!.toString());
  });

  it('is reached by --pin, and by the file of `cert export`', async () => {
    expect(await ended('nodes', '--server', address, '--pin', pin)).toMatchObject({ status: 0 });
    const path = join(folder, 'exported.pem');
    writeFileSync(path, readAuthority(folder)!.toString());
    const byFile = startCommand(['nodes', '--server', address, '--tls-ca', path], {
      readFile: () => readAuthority(folder)!.toString(),
    });
    expect(await byFile.ended).toMatchObject({ status: 0 });
  });

  it('is known to commands on its own machine that may read its data folder, administration included', async () => {
    expect(await ended('streams', '--server', address, '--data', folder)).toMatchObject({ status: 0 });
    const found = startCommand(['identity', 'list', '--server', address], { env: { SWITCHYARD_DATA: folder } });
    expect(await found.ended).toMatchObject({ status: 0, err: '' });
  });

  it('tells a command with another pin what does not fit, and one without any what to do', async () => {
    const other = await ended('nodes', '--server', address, '--pin', `sha256:${'0'.repeat(64)}`);
    expect(other.status).toBe(1);
    expect(other.err).toMatch(/shows no certificate with the pin that is known .* or somebody stands in between/);
    const without = await ended('nodes', '--server', address);
    expect(without.status).toBe(1);
    expect(without.err).toMatch(/speaks TLS, and was spoken to in plain text(.|\n)*--pin/);
  });

  it('refuses a pin that is none, and a pin beside an authority', async () => {
    expect(await ended('nodes', '--pin', 'abc')).toMatchObject({
      status: 2,
      err: expect.stringMatching(/^--pin: "abc" must be/),
    });
    expect(await ended('nodes', '--pin', pin, '--tls-ca', 'x')).toMatchObject({ status: 2 });
  });

  it('says of a folder without an authority where one comes from', async () => {
    expect(await ended('cert', 'show', '--data', '/nowhere')).toMatchObject({
      status: 1,
      err: expect.stringMatching(/\/nowhere has no authority that you can read/),
    });
  });

  it('gives metrics over TLS to collectors with the token, and says to supervisors whether it is ready', async () => {
    expect(await got('/metrics')).toEqual([401, 'Bearer']);
    expect(await got('/metrics', 'Bearer another-token')).toEqual([401, 'Bearer']);
    expect(await got('/metrics', 'Bearer a-token-of-collectors')).toEqual([200, undefined]);
    expect(await got('/readyz')).toEqual([200, undefined]);
  });
});

/** Asks the metrics port over TLS; the status, and by what it wants to know who asks. */
function got(path: string, authorization?: string): Promise<[number | undefined, string | undefined]> {
  const { port } = parseAddress(server.addresses.metrics);
  const headers = authorization === undefined ? {} : { authorization };
  const ca = readAuthority(folder)!.toString();
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, ca, headers }, (response) => {
      response.resume();
      resolve([response.statusCode, response.headers['www-authenticate']]);
    })
      .on('error', reject)
      .end();
  });
}
