import { randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { parseAddress } from '../../src/base/address.js';
import { InstanceType, SigningKey, Switchyard } from '../../src/client/index.js';
import { systemClock, systemRandom } from '../../src/client/system.js';
import { OwnCertificates, readAuthority } from '../../src/server/certificates/own-certificates.js';
import type { RunningServer } from '../../src/server/server.js';
import { pinOf } from '../../src/trust/pin.js';
import { startTestServer } from '../cli/servers/server.js';

const TEST_MS = 20_000;
let folder: string;
let server: RunningServer;
let address: string;
let pin: Buffer;
let middle: Http2SecureServer | undefined;

/** A server in between that shows these certificates, and counts what it is told. */
async function inBetween(chain: { readonly cert: Buffer | string; readonly key: Buffer }, port = 0) {
  const heard: string[] = [];
  middle = createSecureServer({ ...chain }, (request, response) => {
    heard.push(request.url);
    response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => middle!.listen(port, '127.0.0.1', resolve));
  return { heard, at: `127.0.0.1:${(middle.address() as AddressInfo).port}` };
}

async function otherAuthority(): Promise<OwnCertificates> {
  const names = () => ['127.0.0.1'];
  const log = pino({ level: 'silent' });
  return OwnCertificates.open({ folder: undefined, names, clock: systemClock, random: systemRandom, log });
}

async function askedWith(at: string, pins: readonly Uint8Array[]): Promise<string> {
  const yard = new Switchyard({ server: at, tls: { pins } });
  try {
    const { version } = await yard.getServer({ timeoutMs: 5_000 });
    return version === '' ? 'no version' : 'answered';
  } finally {
    await yard.close();
  }
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pins-'));
  chmodSync(folder, 0o700);
  server = await startTestServer({ listen: '0.0.0.0:0', 'allow-open': 'true', data: folder });
  address = `127.0.0.1:${parseAddress(server.addresses.grpc).port}`;
  pin = pinOf(readAuthority(folder)!);
}, TEST_MS);
afterAll(async () => {
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(() => {
  middle?.close();
  middle = undefined;
});

describe('a client that knows a server by a pin', () => {
  it('is answered by the server with that authority, and by its other pins', async () => {
    expect(await askedWith(address, [pin])).toBe('answered');
    expect(await askedWith(address, [Buffer.alloc(32, 7), pin])).toBe('answered');
  });

  it('proves itself bound to the certificate that it has seen', async () => {
    const yard = new Switchyard({ server: address, tls: { pins: [pin] } });
    const instance = yard.join({ uuid: randomUUID(), type: InstanceType.AGENT, name: 'a', key: SigningKey.generate() });
    await new Promise((resolve) => instance.on('attached', resolve));
    expect((await yard.getNode(instance.session!.cvid)).node.name).toBe('a');
    await yard.close();
  });

  it('says that the pin does not fit, and tells nothing to a server with another authority', async () => {
    const { heard, at } = await inBetween((await otherAuthority()).chain);
    await expect(askedWith(at, [pin])).rejects.toThrow(
      /shows no certificate with the pin that is known \(sha256:[0-9a-f]{64}\)/,
    );
    expect(heard).toEqual([]);
  });

  it('is not fooled by the pinned authority behind a certificate that it has not signed', async () => {
    const { cert, key } = (await otherAuthority()).chain;
    const [leaf] = cert.toString().match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----\n/)!;
    const { heard, at } = await inBetween({ cert: `${leaf}${readAuthority(folder)!.toString()}`, key });
    await expect(askedWith(at, [pin])).rejects.toThrow(/no connection/);
    expect(heard).toEqual([]);
  });

  it('refuses a pin that is no SHA-256, and a server that is not HOST:PORT', () => {
    expect(() => new Switchyard({ server: address, tls: { pins: [Buffer.alloc(31)] } })).toThrow(/32 bytes/);
    expect(() => new Switchyard({ server: 'unix:/tmp/x', tls: { pins: [pin] } })).toThrow(/must be HOST:PORT/);
  });

  it('finds a server that was away at first', async () => {
    const own = await otherAuthority();
    const { at } = await inBetween(own.chain);
    middle!.close();
    const yard = new Switchyard({ server: at, tls: { pins: [own.pin] } });
    await expect(yard.getServer({ timeoutMs: 2_000 })).rejects.toThrow(/no connection/);
    const again = await inBetween(own.chain, parseAddress(at).port);
    while (again.heard.length === 0) await yard.getServer({ timeoutMs: 1_000 }).catch(() => {});
    expect(again.heard[0]).toMatch(/GetServer$/);
    await yard.close();
  });
});
