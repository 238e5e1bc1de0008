import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type RunningConsole, runConsole } from '../console/running.js';

/** More than the buffers of both kernels hold. */
const SCRIPT = Buffer.alloc(24 * 2 ** 20, 'x');
const ASSET = { type: 'text/javascript', bytes: SCRIPT, brotli: undefined, isHashed: true };
/** What a client still sends behind the request that closed its connection. */
const BEHIND = Buffer.alloc(60_000);

describe('a server that is told to end', () => {
  let at: RunningConsole;
  const clients: Socket[] = [];
  beforeEach(async () => {
    const flags = { 'web-listen': '127.0.0.1:0', 'metrics-listen': '127.0.0.1:0' };
    at = await runConsole(flags, { assets: new Map([['/main-ABCDEFGH.js', ASSET]]) });
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await at.stop();
  });

  /** A client that has asked and takes nothing of the answer yet. */
  async function ask(address: string, lines: readonly string[]): Promise<Socket> {
    const client = connect({ host: '127.0.0.1', port: Number(address.split(':').at(-1)), allowHalfOpen: true });
    clients.push(client);
    client.on('error', () => {});
    await once(client, 'connect');
    client.write(`${[...lines, `host: ${address}`].join('\r\n')}\r\n\r\n`);
    await wait(300);
    return client;
  }

  /** All that comes of an answer, until its connection ends. */
  async function take(client: Socket): Promise<Buffer> {
    const parts: Buffer[] = [];
    client.on('data', (part: Buffer) => parts.push(part));
    await Promise.race([once(client, 'end'), once(client, 'close')]);
    client.end();
    return Buffer.concat(parts);
  }

  it('sends a browser the whole of the file that it is loading', async () => {
    const client = await ask(at.console, ['GET /main-ABCDEFGH.js HTTP/1.1']);
    const drained = at.server.drain();
    await wait(300);
    const answer = await take(client);
    expect(answer.toString('latin1', 0, 15)).toBe('HTTP/1.1 200 OK');
    expect(answer.length).toBeGreaterThan(SCRIPT.length);
    await drained;
  });

  it.each([
    ['console', 403, ['POST /login HTTP/1.1', 'origin: http://elsewhere', 'content-length: 900000']],
    ['console', 404, ['GET /nothing HTTP/1.1', 'content-length: 900000']],
    ['web', 404, ['POST /nothing HTTP/1.1', 'content-length: 900000']],
    ['metrics', 200, ['GET /metrics HTTP/1.1', 'content-length: 900000']],
  ] as const)('keeps a connection of %s until the client has its last answer: %i', async (door, status, lines) => {
    const address = at.server.addresses[door];
    const client = await ask(address, lines);
    let isDrained = false;
    const drained = at.server.drain().then(() => {
      isDrained = true;
    });
    client.write(BEHIND);
    await wait(300);
    expect(isDrained).toBe(false);
    const answer = String(await take(client));
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} [^]*\\r\\n\\r\\n[^]+`));
    await drained;
  });
});
