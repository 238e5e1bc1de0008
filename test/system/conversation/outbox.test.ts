import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../../harness/manual-clock.js';
import { Fault, REASONS } from '../../../src/core/model/fault.js';
import type { AnswerBody } from '../../../src/system/conversation/answer.js';
import { Outbox, type OutboxDeps } from '../../../src/system/conversation/outbox.js';

/** An outbox whose client may read the graph until `forbid` is called. */
function makeOutbox() {
  let isForbidden = false;
  let open = 0;
  const answers: AnswerBody[] = [];
  const source = { onReady: () => {}, next: () => undefined, close: () => void open-- };
  const subscribe = () => {
    open++;
    return source;
  };
  const backing = {
    clock: new ManualClock(),
    turns: { keyOf: () => 'key', charge: () => {}, forget: () => {} },
    feeds: { network: { subscribe }, closed: { subscribe } },
    gatekeeper: {
      refuse: () => (isForbidden ? new Fault('PERMISSION_DENIED', 'no role reads the graph') : undefined),
      calls: { take: () => undefined },
      guard: <T>(one: T) => one,
    },
  };
  const sender = { stir: () => {}, answer: (_id: unknown, answer: AnswerBody) => void answers.push(answer) };
  const parts = { backing, sender, asker: { origin: {} }, attachment: { onReady: () => {} }, flows: {} };
  const forbid = () => {
    isForbidden = true;
  };
  return { outbox: new Outbox(parts as unknown as OutboxDeps), answers, forbid, openCount: () => open };
}

describe('a watch over system events', () => {
  it('ends by one with neither part, also when its client may not read the graph any more', () => {
    const { outbox, answers, forbid, openCount } = makeOutbox();
    outbox.watch({ deltas: true, endpointsClosed: true } as Parameters<Outbox['watch']>[0], 1);
    expect([openCount(), answers]).toEqual([2, []]);
    forbid();
    outbox.watch({ deltas: true } as Parameters<Outbox['watch']>[0], 2);
    expect([openCount(), answers.map(({ code }) => code)]).toEqual([2, [REASONS.PERMISSION_DENIED]]);
    outbox.watch({} as Parameters<Outbox['watch']>[0], 3);
    expect([openCount(), answers.length]).toEqual([0, 1]);
  });
});
