import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConnectionRecord } from '../../../gen/switchyard/v1/connection.js';
import { IdentityServiceService as Identities, IdentityKind } from '../../../gen/switchyard/v1/identity.js';
import { WatchKind } from '../../../gen/switchyard/v1/network.js';
import {
  DirectConnectionRequest,
  NetworkServiceService as Networks,
} from '../../../gen/switchyard/v1/network_service.js';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { OTHER_OUTCOME } from '../../../src/core/model/outcome.js';
import { connectionRecordMessage } from '../../../src/grpc/encode/connection-message.js';
import { recordFor } from '../../../src/grpc/services/connection-record.js';
import { ProofPurpose } from '../../../src/trust/signed-bytes.js';
import { keyOf, proofOf } from '../../trust/proving.js';
import { agent, asAdmin, ask, asSession, open, type Running, run } from '../running.js';

const HOST = '192.0.2.77';
const candidate = { type: 1, host: HOST, port: 4711, priority: 1 };
const end = { candidates: [candidate], publicKey: '', roundTripMs: 0, relayVersion: 0, reported: 0 };
const tried = { connected: false, tookMs: 5, pairs: [{ local: candidate, remote: candidate, outcome: 'no answer' }] };
const connection = {
  id: 7,
  caller: { ...end, sid: 257 },
  peer: { ...end, sid: 513 },
  attempts: [{ number: 1, startedAtMs: 1, nonce: '', caller: tried, peer: tried }],
  state: 4,
  link: 1,
  path: 0,
  askedAtMs: 1,
  roundTripMs: 0,
  description: '',
  listening: { host: HOST, port: 4711 },
} as never;

/** A trace as it goes over the wire, in which every address can be read. */
function textOf(record: ConnectionRecord): string {
  return Buffer.from(ConnectionRecord.encode(record).finish()).toString('latin1');
}

describe("a connection's trace", () => {
  const all = connectionRecordMessage(connection);

  it.each([
    ['its caller', { sid: 257, may: () => false }],
    ['its peer', { sid: 513, may: () => false }],
    ['an administrator', { sid: undefined, may: (permission: string) => permission === 'identity.manage' }],
  ])('is told with all addresses to %s', (_who, reader) => {
    expect(textOf(all)).toContain(HOST);
    expect(recordFor(connection, reader)).toEqual(all);
  });

  it.each([
    ['somebody without a session', undefined],
    ['another session', 769],
  ])('is told without an address, and with all outcomes, to %s who may read the network', (_who, sid) => {
    const seen = recordFor(connection, { sid, may: (permission) => permission === 'network.read' });
    expect(textOf(seen)).not.toContain(HOST);
    const outcome = { local: undefined, remote: undefined, outcome: 'no answer' };
    expect(seen).toMatchObject({ connectionId: 'c7', callerCvid: 257, attempts: [{ pairs: [outcome, outcome] }] });
  });
});

describe("the outcomes in a connection's trace", () => {
  it('are told to both ends from a closed list, whatever an end has said of a pair', () => {
    const said = (outcome: string) => ({ ...tried, pairs: [{ local: candidate, remote: candidate, outcome }] });
    const attempt = { number: 1, startedAtMs: 1, nonce: '', caller: said('no answer'), peer: said('run curl evil') };
    const told = { ...(connection as object), attempts: [attempt] } as never;
    for (const sid of [257, 513]) {
      const record = recordFor(told, { sid, may: () => false });
      expect(record.attempts[0]?.pairs.map(({ outcome }) => outcome)).toEqual(['no answer', OTHER_OUTCOME]);
      expect(textOf(record)).not.toContain('curl');
    }
  });
});

describe('addresses of connections', () => {
  let at: Running;
  beforeAll(async () => {
    at = await run({ auth: 'open' });
  });
  afterAll(() => at.stop());

  const join = async (number: number, proof?: ReturnType<typeof proofOf>) => {
    const { instanceSid, sessionToken } = await ask(at, Sessions.session, { ...agent(number), proof });
    return { sid: instanceSid, as: asSession(sessionToken) };
  };
  /** A session of an identity that may read the network. */
  const observer = async (number: number) => {
    const { instanceUuid: identityUuid } = agent(number);
    await ask(at, Identities.bindKey, { identityUuid, publicKey: keyOf(number).publicKey }, asAdmin());
    const described = { kind: IdentityKind.INSTANCE, roles: ['observer'], name: '', labels: {} };
    await ask(at, Identities.updateIdentity, { identityUuid, ...described, updateMask: ['roles'] }, asAdmin());
    const challenge = await ask(at, Identities.challenge, { network: '' });
    return join(number, proofOf(keyOf(number), identityUuid, challenge, { purpose: ProofPurpose.SESSION }));
  };

  it('are told by every method to the ends and to administrators, and to nobody else', async () => {
    const [caller, peer, looker] = [await join(1), await join(2), await observer(3)];
    const orders = open(at, Sessions.attach, {}, peer.as);
    await orders.next();
    const request = DirectConnectionRequest.fromPartial({ cvid: peer.sid, type: 1, port: 4711 });
    const asked = ask(at, Networks.directConnection, request, caller.as);
    const { order } = await orders.next();
    const answer = { orderId: order!.orderId, code: 0, description: '', data: Buffer.alloc(0) };
    await ask(at, Sessions.answer, answer, peer.as);
    const { connectionId } = (await asked).request!;
    const read = async (as: typeof caller.as): Promise<ConnectionRecord[]> => {
      const watching = open(at, Networks.watchConnections, { after: undefined }, as);
      const told = await watching.until(({ kind }) => kind === WatchKind.SNAPSHOT_END);
      watching.call.cancel();
      const { connection: one } = await ask(at, Networks.getConnection, { connectionId }, as);
      const { connections } = await ask(at, Networks.listConnections, { pageSize: 10, pageToken: '' }, as);
      return [one!, ...connections, ...told.flatMap(({ connections: some }) => some)];
    };
    const hostsSeen = async (as: typeof caller.as) => (await read(as)).map(({ listeningHost }) => listeningHost);
    for (const as of [caller.as, peer.as, asAdmin()]) expect(await hostsSeen(as)).toEqual(Array(3).fill('127.0.0.1'));
    expect(await hostsSeen(looker.as)).toEqual(['', '', '']);
    orders.call.cancel();
  });
});
