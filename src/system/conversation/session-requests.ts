import { Checked } from '../../core/decide/check.js';
import { Fault } from '../../core/model/fault.js';
import { CloseReason, identityOf } from '../../core/model/session.js';
import { authenticate } from '../../replica/access/token.js';
import type { ProofMessage } from '../../trust/server/proofs.js';
import type { EventBody } from '../codec/event.js';
import type { SystemBacking } from './backing.js';
import type { Conversation } from './conversation.js';
import { principalOf, proofMessage } from './identity-requests.js';
import type { Handler, SessionHandler } from './request.js';

type WatchBody = NonNullable<EventBody<'Session'>['watch']>;

/** Opens a session, which then has this connection as its attachment. */
export const session: Handler<'Session'> = async ({ backing, body, packetId }, conversation) => {
  if (conversation.state !== 'new')
    return new Fault('OUT_OF_ORDER', 'this connection has a session, or is opening one');
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
  conversation.move('begin');
  const wanted = {
    uuid: body.instanceUuid,
    type: body.instanceType,
    flavor: body.instanceFlavor ?? 0,
    ttlMs: body.ttlMs ?? 0,
    name: body.name ?? '',
    labels: Object.fromEntries(labels.map(({ key, value }) => [key, value])),
    proof: body.proof && proofMessage(body.proof),
  };
  const vouched = await conversation.acceptCertificate();
  const opened = vouched instanceof Fault ? vouched : await opening.open({ ...wanted, vouched }, conversation.origin);
  if (opened instanceof Fault) {
    conversation.move('refuse');
    return opened;
  }
  const { sid, ttlMs, streamId, keyId } = opened.session;
  if (keyId !== undefined) conversation.show(identityOf(opened.session));
  const { serverSid, serverUuid } = replica.homes.shown(opened.session);
  const data = {
    instanceSid: sid,
    serverSid,
    serverUuid,
    sessionToken: opened.token,
    ttlMs,
    streamId,
    position: opened.position,
    identity: principalOf(replica.state, backing.gatekeeper.network.name, opened.session),
  };
  // Nobody else has its token: without the Answer it would only wait for its TTL.
  const takeBack = () => replica.takeBack({ kind: 'CloseSession', sid, reason: CloseReason.TERMINATED });
  const delivered = (isSent: boolean) => {
    if (!isSent) takeBack();
  };
  return { data, after: () => conversation.enter(sid, watch, packetId), delivered };
};

/** Renews the session of this connection, or goes on here with one that had another. */
export const keepAlive: Handler<'KeepAlive'> = ({ backing, body, packetId }, conversation) => {
  const { replica, shares, gatekeeper } = backing;
  const { sessionToken, watch, proof } = body;
  const checked = new Checked(replica.state.limits);
  checkWatch(checked, watch);
  const wrong = Fault.fields(checked.violations);
  if (wrong !== undefined) return wrong;
  const sid =
    sessionToken === undefined
      ? conversation.sid
      : authenticate(replica.state, sessionToken, gatekeeper.network.number);
  if (sid instanceof Fault) return sid;
  if (sid === undefined) return new Fault('SESSION_TOKEN_MISSING', 'without a session, KeepAlive has session_token');
  if (sid !== conversation.sid && conversation.state !== 'new') {
    return new Fault('OUT_OF_ORDER', 'this connection has another session, or is opening one');
  }
  const goOn = (proved?: string) => {
    const asker = {
      sid,
      isAdmin: false,
      origin: conversation.origin,
      hasShown: (uuid: string) => uuid === proved || conversation.hasShown(uuid),
    };
    const refused = gatekeeper.admitShown('KeepAlive', asker);
    if (refused !== undefined) return refused;
    if (!replica.renew(sid)) return new Fault('SESSION_EXPIRED', `session ${sid} has expired`);
    shares.renewed(sid, conversation.origin);
    if (proved !== undefined) conversation.show(proved);
    else if (sessionToken !== undefined) conversation.vouch();
    const { ttlMs } = replica.state.sessions.living(sid);
    const after = () => {
      if (conversation.sid === undefined) conversation.enter(sid, watch, packetId);
      else if (watch !== undefined) conversation.outbox?.watch(watch, packetId);
    };
    return { data: { ttlMs, position: replica.state.position }, after };
  };
  const { access } = conversation;
  const held = replica.state.sessions.get(sid);
  if (access !== undefined && held !== undefined && access.uuid !== identityOf(held)) {
    const what = `the client certificate is of identity ${access.uuid}, the session of ${identityOf(held)}`;
    return new Fault('IDENTITY_MISMATCH', what);
  }
  // Whoever is vouched for on this connection needs none.
  const needed = proof === undefined || access !== undefined ? undefined : proofMessage(proof);
  const isEntering = conversation.sid === undefined && !replica.homes.isHere(sid);
  return needed === undefined && !isEntering ? goOn() : settleThen(backing, needed, sid, conversation, goOn);
};

/**
 * Goes on once the holder of a session has proved itself, where that is needed, and the session is at this server. No other session
 * begins on the connection meanwhile.
 */
async function settleThen<T>(
  { opening, replica }: SystemBacking,
  proof: ProofMessage | undefined,
  sid: number,
  conversation: Conversation,
  goOn: (proved?: string) => T | Fault,
): Promise<T | Fault> {
  conversation.move('begin');
  const wrong = proof && (await opening.prover.proveHolder(proof, sid, conversation.origin));
  // What it has proved counts on the connection once it is let in.
  const proved = proof && wrong === undefined ? identityOf(replica.state.sessions.living(sid)) : undefined;
  const fault = wrong ?? (conversation.sid === undefined ? await replica.adopt(sid) : undefined);
  const outcome = fault ?? goOn(proved);
  if (outcome instanceof Fault) conversation.move('refuse');
  return outcome;
}

function checkWatch(checked: Checked, watch: WatchBody | undefined): void {
  watch?.cvids?.forEach((cvid, at) => void checked.sid(`watch.cvids[${at}]`, cvid));
}

/** Ends the session of this connection. Its end is durable before it is answered; then the connection is closed. */
export const terminateSession: SessionHandler<'TerminateSession'> = async ({ backing, body, sid }, conversation) => {
  const { replica } = backing;
  const { cvid = 0 } = body;
  if (cvid !== 0 && cvid !== sid) {
    const refused = backing.gatekeeper.refuseTermination(conversation, cvid);
    if (refused !== undefined && refused.reason !== 'ADMIN_REQUIRED') return refused;
    const why = refused?.message ?? 'over system events only the own session can be terminated';
    return new Fault('ADMIN_REQUIRED', `${why}: call TerminateSession over gRPC`, [], undefined, refused?.metadata);
  }
  conversation.move('terminate');
  const outcome = await replica.enforce({ kind: 'CloseSession', sid, reason: CloseReason.TERMINATED });
  // It may have ended meanwhile for another reason: that is what was asked for.
  if (outcome instanceof Fault && replica.state.sessions.get(sid) !== undefined) {
    conversation.move('keep');
    return outcome;
  }
  if (!(outcome instanceof Fault)) await backing.relay.settled(outcome);
  return { data: { position: replica.state.position }, delivered: () => conversation.end() };
};
