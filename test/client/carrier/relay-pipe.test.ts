import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { RelayPipe } from '../../../src/client/carrier/relay-pipe.js';
import type { RelayOptions, RelaySink, RelaySource } from '../../../src/client/relay/relay.js';
import { systemClock, systemRandom } from '../../../src/client/system.js';

/** More than a stream reads ahead of its reader. */
const BLOCK = Buffer.alloc(1 << 20);

/** A pipe whose sinks are opened by it, each of so many blocks; the sinks, and whether each was let go of. */
function pipeOf(blocks: number) {
  const open: boolean[] = [];
  const openSink = async (_: RelayOptions): Promise<RelaySink> => {
    const at = open.push(true) - 1;
    const close = () => {
      open[at] = false;
    };
    const read = async function* () {
      try {
        for (let left = blocks; left > 0; left--) yield BLOCK;
        await new Promise(() => {});
      } finally {
        close();
      }
    };
    return { [Symbol.asyncIterator]: read, close, takenBlocks: 0, lostBlocks: 0 } as unknown as RelaySink;
  };
  const openSource = () => new Promise<RelaySource>(() => {});
  const pipe = new RelayPipe('with a block', { clock: systemClock, random: systemRandom, openSink, openSource });
  pipe.on('error', () => {});
  return { pipe, open };
}

describe('a pipe through the server that is given up', () => {
  it('lets go of a sink that has handed out a block and was not asked for the next one', async () => {
    const { pipe, open } = pipeOf(3);
    await once(pipe, 'readable');
    expect(open).toEqual([true]);
    pipe.destroy();
    await once(pipe, 'close');
    await new Promise(setImmediate);
    expect(open).toEqual([false]);
  });

  it('lets go of a sink of which nobody has read', async () => {
    const { pipe, open } = pipeOf(0);
    await new Promise(setImmediate);
    expect(open).toEqual([true]);
    pipe.destroy();
    await once(pipe, 'close');
    await new Promise(setImmediate);
    expect(open).toEqual([false]);
  });
});
