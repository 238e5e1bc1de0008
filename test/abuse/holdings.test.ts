import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ListSessionsRequest, SessionServiceService as Sessions } from '../../gen/switchyard/v1/session_service.js';
import { tell } from './tools/attack.js';
import { RESIDENT_BYTES_MAX } from './tools/cap.js';
import { type Opening, streams } from './tools/openings.js';
import * as raw from './tools/raw.js';
import { Scene } from './tools/scene.js';
import { fill, Target } from './tools/target.js';

/** Sessions as large as can be: a page of all of them is 1 MiB. */
const SESSIONS = 1_000;
/** From where they come: one address may have 256 costly requests wait. */
const ADDRESSES = 4;
const REFLECTION = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
/** How soon what was asked for is written, on a machine that is busy. */
const SETTLED_MS = 60_000;
const MIB = 1_048_576;

/** A kind of what peers do not take, and a way to be sent much of it. */
interface Way {
  readonly name: string;
  /** Connections, each of which keeps to what one may hold; all together they would hold more than the cap. */
  readonly connections: number;
  readonly calls: number;
  readonly opening: Opening;
  /** What the log says of those that had to go. */
  readonly why: string;
}

const page = ListSessionsRequest.encode({ ...ListSessionsRequest.create(), pageSize: SESSIONS }).finish();
/** file_containing_symbol (4): the file with all that it needs. */
const SYMBOL = 'switchyard.v1.SessionService';
const reflected = Buffer.concat([Buffer.from([0o42, SYMBOL.length]), Buffer.from(SYMBOL)]);

/** The beginning of a call that goes on, with its first message. */
function begin(stream: number, path: string, message: Uint8Array): Buffer {
  const body = raw.frame(raw.DATA, 0, stream, raw.message(message));
  return Buffer.concat([raw.open(stream, path), body]);
}

const WAYS: readonly Way[] = [
  {
    name: 'pages of sessions',
    connections: 20,
    calls: 28,
    opening: (stream) => raw.call(stream, Sessions.listSessions.path, raw.message(page)),
    why: 'answers that are not taken',
  },
  {
    name: 'answers of server reflection',
    connections: 40,
    calls: 500,
    opening: (stream) => begin(stream, REFLECTION, reflected),
    why: 'answers that are not taken',
  },
];

/** Bytes that the server holds by its own account, by kind. */
async function held(metrics: string): Promise<Record<string, number>> {
  const text = await (await fetch(`http://${metrics}/metrics`)).text();
  const found = text.matchAll(/switchyard_held_bytes\{kind="(\w+)"\} (\d+)/g);
  return Object.fromEntries([...found].map(([, kind, bytes]) => [kind, Number(bytes)]));
}

describe('peers that take nothing of', () => {
  let scene: Scene | undefined;
  afterEach(async () => {
    scene?.leave();
    await scene?.target.stop();
  });

  it.each(WAYS.map((way) => [way.name, way] as const))(
    '%s are held no more than one bound for all of them, and harm nobody else',
    async (_name, { name, connections, calls, opening, why }) => {
      const target = await Target.start('--log-level', 'warn', '--metrics-listen', '127.0.0.1:0');
      scene = new Scene(target);
      await fill(target, SESSIONS);
      const before = target.rss();
      let most: Record<string, number> = {};
      const isCut = () => target.log.includes(why);
      const sample = async () => {
        const now = Object.entries(await held(target.listening('metrics')));
        most = Object.fromEntries(now.map(([kind, bytes]) => [kind, Math.max(bytes, most[kind] ?? 0)]));
      };
      const seen = await target.beside(async () => {
        for (let at = 0; at < connections; at++) {
          const connection = await scene!.dial(0, `127.0.0.${2 + (at % ADDRESSES)}`);
          await connection.write(Buffer.concat(streams(calls).map(opening)));
          await sample();
        }
        for (const endMs = performance.now() + SETTLED_MS; !isCut() && performance.now() < endMs; ) {
          await wait(100);
          await sample();
        }
        await wait(1_000);
      });
      const { peakBytes } = target.cap;
      const mib = (bytes: number) => `${(bytes / MIB).toFixed(0)} MiB`;
      tell(`${name}: from ${mib(before)} to ${mib(peakBytes)}, held ${JSON.stringify(most)}`, seen);
      expect(peakBytes).toBeLessThan(RESIDENT_BYTES_MAX);
      expect(isCut()).toBe(true);
    },
    180_000,
  );
});
