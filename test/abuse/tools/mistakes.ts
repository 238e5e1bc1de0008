import { expect } from '@jest/globals';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { times } from './attack.js';
import { callsBehind, closedWatch, streams } from './openings.js';
import * as raw from './raw.js';
import type { Way } from './reset-floods.js';
import { expectAnswered, expectClosed, openAll, resetAll, type Scene } from './scene.js';

/** Watches of a client that makes a mistake: fewer than it is expelled for, so that it is the mistake that ends it. */
const WATCHES = streams(450);
/** The one that is not reset. */
const LAST = WATCHES[WATCHES.length - 1]!;

/** The first call behind a mistake. */
const BEHIND = 1_001;

interface Mistake {
  /** What it looks like. */
  readonly frames: Buffer;
  /** With which error nghttp2 ends the session. */
  readonly code: number;
}

/** What a client's mistake looks like that ends the session from within nghttp2. */
const MISTAKES: Readonly<Record<string, Mistake>> = {
  'a frame that is too large': {
    frames: raw.frame(raw.DATA, 0, 1, Buffer.alloc(16_385)),
    code: raw.FRAME_SIZE_ERROR,
  },
  'a stream with an even number': { frames: raw.open(2, Sessions.listSessions.path), code: raw.PROTOCOL_ERROR },
  'HEADERS of a stream that it has ended': {
    frames: raw.open(LAST, Sessions.listSessions.path),
    code: raw.STREAM_CLOSED,
  },
  'DATA on stream 0': { frames: raw.frame(raw.DATA, 0, 0, Buffer.alloc(4)), code: raw.PROTOCOL_ERROR },
  'a window that overflows': {
    frames: times(2, raw.frame(raw.WINDOW_UPDATE, 0, 0, raw.words(0x7fff_ffff))),
    code: raw.FLOW_CONTROL_ERROR,
  },
  'a header block that HPACK cannot read': {
    frames: raw.frame(raw.HEADERS, 4, LAST + 2, Buffer.alloc(64, 0xff)),
    code: raw.COMPRESSION_ERROR,
  },
};

/** Ways to end a session by a mistake, while resets before it and calls behind it are read. */
export const MISTAKEN: readonly Way[] = [
  ...Object.entries(MISTAKES).map(([name, mistake]) => mistaken(name, mistake)),
  {
    name: 'opens a stream anew that it has reset, which is ignored, and goes on with calls',
    attack: (scene) => expectBorne(scene, raw.open(1, Sessions.listSessions.path)),
  },
];

/**
 * A mistake that ends the session from within nghttp2. The same without the mistake ends nothing, and the calls behind it
 * are served: so it is the mistake that does it.
 */
function mistaken(name: string, { frames, code }: Mistake): Way {
  return {
    name: `sends ${name} behind its resets`,
    attack: async (scene) => {
      await expectBorne(scene, Buffer.alloc(0));
      const connection = await resetsWith(scene, frames);
      await expectClosed(connection, [code]);
      // None of the calls behind was answered.
      expect(Math.max(...connection.answered)).toBeLessThan(BEHIND);
    },
  };
}

/** Some frames between resets and calls end nothing: the calls are answered. */
async function expectBorne(scene: Scene, frames: Buffer): Promise<void> {
  const connection = await resetsWith(scene, frames);
  await expectAnswered(connection, BEHIND);
  connection.destroy();
}

/** A connection that has reset its watches, sent some frames, and calls behind them, in one write. */
async function resetsWith(scene: Scene, frames: Buffer): Promise<raw.RawConnection> {
  const connection = await scene.dial();
  await openAll(connection, closedWatch, WATCHES, true);
  await connection.write(Buffer.concat([resetAll(WATCHES), frames, callsBehind(BEHIND)]));
  return connection;
}
