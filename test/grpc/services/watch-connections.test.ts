import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConnectionState } from '../../../gen/switchyard/v1/connection.js';
import { WatchKind } from '../../../gen/switchyard/v1/network.js';
import {
  DirectConnectionRequest,
  NetworkServiceService as Networks,
  type WatchConnectionsResponse,
} from '../../../gen/switchyard/v1/network_service.js';
import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { ADMIN_TOKEN, agent, asAdmin, ask, asSession, open, type Reading, type Running, run } from '../running.js';

const NOTHING = Buffer.alloc(0);

describe('WatchConnections', () => {
  let at: Running;
  let number = 0;
  beforeAll(async () => {
    at = await run({ 'admin-token': ADMIN_TOKEN });
  });
  afterAll(() => at.stop());

  const join = async () => {
    const { instanceSid, sessionToken } = await ask(at, Sessions.session, agent(++number));
    const orders = open(at, Sessions.attach, {}, asSession(sessionToken));
    await orders.next();
    return { sid: instanceSid, as: asSession(sessionToken), orders };
  };
  type Joined = Awaited<ReturnType<typeof join>>;
  const watch = (as = asAdmin(), after?: WatchConnectionsResponse['position']) =>
    open(at, Networks.watchConnections, { after }, as);
  /** Asks for a connection to which the peer says yes. */
  const connect = async (caller: Joined, peer: Joined) => {
    const request = DirectConnectionRequest.fromPartial({ cvid: peer.sid, type: 1, port: 4711 });
    const asked = ask(at, Networks.directConnection, request, caller.as);
    const { order } = await peer.orders.next();
    const answer = { orderId: order!.orderId, code: 0, description: '', data: NOTHING };
    await ask(at, Sessions.answer, answer, peer.as);
    return (await asked).request!.connectionId;
  };
  /** Reads up to the message in which a connection has this state. */
  const reach = async (reading: Reading<WatchConnectionsResponse>, state: number) =>
    (await reading.until(({ connections }) => connections.some((one) => one.state === state))).slice(-1)[0];

  it('tells a session of its own connections and an administrator of all, from the request to the end', async () => {
    const [caller, peer, stranger] = [await join(), await join(), await join()];
    const readings = [watch(), watch(caller.as), watch(peer.as)];
    const strange = watch(stranger.as);
    for (const reading of [...readings, strange]) await reading.until(({ kind }) => kind === WatchKind.SNAPSHOT_END);
    const connectionId = await connect(caller, peer);
    for (const reading of readings) {
      const { connections } = await reach(reading, ConnectionState.PUNCHING);
      expect(connections.at(-1)).toMatchObject({ connectionId, callerCvid: caller.sid, peerCvid: peer.sid });
    }
    await ask(at, Sessions.terminateSession, { cvid: 0, reason: '' }, peer.as);
    for (const reading of readings.slice(0, 2)) {
      expect((await reach(reading, ConnectionState.CANCELLED)).connections.at(-1)).toMatchObject({ connectionId });
    }
    // A session's watch ends with it, after the ends of its connections.
    await reach(readings[2], ConnectionState.CANCELLED);
    expect(await readings[2].ending()).toMatchObject({ reason: 'SESSION_TERMINATED' });
    const other = await connect(caller, stranger);
    expect((await reach(strange, ConnectionState.PUNCHING)).connections.map((one) => one.connectionId)).toEqual(
      expect.arrayContaining([other]),
    );
    for (const reading of [...readings.slice(0, 2), strange]) reading.call.cancel();
  });

  it('begins with those that can be read, and resumes without a gap', async () => {
    const [caller, peer] = [await join(), await join()];
    const connectionId = await connect(caller, peer);
    const first = watch(caller.as);
    const begun = await first.until(({ kind }) => kind === WatchKind.SNAPSHOT_END);
    expect(begun.flatMap(({ connections }) => connections)).toMatchObject([{ connectionId }]);
    first.call.cancel();
    const { position } = begun.at(-1)!;
    const quiet = watch(caller.as, position);
    expect(await quiet.next()).toMatchObject({ kind: WatchKind.BOOKMARK, committedAt: expect.any(Date) });
    quiet.call.cancel();
    const report = {
      peerCvid: caller.sid,
      link: 1,
      state: 2,
      connectionId,
      path: 0,
      roundTrip: undefined,
      failed: true,
    };
    await ask(at, Networks.reportLink, report, peer.as);
    const again = watch(caller.as, position);
    const { kind, connections } = await again.next();
    expect([kind, connections.at(-1)?.state]).toEqual([WatchKind.DELTA, ConnectionState.FAILED]);
    again.call.cancel();
  });
});
