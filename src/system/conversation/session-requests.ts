import { Checked } from '../../core/decide/check.js';
import { Fault } from '../../core/model/fault.js';
import { CloseReason } from '../../core/model/session.js';
import { authenticate } from '../../replica/token.js';
import type { ProofMessage } from '../../trust/server/proofs.js';
import type { EventBody } from '../codec/event.js';
import type { Backing } from './backing.js';
import { principalOf, proofMessage } from './identity-requests.js';
import type { Peer } from './peer.js';
import type { Handler, SessionHandler } from './request.js';

type WatchBody = NonNullable<EventBody<'Session'>['watch']>;

/** Opens a session, which then has this connection as its attachment. */
export const session: Handler<'Session'> = async ({ backing, peer, body, packetId }) => {
  if (!peer.isNew) return new Fault('OUT_OF_ORDER', 'this connection has a session, or is opening one');
  const { replica, opening } = backing;
  const { labels = [], watch } = body;
  const checked = new Checked(replica.state.limits);
  const keys = new Set<string>();
  for (const { key } of labels) {
    if (keys.has(key)) checked.wrong(`labels[${JSON.stringify(key)}]`, 'the key is there twice');
    keys.add(key);
  }
  checkWatch(checked, watch);
  const wrong = Fault.fields(checked.violations);
  if (wrong !== undefined) return wrong;
  peer.isNew = false;
  const wanted = {
    uuid: body.instanceUuid,
    type: body.instanceType,
    flavor: body.instanceFlavor ?? 0,
    ttlMs: body.ttlMs ?? 0,
    name: body.name ?? '',
    labels: Object.fromEntries(labels.map(({ key, value }) => [key, value])),
    proof: body.proof && proofMessage(body.proof),
  };
  const opened = await opening.open(wanted, peer.origin);
  if (opened instanceof Fault) {
    peer.isNew = true;
    return opened;
  }
  const { sid, ttlMs, streamId, uuid, keyId } = opened.session;
  if (keyId !== undefined) peer.show(uuid);
  const { serverSid, serverUuid } = replica.state;
  const data = {
    instanceSid: sid,
    serverSid,
    serverUuid,
    sessionToken: opened.token,
    ttlMs,
    streamId,
    position: opened.position,
    identity: principalOf(replica.state, opened.session),
  };
  // Nobody else has its token: without the Answer it would only wait for its TTL.
  const takeBack = () => replica.takeBack({ kind: 'CloseSession', sid, reason: CloseReason.TERMINATED });
  const delivered = (isSent: boolean) => {
    if (!isSent) takeBack();
  };
  return { data, after: () => peer.enter(sid, watch, packetId), delivered };
};

/** Renews the session of this connection, or goes on here with one that had another. */
export const keepAlive: Handler<'KeepAlive'> = ({ backing, peer, body, packetId }) => {
  const { replica, shares, gatekeeper } = backing;
  const { sessionToken, watch, proof } = body;
  const checked = new Checked(replica.state.limits);
  checkWatch(checked, watch);
  const wrong = Fault.fields(checked.violations);
  if (wrong !== undefined) return wrong;
  const sid = sessionToken === undefined ? peer.sid : authenticate(replica.state, sessionToken);
  if (sid instanceof Fault) return sid;
  if (sid === undefined) return new Fault('SESSION_TOKEN_MISSING', 'without a session, KeepAlive has session_token');
  if (sid !== peer.sid && !peer.isNew) {
    return new Fault('OUT_OF_ORDER', 'this connection has another session, or is opening one');
  }
  const goOn = () => {
    const asker = { sid, isAdmin: false, origin: peer.origin, hasShown: (uuid: string) => peer.hasShown(uuid) };
    const refused = gatekeeper.admitShown('KeepAlive', asker);
    if (refused !== undefined) return refused;
    if (!replica.leases.renew(sid)) return new Fault('SESSION_EXPIRED', `session ${sid} has expired`);
    shares.renewed(sid, peer.origin);
    if (sessionToken !== undefined) peer.vouch();
    const { ttlMs } = replica.state.sessions.get(sid)!;
    const after = () => {
      if (peer.sid === undefined) peer.enter(sid, watch, packetId);
      else if (watch !== undefined) peer.watch(watch, packetId);
    };
    return { data: { ttlMs, position: replica.state.position }, after };
  };
  return proof === undefined ? goOn() : proveThen(backing, proofMessage(proof), sid, peer, goOn);
};

/** Goes on once the holder of a session has proved itself. No other session begins on the connection meanwhile. */
async function proveThen<T>(
  { opening, replica }: Backing,
  proof: ProofMessage,
  sid: number,
  peer: Peer,
  goOn: () => T | Fault,
): Promise<T | Fault> {
  const wasNew = peer.isNew;
  peer.isNew = false;
  const fault = await opening.prover.proveHolder(proof, sid, peer.origin);
  if (fault === undefined) peer.show(replica.state.sessions.get(sid)!.uuid);
  const outcome = fault ?? goOn();
  if (outcome instanceof Fault) peer.isNew = wasNew;
  return outcome;
}

function checkWatch(checked: Checked, watch: WatchBody | undefined): void {
  watch?.cvids?.forEach((cvid, at) => void checked.sid(`watch.cvids[${at}]`, cvid));
}

/** Ends the session of this connection. Its end is durable before it is answered; then the connection is closed. */
export const terminateSession: SessionHandler<'TerminateSession'> = async ({ backing, peer, body }, sid) => {
  const { replica } = backing;
  const { cvid = 0 } = body;
  if (cvid !== 0 && cvid !== sid) {
    if (!backing.gatekeeper.sees(peer, cvid)) return new Fault('SESSION_NOT_FOUND', `no session ${cvid}`);
    return new Fault('ADMIN_REQUIRED', 'there are no administrators here: only the own session can be terminated');
  }
  peer.terminating();
  const outcome = await replica.enforce({ kind: 'CloseSession', sid, reason: CloseReason.TERMINATED });
  // It may have ended meanwhile for another reason: that is what was asked for.
  if (outcome instanceof Fault && replica.state.sessions.get(sid) !== undefined) {
    peer.goesOn();
    return outcome;
  }
  return { data: { position: replica.state.position }, delivered: () => peer.end() };
};
