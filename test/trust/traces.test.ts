import type { Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WatchKind } from '../../gen/switchyard/v1/network.js';
import { DirectConnectionRequest, NetworkServiceService as Network } from '../../gen/switchyard/v1/network_service.js';
import {
  AnswerRequest,
  type AttachResponse,
  SessionServiceService as Sessions,
} from '../../gen/switchyard/v1/session_service.js';
import { ask, open, type Reading, type Running, refusalOf, refused, run } from '../grpc/running.js';
import { NOWHERE, textOf } from './aims.js';
import { type Member, makeMember } from './members.js';
import { keyOf } from './proving.js';
import { REQUESTS } from './requests.js';

const PAGE = { pageSize: 0, pageToken: '' };

describe('the trace of a connection between two others, where proofs are required', () => {
  let at: Running;
  let asker: Member;
  let target: Member;
  let other: Member;
  let attached: Reading<AttachResponse>;
  let otherAttached: Reading<AttachResponse>;
  /** The connection of others, and that of {@link other}, both to the same target. */
  let theirs: string;
  let own: string;

  /** The order of the target for a connection that this one asks for, and what it will be answered. */
  async function askFor({ as }: Member) {
    const request = DirectConnectionRequest.fromPartial({ cvid: target.sid, type: 1, port: 5_000 });
    const asked = ask(at, Network.directConnection, request, as);
    const { order } = await attached.next();
    return { orderId: order!.orderId, asked };
  }

  async function connect(member: Member): Promise<string> {
    const { orderId, asked } = await askFor(member);
    await ask(at, Sessions.answer, AnswerRequest.fromPartial({ orderId }), target.as);
    return (await asked).request!.connectionId;
  }

  /** What is told of connections to a caller who names none: pages, and the snapshot of a watch. */
  async function toldTo(as: Metadata): Promise<string[]> {
    const { connections } = await ask(at, Network.listConnections, PAGE, as);
    const watching = open(at, Network.watchConnections, { after: undefined }, as);
    const heard = await watching.until(({ kind }) => kind === WatchKind.SNAPSHOT_END);
    watching.call.on('error', () => {}).cancel();
    const ids = [...connections, ...heard.flatMap(({ connections: some }) => some)].map((one) => one.connectionId);
    return [...new Set(ids)].sort();
  }

  beforeAll(async () => {
    at = await run({ auth: 'required' });
    asker = await makeMember(at, { number: 1, roles: ['client'] });
    other = await makeMember(at, { number: 2, roles: ['client'] });
    target = await makeMember(at, { number: 3, roles: ['agent'] });
    attached = open(at, Sessions.attach, {}, target.as);
    // A connection that the server coordinates is for sessions that are told of it.
    otherAttached = open(at, Sessions.attach, {}, other.as);
    await Promise.all([attached.next(), otherAttached.next()]);
    theirs = await connect(asker);
    own = await connect(other);
  });
  afterAll(async () => {
    for (const { call } of [attached, otherAttached]) call.on('error', () => {}).cancel();
    await at.stop();
  });

  it('is listed and watched by its ends and by who reads the network, and by no other session', async () => {
    expect(await toldTo(asker.as)).toEqual([theirs]);
    expect(await toldTo(other.as)).toEqual([own]);
    expect(await toldTo(target.as)).toEqual([theirs, own]);
    const observer = await makeMember(at, { number: 4, roles: ['observer'] });
    expect(await toldTo(observer.as)).toEqual([theirs, own]);
  });

  it.each<[string, (connectionId: string) => Promise<unknown>]>([
    ['GetConnection', (connectionId) => ask(at, Network.getConnection, { connectionId }, other.as)],
    [
      'DirectConnection to its peer',
      (connectionId) => {
        const again = { cvid: target.sid, type: 1, connectionId, publicKey: keyOf(2).publicKey };
        const request = DirectConnectionRequest.fromPartial(again);
        return ask(at, Network.directConnection, request, other.as);
      },
    ],
    [
      'ReportLink of its peer',
      (connectionId) => {
        const request = { ...(REQUESTS.ReportLink(target) as object), state: 1, connectionId };
        return ask(at, Network.reportLink, request as never, other.as);
      },
    ],
  ])('is answered by %s, when it is named, as one that never was', async (_method, call) => {
    const refusal = async (id: string) => textOf(refusalOf(await call(id).catch((error) => error)));
    const absent = await refusal(NOWHERE.connection);
    expect(absent).toContain('CONNECTION_NOT_FOUND');
    expect((await refusal(theirs)).replaceAll(theirs, NOWHERE.connection)).toBe(absent);
  });

  it('gives the other end an order that no other session can answer, nor tell from one that never was', async () => {
    const pending = await askFor(asker);
    for (const member of [other, asker]) {
      const refusal = async (orderId: string) => {
        const { reason, message } = await refused(
          ask(at, Sessions.answer, AnswerRequest.fromPartial({ orderId }), member.as),
        );
        return `${reason}: ${message.replace(orderId, 'NAMED')}`;
      };
      const absent = await refusal(NOWHERE.order);
      expect(absent).toMatch(/^ORDER_NOT_FOUND: /);
      expect(await refusal(pending.orderId)).toBe(absent);
    }
    await ask(at, Sessions.answer, AnswerRequest.fromPartial({ orderId: pending.orderId }), target.as);
    expect((await pending.asked).request?.peerCvid).toBe(target.sid);
  });
});
