import type { Change } from '../model/change.js';
import type { AddServer, LoseServer, MoveSession } from '../model/command.js';
import { Fault } from '../model/fault.js';
import { LinkType, orderedLink } from '../model/link.js';
import { type NetworkServer, SERVERS_MAX } from '../model/server.js';
import type { Session } from '../model/session.js';
import { makeSid, poolOf, SERVER_TYPE } from '../store/sid.js';
import type { State } from '../store/state.js';
import type { StateView } from '../store/state-view.js';

/** The first server of a network. */
export const FOUNDER_SID = makeSid(SERVER_TYPE, 0, 1);

/** Delay before a client asks a server again that does not count as one: it joins anew as soon as it hears of it. */
const LOST_RETRY_MS = 1_000;

/** A server serves: with the node that its UUID has, or with a new one. */
export function addServer(state: State, { uuid, name }: AddServer): Change[] | Fault {
  const { servers, sids } = state;
  const before = servers.ofUuid(uuid);
  if (before !== undefined) {
    if (before.isLive && before.name === name) return [];
    return [{ kind: 'ServerChanged', server: { ...before, name, isLive: true } }];
  }
  if (servers.count >= SERVERS_MAX) return new Fault('SID_EXHAUSTED', `${SERVERS_MAX} servers are the limit`);
  const sid = sids.peek(poolOf(SERVER_TYPE, 0));
  if (sid === undefined) return new Fault('SID_EXHAUSTED', 'no SID is left for a server');
  return [{ kind: 'ServerAdded', server: { sid, uuid, name, isLive: true } }];
}

/**
 * A server is lost: its links to other servers go. Its sessions are not touched, however many they are: its node stays until the last
 * of them has moved or ended. The last one that serves cannot be lost: a snapshot without servers is that of the founder alone.
 */
export function loseServer(state: State, { sid }: LoseServer): Change[] | Fault {
  const { servers, reports } = state;
  const before = servers.get(sid);
  if (before === undefined || !before.isLive) return [];
  if (!isOtherLive(state, sid)) return new Fault('OUT_OF_ORDER', `server ${sid} is the only one that serves`);
  const server: NetworkServer = { ...before, isLive: false };
  return [
    ...reports.of(sid).map((report): Change => ({ kind: 'LinkReportSettled', report })),
    ...servers.peersOf(sid).map((peer): Change => {
      return { kind: 'LinkRemoved', link: orderedLink(sid, peer, LinkType.CONTROL_TCP) };
    }),
    servers.sessionsAt(sid) === 0 ? { kind: 'ServerRemoved', server: before } : { kind: 'ServerChanged', server },
  ];
}

function isOtherLive({ servers }: State, than: number): boolean {
  for (const { sid, isLive } of servers.all()) if (isLive && sid !== than) return true;
  return false;
}

/** A session moves to another server, with everything that it has. */
export function moveSession(state: State, { sid, server }: MoveSession): Change[] | Fault {
  const before = state.sessions.get(sid);
  if (before === undefined) return new Fault('SESSION_NOT_FOUND', `no session ${sid}`);
  const from = homeOf(state, before);
  if (from === server) return [];
  const refused = refuseHome(state, server);
  if (refused !== undefined) return refused;
  const { home: _, ...rest } = before;
  const session: Session = { ...rest, ...homeAt(state, server) };
  return [
    { kind: 'LinkRemoved', link: orderedLink(sid, from, LinkType.CONTROL_TCP) },
    { kind: 'SessionMoved', session, from },
    { kind: 'LinkAdded', link: orderedLink(sid, server, LinkType.CONTROL_TCP) },
    ...emptied(state, [before]),
  ];
}

/** The server that a session is at. */
export function homeOf(
  { serverSid }: Pick<StateView, 'serverSid'>,
  { home = serverSid }: Pick<Session, 'home'>,
): number {
  return home;
}

/** How a session says that it is at a server. */
export function homeAt({ serverSid }: Pick<StateView, 'serverSid'>, server: number): Pick<Session, 'home'> {
  return server === serverSid ? {} : { home: server };
}

/** Why no session can be at a server now. */
export function refuseHome({ servers }: Pick<StateView, 'servers'>, server: number): Fault | undefined {
  if (servers.isLive(server)) return undefined;
  return new Fault('SERVER_CUT_OFF', `server ${server} is not one of the network now`, [], LOST_RETRY_MS);
}

/** The lost servers that go with these sessions: the last that were there. */
export function emptied(state: State, leaving: readonly Session[]): Change[] {
  const counts = new Map<number, number>();
  for (const session of leaving) {
    const home = homeOf(state, session);
    if (!state.servers.isLive(home)) counts.set(home, (counts.get(home) ?? 0) + 1);
  }
  return [...counts].flatMap(([sid, count]): Change[] => {
    const server = state.servers.get(sid);
    return server === undefined || state.servers.sessionsAt(sid) > count ? [] : [{ kind: 'ServerRemoved', server }];
  });
}
