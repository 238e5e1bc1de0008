import { describe, expect, it } from '@jest/globals';
import { ErrorInfo } from '../../gen/google/rpc/error_details.js';
import { Status } from '../../gen/google/rpc/status.js';
import { ServerServiceService as Server } from '../../gen/switchyard/v1/server.js';
import { ManualClock } from '../../harness/manual-clock.js';
import { Fault } from '../../src/core/model/fault.js';
import { FairTurns } from '../../src/fair/fair-turns.js';
import { DEFAULT_TURN_LIMITS } from '../../src/fair/limits.js';
import type { AnswerFate } from '../../src/grpc/http2/answer-fates.js';
import { LocalCalls, type LocalStatus } from '../../src/grpc/local-calls.js';
import { toError } from '../../src/grpc/status.js';

/** Turns of a server that has nothing else to do. */
function openTurns(): FairTurns {
  return new FairTurns({ clock: new ManualClock(), limits: DEFAULT_TURN_LIMITS });
}

/** What a caller is told of what was thrown. */
function failed(path: string, error: unknown): Fault {
  return new Fault('INTERNAL', `${path}: ${error}`);
}

/** What calls stand on that nobody measures. */
const REST = { failed, clock: new ManualClock(), ended: () => {} };

/** A call of one method whose handler the test gives. */
function calling(method: object, handler: unknown, request = new Uint8Array()) {
  const left: string[] = [];
  const counted: unknown[] = [];
  const clock = new ManualClock();
  const calls = new LocalCalls({
    disconnected: (peer) => left.push(peer),
    turns: openTurns(),
    failed,
    clock,
    ended: ({ path, peer }, code, ms) => counted.push([path, peer, code, ms]),
  });
  const definition = {
    ...Server.getServer,
    path: '/a/b',
    requestDeserialize: String,
    responseSerialize: Buffer.from,
    ...method,
  };
  calls.add({ b: definition }, { b: handler as never });
  const heard: { messages: string[]; ends: LocalStatus[]; taken: (() => void)[] } = {
    messages: [],
    ends: [],
    taken: [],
  };
  const cancel = calls.open(
    { path: '/a/b', request, peer: '192.0.2.1:7', metadata: { 'switchyard-admin': 'token' }, door: 'web' },
    {
      message: (bytes, taken) => {
        heard.messages.push(Buffer.from(bytes).toString());
        heard.taken.push(taken);
      },
      end: (status) => void heard.ends.push(status),
    },
  );
  return { calls, cancel, left, clock, counted, ...heard };
}

/** What the handler of a stream is given, as far as it is used here. */
interface StreamCall {
  readonly cancelled: boolean;
  readonly metadata: { get(key: string): unknown[] };
  getPeer(): string;
  getPath(): string;
  on(event: 'cancelled', call: () => void): void;
  emit(event: 'error', error: Error): void;
  write(message: string, written: () => void): void;
  end(): void;
}

describe('a call from inside the process', () => {
  it('is seen by its handler as one from the port: with who calls, and with what credentials', () => {
    let seen: unknown[] = [];
    const { messages, ends } = calling({}, (call: StreamCall, answer: (error: null, message: string) => void) => {
      seen = [call.getPeer(), call.getPath(), call.metadata.get('switchyard-admin')];
      answer(null, 'yes');
    });
    expect(seen).toEqual(['192.0.2.1:7', '/a/b', ['token']]);
    expect(messages).toEqual(['yes']);
    expect(ends).toMatchObject([{ code: 0 }]);
  });

  it('ends with the code, the words and the details of a refusal', () => {
    const refuse = (_call: unknown, answer: (error: Error) => void) =>
      answer(toError(new Fault('NODE_NOT_FOUND', 'no node 7')));
    const { ends } = calling({}, refuse);
    expect(ends).toMatchObject([{ code: 5, message: 'no node 7' }]);
    const [info] = Status.decode(ends[0].details).details;
    expect(ErrorInfo.decode(info.value).reason).toBe('NODE_NOT_FOUND');
  });

  it('tells its handler that its answer is lost when it is cancelled before that was taken, and only then', () => {
    const lost: string[] = [];
    const answerNamed = (name: string) => (call: AnswerFate, answer: (error: null, message: string) => void) => {
      call.onLost(() => lost.push(name));
      answer(null, name);
    };
    const taken = calling({}, answerNamed('taken'));
    taken.taken[0]();
    taken.cancel();
    expect(lost).toEqual([]);
    const given = calling({}, answerNamed('given up'));
    given.cancel();
    given.cancel();
    expect(lost).toEqual(['given up']);
  });

  it('of a stream is told when a message has left, and lets go when it ends, however it ends', () => {
    let written = 0;
    let released = 0;
    let stream: StreamCall | undefined;
    const begin = (call: StreamCall) => {
      stream = call;
      call.on('cancelled', () => released++);
      call.write('one', () => written++);
    };
    const { messages, taken, ends } = calling({ responseStream: true }, begin);
    expect([messages, written]).toEqual([['one'], 0]);
    taken[0]();
    expect(written).toBe(1);
    stream?.emit('error', toError(new Fault('DRAINING', 'the server is draining')));
    expect([ends.length, ends[0].code, released]).toEqual([1, 14, 1]);
    stream?.write('two', () => {});
    stream?.end();
    expect([messages.length, ends.length]).toEqual([1, 1]);
  });

  it('is told nothing more once it is cancelled, and its handler lets go', () => {
    let released = 0;
    let stream: StreamCall | undefined;
    const begin = (call: StreamCall) => {
      stream = call;
      call.on('cancelled', () => released++);
    };
    const { cancel, messages, ends } = calling({ responseStream: true }, begin);
    cancel();
    cancel();
    stream?.write('late', () => {});
    stream?.end();
    expect([released, stream?.cancelled, messages, ends]).toEqual([1, true, [], []]);
  });

  it.each(['\xff', 'a\tb', 'a\n', '\u{1f600}'])(
    'is refused with the metadata %j, which names what is wrong',
    (value) => {
      const calls = new LocalCalls({ disconnected: () => {}, turns: openTurns(), ...REST });
      const ends: LocalStatus[] = [];
      const receiver = { message: () => {}, end: (status: LocalStatus) => void ends.push(status) };
      const metadata = { 'switchyard-session': value };
      calls.open({ path: '/a/b', request: new Uint8Array(), peer: '192.0.2.1:7', metadata, door: 'web' }, receiver);
      expect(ends).toMatchObject([{ code: 3, message: expect.stringContaining('switchyard-session') }]);
      expect(ends).toMatchObject([{ message: expect.stringContaining('printable ASCII') }]);
    },
  );

  it('ends with an error, and throws nothing, when its handler throws or its answer cannot be encoded', async () => {
    const broken = () => {
      throw new Error('broken');
    };
    const details = { code: 13, message: '/a/b: Error: broken' };
    expect(calling({}, broken).ends).toMatchObject([details]);
    expect(calling({ responseStream: true }, broken).ends).toMatchObject([details]);
    const unary = (_call: StreamCall, answer: (error: null, message: string) => void) => answer(null, 'yes');
    expect(calling({ responseSerialize: broken }, unary).ends).toMatchObject([details]);
  });

  it('is told of once when it is over: with its answer, its refusal, or its cancellation, and how long it took', () => {
    const answering = (_call: StreamCall, answer: (error: null, message: string) => void) => answer(null, 'yes');
    const answered = calling({}, answering);
    answered.cancel();
    expect(answered.counted).toEqual([['/a/b', '192.0.2.1:7', 0, 0]]);
    expect(calling({ requestStream: true }, () => {}).counted).toEqual([['/a/b', '192.0.2.1:7', 12, 0]]);
    const watch = calling({ responseStream: true }, (call: StreamCall) => call.write('first', () => {}));
    expect(watch.counted).toEqual([]);
    watch.clock.advance(1_500);
    watch.cancel();
    watch.cancel();
    expect(watch.counted).toEqual([['/a/b', '192.0.2.1:7', 1, 1_500]]);
  });

  it('lets go of what it read when its receiver throws at its end', () => {
    const left: boolean[] = [];
    const calls = new LocalCalls({ disconnected: () => {}, turns: openTurns(), ...REST });
    const definition = { ...Server.getServer, path: '/a/b', responseStream: true, requestDeserialize: String };
    const handler = (call: StreamCall) => {
      call.on('cancelled', () => left.push(true));
      call.end();
    };
    calls.add({ b: definition }, { b: handler as never });
    const end = () => {
      throw new Error('the page is gone');
    };
    const receiver = { message: () => {}, end };
    calls.open({ path: '/a/b', request: new Uint8Array(), peer: '192.0.2.1:7', door: 'web', metadata: {} }, receiver);
    expect(left).toEqual([true]);
  });

  it('is refused where the method goes both ways, is not there, or its request cannot be read', () => {
    expect(calling({ requestStream: true }, () => {}).ends).toMatchObject([{ code: 12 }]);
    const broken = {
      requestDeserialize: () => {
        throw new Error('index out of range');
      },
    };
    const calls = new LocalCalls({ disconnected: () => {}, turns: openTurns(), ...REST });
    calls.add({ b: { ...Server.getServer, ...broken } }, { b: () => {} });
    const ends: LocalStatus[] = [];
    const receiver = { message: () => {}, end: (status: LocalStatus) => void ends.push(status) };
    for (const path of [Server.getServer.path, '/nothing']) {
      calls.open({ path, request: new Uint8Array(), peer: '192.0.2.1:7', metadata: {}, door: 'web' }, receiver);
    }
    expect(ends.map(({ code }) => code)).toEqual([3, 12]);
  });
});

describe('a call from inside, of an address that has used up its time', () => {
  const PEER = '192.0.2.1:7';

  function behind(callsPerAddressMax = 1) {
    const clock = new ManualClock();
    const turns = new FairTurns({ clock, limits: { ...DEFAULT_TURN_LIMITS, callsPerAddressMax } });
    const begun: string[] = [];
    const calls = new LocalCalls({ disconnected: () => {}, turns, ...REST });
    const definition = {
      ...Server.getServer,
      path: '/a/b',
      requestDeserialize: String,
      responseSerialize: Buffer.from,
    };
    const handler = (call: StreamCall, answer: (error: null, message: string) => void) => {
      begun.push(call.getPeer());
      answer(null, 'yes');
    };
    calls.add({ b: definition }, { b: handler as never });
    turns.charge('192.0.2.1', 10);
    const ends: LocalStatus[] = [];
    const receiver = { message: () => {}, end: (status: LocalStatus) => void ends.push(status) };
    const open = (peer: string) =>
      calls.open({ path: '/a/b', request: new Uint8Array(), peer, metadata: {}, door: 'web' }, receiver);
    return { clock, begun, ends, open };
  }

  it('waits for its turn, and those of other addresses do not', () => {
    const { clock, begun, open } = behind();
    open(PEER);
    open('192.0.2.2:7');
    expect(begun).toEqual(['192.0.2.2:7']);
    for (let turn = 0; turn < 20; turn++) clock.turn();
    expect(begun).toEqual(['192.0.2.2:7', PEER]);
  });

  it('never begins when it is cancelled before', () => {
    const { clock, begun, open } = behind();
    open(PEER)();
    for (let turn = 0; turn < 20; turn++) clock.turn();
    expect(begun).toEqual([]);
  });

  it('is refused when too many of them wait', () => {
    const { ends, open } = behind();
    open(PEER);
    open(PEER);
    expect(ends).toMatchObject([{ code: 8, message: expect.stringContaining('calls of one address wait already') }]);
  });
});

describe('whoever has called from inside', () => {
  it('is forgotten as a connection when it goes', () => {
    const { calls, left } = calling({}, () => {});
    calls.left('192.0.2.1:7');
    expect(left).toEqual(['192.0.2.1:7']);
  });
});
