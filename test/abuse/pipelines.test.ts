import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NetworkServiceService as Network } from '../../gen/switchyard/v1/network_service.js';
import { ServerServiceService as Server } from '../../gen/switchyard/v1/server.js';
import { SeededRandom } from '../../harness/simulation/machine/random.js';
import { WEB_LIMITS } from '../../src/web/limits.js';
import { IS_LONG } from '../long.js';
import { CLIENTS, dial, SERVED, secured } from './tools/clients-from.js';
import { type Heard, PipelineDoor, sendPipeline } from './tools/pipeline-door.js';
import { drawPipeline, type Pipeline } from './tools/pipelines.js';
import { Target } from './tools/target.js';

const STRANGER = { address: '127.0.0.2' };
const OTHER = { address: '127.0.0.3' };
/** Between two writes, so that each is read by itself: more requests in one read close their connection. */
const PAUSE_MS = 15;
/** Three slices at least, as the door parses them. */
const THREE_SLICES = `OPTIONS /${'x'.repeat(960)} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`.repeat(3);

const SEED = IS_LONG ? Date.now() % 1_000_000 : 1;
const ROUNDS = IS_LONG ? 6_000 : 60;
const SECURE_ROUNDS = ROUNDS / 3;
/** Characters of a difference that are printed. */
const SHOWN = 100;
/** Whether an answer is cut by a connection that is closed too early depends on what the kernel has passed on by then. */
const CLOSING_ROUNDS = 20;
const AT_ONCE = 10;
const PATIENCE_MS = IS_LONG ? 1_200_000 : 60_000;
const [CERT, KEY] = ['cert', 'key'].map((name) => new URL(`../client/tls/${name}.pem`, import.meta.url));

function post(path: string, type: string, body: string): string {
  const head = `host: 127.0.0.1\r\ncontent-type: ${type}\r\ncontent-length: ${body.length}`;
  return `POST ${path} HTTP/1.1\r\n${head}\r\n\r\n${body}`;
}

/**
 * What both heard of the same bytes. One of them may have heard less where the client has closed its half: node:http drops what is
 * not answered then. No other connection may break.
 */
function expectSame(round: number, { ending }: Pipeline, sliced: Heard, whole: Heard): void {
  const isHalf = ending === 'half-close';
  const length = isHalf ? Math.min(sliced.text.length, whole.text.length) : undefined;
  const [left, right] = [sliced.text.slice(0, length), whole.text.slice(0, length)];
  const broken = { sliced: !isHalf && sliced.isBroken, whole: !isHalf && whole.isBroken };
  const found = { ...broken, difference: firstDifference(left, right) };
  expect({ seed: SEED, round, ...found }).toEqual({ seed: SEED, round, sliced: false, whole: false });
}

/** Where two texts begin to differ, their lengths and what is there; not all of them, as that takes a runner of tests a GiB to print. */
function firstDifference(left: string, right: string): object | undefined {
  if (left === right) return undefined;
  let at = 0;
  while (left[at] === right[at]) at++;
  const [sliced, whole] = [left, right].map((text) => ({ length: text.length, there: text.slice(at, at + SHOWN) }));
  return { at, before: left.slice(Math.max(0, at - SHOWN), at), sliced, whole };
}

const WATCHING = post(Network.watchNetworkDelta.path, 'application/connect+json', '\0\0\0\0\x02{}');
describe('a client of the web door that sends ahead ends no server, when', () => {
  let target: Target;
  beforeAll(async () => {
    target = await Target.start('--web-listen', '127.0.0.1:0');
  });
  afterAll(() => target.stop());

  /** Writes each of them by itself while an ordinary client calls, and expects the door to serve the next one. */
  const sendAhead = async (socket: Socket, all: readonly string[]) => {
    await target.beside(async () => {
      for (const some of all) {
        if (!socket.closed) socket.write(some);
        await wait(PAUSE_MS);
      }
    });
    socket.destroy();
    expect(await CLIENTS.web!(OTHER, target.listening('web'))).toBe(SERVED.web);
  };

  it('the answers wait for a watch that stays open', async () => {
    const socket = await dial(STRANGER, target.listening('web'));
    await sendAhead(socket.resume(), [WATCHING, ...Array<string>(80).fill(THREE_SLICES)]);
  }, 60_000);
});

describe('requests that are sent ahead', () => {
  it.each([
    ['', ROUNDS, false],
    [' over TLS', SECURE_ROUNDS, true],
  ] as const)(
    'are answered alike and in the same order%s, whether they are parsed in slices or as they are read',
    async (_, rounds, isSecure) => {
      const all = new SeededRandom(SEED);
      const tls = isSecure ? { cert: readFileSync(CERT!), key: readFileSync(KEY!) } : undefined;
      const sliced = new PipelineDoor(WEB_LIMITS.sliceBytes, all.fork(1), tls);
      const whole = new PipelineDoor(Number.MAX_SAFE_INTEGER, all.fork(2), tls);
      await Promise.all([sliced.listen(), whole.listen()]);
      let compared = 0;
      for (let round = 0; round < rounds; round++) {
        const pipeline = drawPipeline(all.fork(10 + round), true);
        const [left, right] = await Promise.all([sliced.hear(pipeline), whole.hear(pipeline)]);
        if (pipeline.ending === 'reset') continue;
        expectSame(round, pipeline, left, right);
        if (!left.isBroken && !right.isBroken) compared++;
      }
      // Otherwise next to nothing was compared.
      expect(compared).toBeGreaterThan(rounds / 10);
      await Promise.all([sliced.close(), whole.close()]);
    },
    PATIENCE_MS,
  );

  it('are heard whole up to one that closes the connection, while the client still sends', async () => {
    const door = new PipelineDoor(WEB_LIMITS.sliceBytes, new SeededRandom(1));
    await door.listen();
    const unary = (body: string) => post(Server.getServer.path, 'application/json', body);
    const asked = [unary('{}'), post('/nothing', 'application/json', '{}'), unary(`{${' '.repeat(900_000)}}`)].join('');
    const bytes = Buffer.from(asked);
    const [cuts, answerBytes] = [[], 200_000];
    for (let round = 0; round < CLOSING_ROUNDS; round++) {
      const heard = await door.hear({ bytes, cuts, gapMs: 0, isUnread: false, ending: 'linger', answerBytes });
      expect({ round, ...heard, text: heard.text.slice(-30) }).toEqual({
        round,
        isBroken: false,
        text: expect.stringMatching(/docs\/clients\.md\n\r\n0\r\n\r\n$/),
      });
    }
    await door.close();
  }, 30_000);

  it.each([
    ['', ROUNDS, false],
    [' over TLS', SECURE_ROUNDS, true],
  ] as const)(
    'end no server%s, however many they are',
    async (_, rounds, tls) => {
      const target = await Target.launch({ tls, args: ['--web-listen', '127.0.0.1:0'] });
      const all = new SeededRandom(SEED);
      const one = async (random: SeededRandom) => {
        const plain = await dial(STRANGER, target.listening('web'));
        const pipeline = drawPipeline(random, false);
        const repeated = Buffer.concat(Array<Buffer>(random.between(1, 4)).fill(pipeline.bytes));
        // A watch goes on until its client leaves.
        const ending = random.pick(['reset', 'half-close'] as const);
        await sendPipeline(tls ? await secured(plain) : plain, { ...pipeline, bytes: repeated, ending }, () => {});
      };
      try {
        await target.beside(async () => {
          for (let round = 0; round < rounds; round += AT_ONCE) {
            await Promise.all(Array.from({ length: AT_ONCE }, (_, nth) => one(all.fork(round + nth))));
          }
        });
        expect({ seed: SEED, log: target.log }).toEqual({ seed: SEED, log: '' });
      } finally {
        await target.stop();
      }
    },
    PATIENCE_MS,
  );
});
