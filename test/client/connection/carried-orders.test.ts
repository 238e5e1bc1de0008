import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type Connection, ConnectionRole } from '../../../gen/switchyard/v1/connection.js';
import { quietPort } from '../../../harness/port.js';
import { BrokeredConnections } from '../../../src/client/connection/connections.js';
import { TcpPunch } from '../../../src/client/direct/tcp.js';
import { type ConnectOptions, InstanceType, type PeerStream, Switchyard } from '../../../src/client/index.js';
import { type Running, run } from '../../grpc/running.js';
import { BlindChannel } from '../worlds/blind-channel.js';
import { movedToDirect } from '../worlds/moved.js';

const { RELAY, GATHER, DIAL, PUNCH_CONTROLLING, PUNCH_CONTROLLED } = ConnectionRole;

let at: Running;
let channel: BlindChannel;
let yard: Switchyard;

beforeEach(async () => {
  at = await run({ 'attempts-per-connection-max': '1' });
  channel = new BlindChannel(at.address);
  channel.isBlind = false;
  yard = new Switchyard({ channel });
});
afterEach(async () => {
  jest.restoreAllMocks();
  await yard.close();
  await at.stop();
});

/** Both ends of a connection; and what gives both all of its orders again, as after their answers were forgotten. */
async function connected(options: ConnectOptions, listenPort?: number) {
  const { order } = BrokeredConnections.prototype;
  const given: { one: Connection; to: BrokeredConnections; answer: Promise<Uint8Array | undefined> }[] = [];
  jest.spyOn(BrokeredConnections.prototype, 'order').mockImplementation(function (
    this: BrokeredConnections,
    one,
    answered,
  ) {
    const answer = order.call(this, one, answered);
    given.push({ one, to: this, answer });
    return answer;
  });
  const caller = yard.join({ uuid: randomUUID(), type: InstanceType.AGENT, listenPort });
  const accepted: PeerStream[] = [];
  const handlers = { accept: () => true, accepted: (stream: PeerStream) => void accepted.push(stream) };
  const peer = yard.join({ uuid: randomUUID(), type: InstanceType.AGENT, handlers });
  await caller.attached();
  const near = await caller.connect((await peer.attached()).cvid, options);
  while (accepted.length === 0) await new Promise(setImmediate);
  const giveAgain = async () => {
    const roles = given.map(({ one }) => one.role);
    // What is gathered may be gathered anew.
    const first = given.filter(({ one }) => one.role !== GATHER);
    const answers = await Promise.all(first.map(({ answer }) => answer));
    const again = await Promise.all([...given].map(({ one, to }) => to.order(one, async () => {})));
    return { roles, answers, again: again.filter((_, which) => roles[which] !== GATHER) };
  };
  return { near, accepted, peer, giveAgain };
}

/** Says something, and resolves with what the other end has heard of it. */
async function said(from: PeerStream, to: PeerStream, words: string): Promise<string> {
  const heard = once(to, 'data');
  from.write(words);
  return String((await heard)[0]);
}

describe('orders about a standing connection that are given again', () => {
  it.each([0, 1, 2, 3, 4])('leave it on its relay of form %i', async (relayVersion) => {
    channel.change = (order) => {
      const { kind } = order;
      if (kind?.$case !== 'connection' || kind.value.role !== RELAY) return order;
      return { ...order, kind: { $case: 'connection', value: { ...kind.value, relayVersion } } };
    };
    const { near, accepted, giveAgain } = await connected({ relayOnly: true });
    expect(await said(near, accepted[0]!, 'before')).toBe('before');
    const { roles, answers, again } = await giveAgain();
    expect(roles.filter((role) => role === RELAY)).toEqual([RELAY, RELAY]);
    expect(again).toEqual(answers);
    expect(await said(near, accepted[0]!, 'after')).toBe('after');
    expect(await said(accepted[0]!, near, 'and back')).toBe('and back');
    expect([near.destroyed, accepted.length]).toEqual([false, 1]);
  });

  it.each(['immediate', 'late'] as const)('leave it on its direct path with fallback %s', async (fallback) => {
    const { near, accepted, giveAgain } = await connected({ fallback });
    await movedToDirect(near, accepted[0]!);
    expect(await said(near, accepted[0]!, 'before')).toBe('before');
    const { roles, answers, again } = await giveAgain();
    expect(roles).toEqual(expect.arrayContaining([GATHER, PUNCH_CONTROLLING, PUNCH_CONTROLLED]));
    expect(again).toEqual(answers);
    expect(await said(near, accepted[0]!, 'after')).toBe('after');
    expect(await said(accepted[0]!, near, 'and back')).toBe('and back');
    expect([near.path, near.destroyed, accepted.length]).toEqual(['direct', false, 1]);
  });

  it('leave it on the path that the peer has dialled, also where that takes no connections any more', async () => {
    const port = await quietPort('0.0.0.0');
    const attempt = jest.spyOn(TcpPunch.prototype, 'attempt');
    const { near, accepted, peer, giveAgain } = await connected({ fallback: 'late' }, port);
    expect(await said(near, accepted[0]!, 'before')).toBe('before');
    const attempts = attempt.mock.calls.length;
    expect(attempts).toBeGreaterThan(0);
    peer.handlers.accept = undefined;
    const { roles, answers, again } = await giveAgain();
    expect([roles, again]).toEqual([[DIAL], answers]);
    expect(await said(near, accepted[0]!, 'after')).toBe('after');
    // A second dial, to a port where nobody listens any more, would end it some seconds later.
    expect(attempt.mock.calls).toHaveLength(attempts);
    expect([near.destroyed, accepted.length]).toEqual([false, 1]);
  });
});
