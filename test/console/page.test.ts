import { EventEmitter } from 'node:events';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { WebSocket } from 'ws';
import { ManualClock } from '../../harness/manual-clock.js';
import type { CallsPort, PageCall, PageReceiver } from '../../src/console/calls-port.js';
import { CLOSE, readServerFrame, writePageFrame } from '../../src/console/frames.js';
import { CONSOLE_LIMITS } from '../../src/console/limits.js';
import { ConsolePage, type LoginState } from '../../src/console/page.js';
import { LocalCall } from '../../src/grpc/local-calls.js';
import { openAdmission } from '../admission/open.js';

/** A WebSocket whose other end takes what the test lets it take. */
class FakeSocket extends EventEmitter {
  bufferedAmount = 0;
  readonly sent: Uint8Array[] = [];
  readonly callbacks: ((error?: Error) => void)[] = [];
  closed: number | undefined;
  isTerminated = false;
  pings = 0;

  send(data: Uint8Array, _options: object, sent?: (error?: Error) => void): void {
    this.sent.push(data);
    this.bufferedAmount += data.length;
    if (sent !== undefined) this.callbacks.push(sent);
  }

  ping(): void {
    this.pings++;
  }

  close(code: number): void {
    this.closed = code;
  }

  terminate(): void {
    this.isTerminated = true;
    this.emit('close');
  }
}

describe('a page', () => {
  let socket: FakeSocket;
  let clock: ManualClock;
  let login: LoginState;
  const receivers: PageReceiver[] = [];
  const left: string[] = [];
  let cancelled: number[];
  /** Makes the calls in place of the services, where a test has its own. */
  let opener: ((call: PageCall, receiver: PageReceiver) => () => void) | undefined;

  beforeEach(() => {
    socket = new FakeSocket();
    clock = new ManualClock();
    login = 'holds';
    receivers.length = 0;
    left.length = 0;
    cancelled = [];
    opener = undefined;
    const calls: CallsPort = {
      open: (call, receiver) => {
        if (opener !== undefined) return opener(call, receiver);
        const number = receivers.push(receiver);
        return () => cancelled.push(number);
      },
      left: (peer) => left.push(peer),
      standing: () => undefined,
      codeSecrets: () => [],
    };
    const { fence } = openAdmission(clock);
    const deps = {
      calls,
      clock,
      fence,
      limits: CONSOLE_LIMITS,
      role: 'viewer',
      network: 'north',
      peer: '192.0.2.1:7',
    } as const;
    new ConsolePage(socket as unknown as WebSocket, { ...deps, login: () => login });
  });

  const open = (call: number) =>
    socket.emit(
      'message',
      Buffer.from(writePageFrame({ kind: 'open', call, path: '/a/b', request: new Uint8Array() })),
      true,
    );
  const cancel = (call: number) => socket.emit('message', Buffer.from(writePageFrame({ kind: 'cancel', call })), true);
  /** Answers the call that was opened as this one, as a method does that answers once. */
  const answer = (at: number) => {
    receivers[at].message(Uint8Array.of(1), () => {});
    receivers[at].end({ code: 0, message: '', details: new Uint8Array() });
  };
  const ends = () => socket.sent.map((bytes) => readServerFrame(bytes)).filter((frame) => frame?.kind === 'end');

  it('that has not taken 4 MiB has its new calls refused, until it has', () => {
    socket.bufferedAmount = CONSOLE_LIMITS.untakenBytesMax;
    open(1);
    expect(receivers).toHaveLength(0);
    expect(ends()).toMatchObject([{ call: 1, code: 8, message: 'the page has not taken 4194304 bytes' }]);
    socket.bufferedAmount = 0;
    open(2);
    expect(receivers).toHaveLength(1);
  });

  it('gets the next message of a watch only when the last one has left', () => {
    open(1);
    let taken = 0;
    receivers[0].message(Uint8Array.of(1, 2, 3), () => taken++);
    expect(taken).toBe(0);
    socket.callbacks[0]();
    expect(taken).toBe(1);
    receivers[0].message(Uint8Array.of(4), () => taken++);
    socket.callbacks[1](new Error('the socket is gone'));
    expect(taken).toBe(1);
  });

  it('takes back an answer that had not left the socket when that closed, and none that had', () => {
    open(1);
    answer(0);
    open(2);
    answer(1);
    socket.callbacks[0]();
    expect(cancelled).toEqual([]);
    socket.emit('close');
    expect(cancelled).toEqual([2]);
    socket.emit('close');
    expect(cancelled).toEqual([2]);
  });

  it('takes back an answer that had not left the socket when the page cancelled its call', () => {
    open(1);
    answer(0);
    cancel(1);
    cancel(1);
    expect(cancelled).toEqual([1]);
    open(2);
    answer(1);
    socket.callbacks[1]();
    cancel(2);
    socket.emit('close');
    expect(cancelled).toEqual([1]);
  });

  it('that the server closes takes back no answer which still leaves before the goodbye, and those that do not', () => {
    open(1);
    answer(0);
    open(2);
    answer(1);
    login = 'over';
    open(3);
    expect([socket.closed, cancelled]).toEqual([CLOSE.loggedOut, []]);
    socket.callbacks[0]();
    socket.callbacks[1](new Error('the socket is gone'));
    socket.emit('close');
    expect(cancelled).toEqual([2]);
  });

  it('takes back what a handler of the server made for an answer that never left', () => {
    let tookBack = 0;
    opener = (call, receiver) => {
      const local = new LocalCall({ ...call, metadata: {}, door: 'console' }, receiver, (error) => {
        throw error;
      });
      local.onLost(() => tookBack++);
      const definition = { requestDeserialize: String, responseSerialize: Buffer.from, responseStream: false };
      const handler = (_: unknown, answered: (error: null, message: string) => void) => answered(null, 'made');
      local.run({ definition: definition as never, handler: handler as never });
      return () => local.cancel();
    };
    open(1);
    expect(ends()).toMatchObject([{ call: 1, code: 0 }]);
    socket.emit('close');
    expect(tookBack).toBe(1);
  });

  it('is pinged and told every 5 s that the server is there, and cut off when it answers nothing for 30 s', () => {
    for (let seconds = 0; seconds < 20; seconds++) clock.advance(1_000);
    expect([socket.pings, socket.isTerminated]).toEqual([5, false]);
    socket.emit('pong');
    for (let seconds = 0; seconds < 29; seconds++) clock.advance(1_000);
    expect(socket.isTerminated).toBe(false);
    for (let seconds = 0; seconds < 7; seconds++) clock.advance(1_000);
    expect(socket.isTerminated).toBe(true);
  });

  it('whose login has run out is closed with a code that it understands, at its next call and without one', () => {
    open(1);
    login = 'over';
    open(2);
    expect(socket.closed).toBe(CLOSE.loggedOut);
    expect([cancelled, left]).toEqual([[1], ['192.0.2.1:7']]);
  });

  it('whose user may do something else by now is closed with a code that it understands', () => {
    open(1);
    login = 'changed';
    open(2);
    expect([socket.closed, receivers.length, cancelled]).toEqual([CLOSE.changed, 1, [1]]);
  });

  it('that goes leaves no call open, and is let go of once', () => {
    open(1);
    open(2);
    socket.emit('close');
    socket.emit('close');
    expect([cancelled, left]).toEqual([[1, 2], ['192.0.2.1:7']]);
    receivers[0].message(Uint8Array.of(1), () => {});
    receivers[1].end({ code: 0, message: '', details: new Uint8Array() });
    expect(socket.sent).toHaveLength(1);
  });
});
