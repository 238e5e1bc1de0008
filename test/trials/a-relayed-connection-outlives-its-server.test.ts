import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { InstanceType, type PeerStream, Switchyard } from '../../src/client/index.js';
import { type Program, startServerProcess } from '../cli/process.js';
import { BlindChannel } from '../client/worlds/blind-channel.js';
import { IS_LONG } from '../long.js';

// headscale #1451, tailscale #6043, frp #2938: connections through a relay broke with each restart of it, and a copy began anew.

const CHUNK = 60_000;
const TOTAL = 6_000_000;
const TIMEOUT_MS = 120_000;
/** Longer than what guards against a dead peer waits, when there is time for it. */
const STOPPED_MS = IS_LONG ? 40_000 : 4_000;

let folder: string;
let server: Program;
let start: () => Promise<void>;
let yard: Switchyard;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchyard-'));
  const address = `127.0.0.1:${await freePort()}`;
  const args = ['--listen', address, '--data', folder, '--attempts-per-connection-max', '1'];
  start = async () => {
    ({ program: server } = await startServerProcess(args));
  };
  await start();
  yard = new Switchyard({ channel: new BlindChannel(address) });
}, TIMEOUT_MS);
afterEach(async () => {
  await yard.close();
  await server.stop('SIGKILL');
  await rm(folder, { recursive: true });
});

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** Two instances, and a connection between them that goes through the server. */
async function relayed(): Promise<[PeerStream, PeerStream]> {
  let take: (stream: PeerStream) => void = () => {};
  const taken = new Promise<PeerStream>((resolve) => {
    take = resolve;
  });
  const handlers = { accept: () => true, accepted: take };
  const peer = yard.join({ uuid: randomUUID(), type: InstanceType.AGENT, handlers });
  const caller = yard.join({ uuid: randomUUID(), type: InstanceType.AGENT });
  await caller.attached();
  const { cvid } = await peer.attached();
  const near = await caller.connect(cvid, { upgradeAfterMs: Number.POSITIVE_INFINITY });
  return [near, await taken];
}

/** Sends bytes that are all different places, and ends its way. Resolves with their hash. */
async function send(stream: PeerStream): Promise<string> {
  const hash = createHash('sha256');
  for (let at = 0; at < TOTAL; at += CHUNK) {
    const chunk = Buffer.alloc(CHUNK, at % 251);
    chunk.writeUInt32BE(at);
    hash.update(chunk);
    if (!stream.write(chunk)) await once(stream, 'drain');
  }
  stream.end();
  return hash.digest('hex');
}

/** Reads to the end; `reached` is called with each count. Resolves with the hash and the number of bytes. */
async function receive(stream: PeerStream, reached: (bytes: number) => void = () => {}) {
  const hash = createHash('sha256');
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    hash.update(chunk);
    bytes += chunk.length;
    reached(bytes);
  });
  await once(stream, 'end');
  return { bytes, hash: hash.digest('hex') };
}

/** Copies in both directions at once, and strikes once for each share of the bytes that has arrived. */
async function copy(strikes: readonly (() => Promise<void>)[]): Promise<void> {
  const [near, far] = await relayed();
  expect([near, far].map(({ path, endToEnd }) => [path, endToEnd])).toEqual(Array(2).fill(['relayed', true]));
  const left = [...strikes];
  let striking = Promise.resolve();
  const reached = (bytes: number) => {
    if (left.length > 0 && bytes > (TOTAL * (strikes.length - left.length + 1)) / (strikes.length + 1)) {
      striking = striking.then(left.shift());
    }
  };
  const sent = Promise.all([send(near), send(far)]);
  const [atFar, atNear] = await Promise.all([receive(far, reached), receive(near)]);
  const [fromNear, fromFar] = await sent;
  await striking;
  expect(left).toHaveLength(0);
  expect([atFar, atNear]).toEqual([fromNear, fromFar].map((hash) => ({ bytes: TOTAL, hash })));
}

describe('a relayed connection', () => {
  it(
    'carries every byte once and in order while its server is killed, started, drained and started again',
    async () => {
      const restart = (signal: NodeJS.Signals) => async () => {
        await server.stop(signal);
        await start();
      };
      await copy([restart('SIGKILL'), restart('SIGTERM')]);
    },
    TIMEOUT_MS,
  );

  it(
    `carries every byte once and in order while its server stands still for ${STOPPED_MS / 1_000} s`,
    async () => {
      await copy([
        async () => {
          server.process.kill('SIGSTOP');
          await wait(STOPPED_MS);
          server.process.kill('SIGCONT');
        },
      ]);
    },
    TIMEOUT_MS,
  );
});
