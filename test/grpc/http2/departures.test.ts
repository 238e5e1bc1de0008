import { Duplex } from 'node:stream';
import { setImmediate as turnOfNode } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../../harness/manual-clock.js';
import { Departures } from '../../../src/grpc/http2/departures.js';

const PER_TURN = 3;

/** A connection that tells what becomes of it. */
class Connection extends Duplex {
  override _read(): void {}

  override _write(_chunk: unknown, _encoding: string, written: () => void): void {
    written();
  }
}

/** A connection that cannot be torn down. */
class BrokenConnection extends Connection {
  override _destroy(): void {
    throw new Error('broken');
  }
}

describe('connections that end in one moment', () => {
  const connections = (count: number) => {
    const clock = new ManualClock();
    const departures = new Departures(clock, PER_TURN);
    const all = Array.from({ length: count }, () => new Connection({ allowHalfOpen: true }));
    for (const connection of all) departures.attend(connection);
    return { clock, all };
  };
  const counting = (all: Connection[], event: 'end' | 'close') => {
    let count = 0;
    for (const connection of all) {
      connection.on('error', () => {});
      connection.on(event, () => count++);
    }
    return async () => {
      await turnOfNode();
      return count;
    };
  };

  it.each([
    ['by their peers', 'end', (connection: Connection) => connection.push(null)],
    ['because they are broken', 'close', (connection: Connection) => connection.destroy(new Error('reset'))],
    ['from here', 'close', (connection: Connection) => connection.destroy()],
  ] as const)('leave a few a turn when they are closed %s', async (_how, event, close) => {
    const { clock, all } = connections(8);
    const gone = counting(all, event);
    for (const connection of all) close(connection);
    const seen = [await gone()];
    while (clock.turnOnce()) seen.push(await gone());
    expect(seen).toEqual([3, 6, 8, 8]);
  });

  it('leave at once while they are few', async () => {
    const { clock, all } = connections(2 * PER_TURN);
    const gone = counting(all, 'close');
    for (const connection of all.slice(0, PER_TURN)) connection.destroy();
    expect(await gone()).toBe(PER_TURN);
    clock.turnOnce();
    for (const connection of all.slice(PER_TURN)) connection.destroy();
    expect(await gone()).toBe(2 * PER_TURN);
  });

  it('are read to their end as ever', async () => {
    const { clock, all } = connections(4);
    const read: string[] = [];
    for (const connection of all) connection.on('data', (chunk: Buffer) => read.push(chunk.toString()));
    const ended = counting(all, 'end');
    for (const [at, connection] of all.entries()) {
      expect(connection.push(`${at}`)).toBe(true);
      connection.push(null);
    }
    while (clock.turnOnce());
    expect([await ended(), read]).toEqual([4, ['0', '1', '2', '3']]);
  });

  it('leave although one of them throws while it is torn down', async () => {
    const clock = new ManualClock();
    const failures: unknown[] = [];
    const departures = new Departures(clock, PER_TURN, (error) => failures.push(error));
    const all = Array.from({ length: 2 * PER_TURN }, (_, at) =>
      at === PER_TURN ? new BrokenConnection() : new Connection(),
    );
    for (const connection of all) departures.attend(connection);
    const gone = counting(all, 'close');
    for (const connection of all) connection.destroy();
    while (clock.turnOnce());
    expect(failures).toEqual([new Error('broken')]);
    expect(await gone()).toBe(2 * PER_TURN - 1);
  });
});
