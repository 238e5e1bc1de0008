import { describe, expect, it } from '@jest/globals';
import type { AnswerOrder, RequestTermination } from '../../../src/core/model/command.js';
import { CloseReason } from '../../../src/core/model/session.js';
import { kinds, Network } from '../network.js';

function asking(sid: number, fields: Partial<RequestTermination> = {}): RequestTermination {
  return { kind: 'RequestTermination', sid, reason: 'enough', deadlineMs: 5_000, ...fields };
}

function answering(sid: number, orderId: string, fields: Partial<AnswerOrder> = {}): AnswerOrder {
  const answer = { code: undefined, description: '', data: new Uint8Array() };
  return { kind: 'AnswerOrder', sid, orderId, ...answer, ...fields };
}

describe('a session that is asked to end itself', () => {
  it('has an order, and goes on until it answers', () => {
    const network = new Network();
    const sid = network.open(1);
    const { revision, changes } = network.apply(asking(sid));
    const order = { id: `o${revision}`, sid, deadlineMs: 5_000, body: { kind: 'terminate', reason: 'enough' } };
    expect(changes).toEqual([{ kind: 'OrderPlaced', order }]);
    expect(network.state.orders.of(sid)).toEqual([order]);
    expect(network.state.sessions.get(sid)).toBeDefined();
  });

  it('has one such order, however often it is asked', () => {
    const network = new Network();
    const sid = network.open(1);
    network.apply(asking(sid));
    expect(network.apply(asking(sid, { reason: 'really' })).changes).toEqual([]);
    expect(network.state.orders.of(sid)).toHaveLength(1);
  });

  it.each([
    ['yes', undefined],
    ['no', 'PEER_REFUSED'],
  ] as const)('ends with its answer, be it %s', (_, code) => {
    const network = new Network();
    const sid = network.open(1);
    const { revision } = network.apply(asking(sid));
    const { changes } = network.apply(answering(sid, `o${revision}`, { code, description: 'well' }));
    expect(kinds(changes)).toEqual(['OrderSettled', 'StreamStopped', 'LinkRemoved', 'SessionClosed']);
    expect(changes[0]).toMatchObject({ order: { id: `o${revision}`, sid }, code, description: 'well' });
    expect(changes.at(-1)).toMatchObject({ reason: CloseReason.TERMINATED });
    expect([...network.state.orders.all(), ...network.state.orders.allSettled()]).toEqual([]);
    expect(network.refused(answering(sid, `o${revision}`)).reason).toBe('SESSION_NOT_FOUND');
  });

  it('cannot be when it is not there', () => {
    const network = new Network();
    for (const sid of [0x102, network.state.serverSid]) {
      expect(network.refused(asking(sid)).reason).toBe('SESSION_NOT_FOUND');
    }
  });

  it('is refused the order when as many wait as may', () => {
    const network = new Network({ ordersPerSessionMax: 1 });
    const [sid, other] = [network.open(1), network.open(2)];
    // Some other order, as there may be of other kinds.
    const body = { kind: 'another' } as never;
    network.state.orders.add({ id: 'other', sid, deadlineMs: 1_000, body });
    expect(network.refused(asking(sid))).toMatchObject({ reason: 'ORDER_LIMIT', retryAfterMs: 2_000 });
    network.apply(asking(other));
  });
});

describe('an answer', () => {
  it('to an order that was answered before changes nothing', () => {
    const network = new Network();
    const sid = network.open(1);
    network.state.orders.restoreSettled(sid, 'o7');
    expect(network.apply(answering(sid, 'o7')).changes).toEqual([]);
    expect(network.state.sessions.get(sid)).toBeDefined();
  });

  it('to an order that is not there, or another’s, is refused', () => {
    const network = new Network();
    const [sid, other] = [network.open(1), network.open(2)];
    const { revision } = network.apply(asking(other));
    for (const id of ['', 'o0', `o${revision}`]) {
      expect(network.refused(answering(sid, id)).reason).toBe('ORDER_NOT_FOUND');
    }
    expect(network.refused(answering(0x7f02, `o${revision}`)).reason).toBe('SESSION_NOT_FOUND');
    expect(network.state.orders.of(other)).toHaveLength(1);
  });
});
