import { EventEmitter } from 'node:events';
import { status } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../harness/manual-clock.js';
import { Fault } from '../../src/core/model/fault.js';
import { FairTurns } from '../../src/fair/fair-turns.js';
import { DEFAULT_TURN_LIMITS } from '../../src/fair/limits.js';
import { MeteredSource } from '../../src/fair/metered-source.js';
import { pump } from '../../src/grpc/pump.js';

/** A call whose writes are done when the test says so. */
class FakeCall extends EventEmitter {
  cancelled = false;
  readonly written: string[] = [];
  readonly endings: { code: number }[] = [];
  private readonly pending: (() => void)[] = [];

  constructor() {
    super();
    this.on('error', (error) => this.endings.push(error));
  }

  write(message: string, done: () => void): boolean {
    this.written.push(message);
    this.pending.push(done);
    return true;
  }

  end(): void {
    this.endings.push({ code: status.OK });
  }

  /** The oldest write has been taken by the network. */
  taken(): void {
    this.pending.shift()!();
  }

  cancel(): void {
    this.cancelled = true;
    this.emit('cancelled');
  }
}

/** A source that holds what the test puts in. */
class FakeSource {
  readonly items: (string | Fault)[] = [];
  closed = 0;
  wake = () => {};

  next(): string | Fault | undefined {
    return this.items.shift();
  }

  onReady(wake: () => void): void {
    this.wake = wake;
  }

  close(): void {
    this.closed++;
  }

  put(...items: (string | Fault)[]): void {
    this.items.push(...items);
    this.wake();
  }
}

/** What a client is told of what was thrown. */
function failed(error: unknown): Fault {
  return new Fault('INTERNAL', String(error));
}

function start() {
  const call = new FakeCall();
  const source = new FakeSource();
  pump(source, call as unknown as Parameters<typeof pump<string, string>>[1], (message) => `<${message}>`, failed);
  return { call, source };
}

describe('the pump', () => {
  it('takes the next message only when the last write is done', () => {
    const { call, source } = start();
    source.put('a', 'b', 'c');
    expect(call.written).toEqual(['<a>']);
    source.wake();
    expect(source.items).toEqual(['b', 'c']);
    call.taken();
    expect(call.written).toEqual(['<a>', '<b>']);
  });

  it('goes on when the source wakes it', () => {
    const { call, source } = start();
    source.put('a');
    call.taken();
    expect(call.written).toEqual(['<a>']);
    source.put('b');
    expect(call.written).toEqual(['<a>', '<b>']);
  });

  it('ends the call with the error of a Fault, after everything before it has been written', () => {
    const { call, source } = start();
    source.put('a', new Fault('SESSION_EXPIRED', 'over'), 'never');
    expect(call.endings).toEqual([]);
    call.taken();
    expect(call.endings).toMatchObject([{ code: status.ABORTED }]);
    source.wake();
    expect(call.written).toEqual(['<a>']);
  });

  it('closes its source when the call is cancelled, and asks it for nothing more', () => {
    const { call, source } = start();
    source.put('a');
    call.cancel();
    expect(source.closed).toBe(1);
    source.put('b');
    call.taken();
    expect(call.written).toEqual(['<a>']);
  });

  it('closes its source at once when the call was cancelled before it began', () => {
    const call = new FakeCall();
    call.cancel();
    const source = new FakeSource();
    source.items.push('a');
    pump(source, call as unknown as Parameters<typeof pump<string, string>>[1], (message) => message, failed);
    expect(source.closed).toBe(1);
    expect(call.written).toEqual([]);
  });

  it('ends the call, and nothing else, when the source throws as it is woken', () => {
    const { call, source } = start();
    const other = start();
    source.next = () => {
      throw new Error('broken');
    };
    for (const { source: woken } of [{ source }, other]) woken.put('a');
    expect(call.endings).toMatchObject([{ code: status.INTERNAL, details: 'Error: broken' }]);
    expect(other.call.written).toEqual(['<a>']);
    source.wake();
    expect(call.endings.length).toBe(1);
  });

  it('ends the call when the source throws in the turn of its address, and others have theirs', () => {
    const clock = new ManualClock();
    const turns = new FairTurns({ clock, limits: DEFAULT_TURN_LIMITS });
    turns.charge('a', 5);
    const begun = [false, true].map((fails) => {
      const call = new FakeCall();
      const costly = new FakeSource() as FakeSource & { isCostly: boolean };
      costly.isCostly = true;
      costly.next = () => {
        if (fails) throw new Error('broken');
        return undefined;
      };
      const source = new MeteredSource(costly as never, 'a', { turns, clock });
      pump(
        source as never,
        call as unknown as Parameters<typeof pump<string, string>>[1],
        (message) => message,
        failed,
      );
      return call;
    });
    let later = false;
    turns.enter('a', () => {
      later = true;
    });
    clock.turn();
    expect(begun.map(({ endings }) => endings.map(({ code }) => code))).toEqual([[], [status.INTERNAL]]);
    expect(later).toBe(true);
  });
});
