import { once } from 'node:events';
import type { PeerStream } from '../../../src/client/index.js';

/** Reads streams, as that is what moves them, and resolves when all of them are direct. What comes is for other listeners. */
export async function movedToDirect(...streams: PeerStream[]): Promise<void> {
  await Promise.all(
    streams.map(async (stream) => {
      stream.resume();
      while (stream.path !== 'direct') await once(stream, 'path');
    }),
  );
}
