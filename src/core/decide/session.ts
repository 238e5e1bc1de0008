import type { Change } from '../model/change.js';
import type { CloseSession, FoundNetwork, OpenSession } from '../model/command.js';
import { Fault } from '../model/fault.js';
import { LinkType, orderedLink } from '../model/link.js';
import { CloseReason, type Session } from '../model/session.js';
import { StopReason, type Stream } from '../model/stream.js';
import type { ProvenKey } from '../model/trust/identity.js';
import { poolOf } from '../store/sid.js';
import type { State } from '../store/state.js';
import { initialStream } from '../store/streams.js';
import { leaveConnections } from './parting.js';
import { admitOpener } from './policy/opener.js';
import { emptied, FOUNDER_SID, homeAt, homeOf, refuseHome } from './server.js';

/** How long a client should wait before it asks again for something that all is in use of. */
const EXHAUSTED_RETRY_MS = 5_000;

/** Names the network and makes the server's node. The first command of a journal, and only that. */
export function foundNetwork(state: State, command: FoundNetwork): Change[] {
  if (state.revision !== 0) throw new Error('a network is founded once');
  const { epoch, serverUuid } = command;
  return [{ kind: 'NetworkFounded', epoch, serverUuid, serverSid: FOUNDER_SID }];
}

/** What an opening begins with: what binds the opener's key, the instance's earlier session, and the SID of the new one. */
interface Admitted {
  readonly changes: readonly Change[];
  readonly before: Session | undefined;
  readonly sid: number;
}

/** Why a session may not be opened now; undefined when it may. It costs far less than to decide all that would come of it. */
export function refuseOpening(state: State, command: OpenSession): Fault | undefined {
  const admitted = admit(state, command);
  return admitted instanceof Fault ? admitted : undefined;
}

/** The new SID is chosen while the earlier session's is still taken, so it is always another one. */
function admit(state: State, command: OpenSession): Admitted | Fault {
  const before = state.sessions.ofInstance(command.uuid);
  const changes = admitOpener(state, command, before);
  if (changes instanceof Fault) return changes;
  const { limits } = state;
  const { server = state.serverSid } = command;
  const lost = refuseHome(state, server);
  if (lost !== undefined) return lost;
  if (before === undefined && state.sessions.count >= limits.sessionsMax) {
    return new Fault('SESSION_LIMIT', `${limits.sessionsMax} sessions are the limit`, [], EXHAUSTED_RETRY_MS);
  }
  const sid = state.sids.peek(poolOf(command.type, command.flavor));
  if (sid === undefined) {
    const message = `no SID is left for type ${command.type}, flavor ${command.flavor}`;
    return new Fault('SID_EXHAUSTED', message, [], EXHAUSTED_RETRY_MS);
  }
  return { changes, before, sid };
}

/** Opens a session for who may open it; the instance's earlier one goes in the same revision. */
export function openSession(state: State, command: OpenSession, revision: number): Change[] | Fault {
  const admitted = admit(state, command);
  if (admitted instanceof Fault) return admitted;
  const { before, sid } = admitted;
  const { server = state.serverSid } = command;
  const session: Session = {
    sid,
    uuid: command.uuid,
    ttlMs: command.ttlMs,
    name: command.name,
    labels: command.labels,
    tokenHash: command.tokenHash,
    openedAtMs: command.atMs,
    openedRevision: revision,
    streamId: sid,
    ...(command.proven && provenOf(command.uuid, command.proven)),
    ...homeAt(state, server),
  };
  const ended = before === undefined ? [] : endSession(state, before, CloseReason.SUPERSEDED, revision);
  // A session may have had thousands of links: they are not handed over as so many arguments.
  const changes = admitted.changes.length === 0 ? ended : [...admitted.changes, ...ended];
  changes.push(
    { kind: 'SessionOpened', session },
    { kind: 'LinkAdded', link: orderedLink(sid, server, LinkType.CONTROL_TCP) },
    { kind: 'StreamPut', stream: initialStream(session) },
  );
  return changes;
}

/** What a session keeps of the proof that opened it. */
function provenOf(uuid: string, { identity, keyId }: ProvenKey): Pick<Session, 'keyId' | 'identity'> {
  return identity === uuid ? { keyId } : { keyId, identity };
}

/** Ends a session at once; with a home, only if it is there still. */
export function closeSession(state: State, command: CloseSession, revision: number): Change[] | Fault {
  const session = state.sessions.get(command.sid);
  if (session === undefined) return new Fault('SESSION_NOT_FOUND', `no session ${command.sid}`);
  const home = homeOf(state, session);
  if (command.home !== undefined && command.home !== home) {
    return new Fault('OUT_OF_ORDER', `session ${command.sid} is at server ${home}, not at ${command.home}`);
  }
  return endSession(state, session, command.reason, revision);
}

/** Sessions that end in one revision. */
interface Ending {
  readonly reason: CloseReason;
  readonly revision: number;
  readonly isEnding: (sid: number) => boolean;
  /** Those of them whose end is among the changes already. */
  readonly gone: ReadonlySet<number>;
}

const NOBODY: ReadonlySet<number> = new Set();

/** However a session ends: its connections end, its streams stop, its links go, and then it goes itself. */
export function endSession(state: State, session: Session, reason: CloseReason, revision: number): Change[] {
  const changes = endOf(state, session, { reason, revision, isEnding: (sid) => sid === session.sid, gone: NOBODY });
  changes.push(...emptied(state, [session]));
  return changes;
}

/**
 * Ends several sessions in one revision, in this order. What two of them have in common, a stream, a link or a connection, goes once,
 * with the first.
 */
export function endSessions(
  state: State,
  sessions: readonly Session[],
  reason: CloseReason,
  revision: number,
): Change[] {
  const ending = new Set(sessions.map(({ sid }) => sid));
  const gone = new Set<number>();
  const changes = sessions.flatMap((session): Change[] => {
    const changes = endOf(state, session, { reason, revision, isEnding: (sid) => ending.has(sid), gone });
    gone.add(session.sid);
    return changes;
  });
  changes.push(...emptied(state, sessions));
  return changes;
}

function endOf(state: State, session: Session, { reason, revision, isEnding, gone }: Ending): Change[] {
  const { sid } = session;
  const changes = leaveConnections(state, sid, reason, gone);
  const stop = (before: Stream) => {
    if (before.owner !== sid && gone.has(before.owner)) return;
    if (before.sinks.some((sink) => gone.has(sink.sid))) return;
    const sinks = isEnding(before.owner) ? [] : before.sinks.filter((sink) => !isEnding(sink.sid));
    const after = sinks.length === 0 ? undefined : { ...before, sinks, revision };
    changes.push({ kind: 'StreamStopped', before, after, reason: StopReason.SESSION_CLOSED, by: sid });
  };
  const initial = state.streams.initialOf(session);
  if (initial !== undefined) stop(initial);
  state.streams.of(sid).forEach(stop);
  for (const report of state.reports.of(sid)) {
    if (!gone.has(report.sid) && !gone.has(report.peer)) changes.push({ kind: 'LinkReportSettled', report });
  }
  for (const link of state.graph.linksOf(sid)) {
    if (!gone.has(link.a) && !gone.has(link.b)) changes.push({ kind: 'LinkRemoved', link });
  }
  changes.push({ kind: 'SessionClosed', session, reason });
  return changes;
}
