import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../../harness/manual-clock.js';
import { Fault, REASONS } from '../../../src/core/model/fault.js';
import { DEFAULT_NETWORK_REF } from '../../../src/core/model/network.js';
import type { Gatekeeper } from '../../../src/replica/access/gatekeeper.js';
import type { Currency } from '../../../src/replica/currency.js';
import type { SystemEvent } from '../../../src/system/codec/event.js';
import type { AnswerBody } from '../../../src/system/conversation/answer.js';
import type { SystemBacking } from '../../../src/system/conversation/backing.js';
import type { Conversation } from '../../../src/system/conversation/conversation.js';
import { Requests } from '../../../src/system/conversation/requests.js';
import { meterOfOne } from '../../replica/access/meter-of-one.js';

/** A server that says what its answers cannot hold: a number beyond 32 bits, a transport without a name. */
function made(admit?: Gatekeeper['admit']) {
  const answers: AnswerBody[] = [];
  const told: string[] = [];
  const closed: unknown[] = [];
  const state = { limits: {}, revision: 1 };
  const currency: Currency = {
    isInTouch: true,
    current: async () => void state.revision++,
    reached: async () => undefined,
  };
  const session = { sid: 2 ** 40, ttlMs: 1_000, streamId: 1, uuid: '' };
  const backing = {
    clock: new ManualClock(),
    random: { bytes: (count: number) => new Uint8Array(count) },
    log: { isLevelEnabled: () => false, error: (_what: object, text: string) => told.push(text) },
    limits: { requestsMax: 4 },
    gatekeeper: { network: DEFAULT_NETWORK_REF, admit: admit ?? (() => undefined) },
    refused: ({ reason }: { reason: string }) => told.push(reason),
    transports: {
      list: ({ codeName }: { codeName?: string }) => {
        if (codeName === 'tcp') throw new Error('the list is broken');
        return codeName === 'ws' ? [] : [{ codeName: 7 }];
      },
    },
    opening: { open: async () => ({ session, token: 't', position: { epoch: 'e', revision: 1 } }) },
    replica: {
      currency: admit && currency,
      state,
      homes: { shown: () => ({ serverSid: 257, serverUuid: '00000000-0000-4000-8000-0000000000ff' }) },
      takeBack: (command: unknown) => closed.push(command),
    },
  } as unknown as SystemBacking;
  const conversation = {
    sid: undefined,
    state: 'new',
    origin: { address: '192.0.2.1' },
    move: () => true,
    acceptCertificate: async () => undefined,
    enter: () => told.push('entered'),
  } as unknown as Conversation;
  const requests = new Requests({
    backing,
    conversation,
    answer: (_packetId, answer) => void answers.push(answer),
    answersOf: () => undefined as never,
    leaving: () => undefined,
    done: () => void told.push('done'),
  });
  return { requests, answers, told, closed };
}

const list = (codeName: string): SystemEvent => ({ type: 'EnumerateTransport', body: { codeName } });
const open: SystemEvent = {
  type: 'Session',
  body: { instanceUuid: '00000000-0000-4000-8000-000000000001', instanceType: 2 },
};
const internal = { code: REASONS.INTERNAL, description: 'fault 00000000' };

describe('a request whose answer cannot be encoded', () => {
  it('is answered INTERNAL and logged, and the next one is done', () => {
    const { requests, answers, told } = made();
    requests.take(list('wss'), 1, new Uint8Array());
    expect(answers).toMatchObject([internal]);
    expect(told).toEqual(['a request failed', 'INTERNAL']);
    expect(requests.isIdle).toBe(true);
    requests.take(list('ws'), 2, new Uint8Array());
    expect(answers[1]).toMatchObject({ code: 0 });
  });

  it('is undone when it took its time: nobody has heard of its session', async () => {
    const { requests, answers, told, closed } = made();
    requests.take(open, 1, new Uint8Array());
    await new Promise(setImmediate);
    expect(answers).toMatchObject([internal]);
    expect(told).toEqual(['a request failed', 'INTERNAL', 'done']);
    expect(closed).toMatchObject([{ kind: 'CloseSession', sid: 2 ** 40 }]);
    expect(requests.isIdle).toBe(true);
  });

  it('is answered as well when what does it throws at once', () => {
    const { requests, answers } = made();
    requests.take(list('tcp'), 1, new Uint8Array());
    expect(answers).toMatchObject([internal]);
    expect(requests.isIdle).toBe(true);
  });
});

describe('a request at a server that is behind', () => {
  it('is counted once by the quota of its identity, however often it is tried', async () => {
    const meter = meterOfOne({ calls_per_second: 1 });
    let attempts = 0;
    const { requests, answers } = made((_method, asker, call) => {
      attempts++;
      return meter.take(asker, call) ?? (attempts === 1 ? new Fault('PERMISSION_DENIED', 'not yet') : undefined);
    });
    requests.take(list('ws'), 1, new Uint8Array());
    await new Promise((done) => setImmediate(done));
    requests.take(list('ws'), 2, new Uint8Array());
    await new Promise((done) => setImmediate(done));
    expect(answers).toMatchObject([{ code: 0 }, { code: REASONS.RATE_LIMITED }]);
    expect(attempts).toBe(3);
  });
});
