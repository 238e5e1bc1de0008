import { apply } from '../../../src/core/decide/apply.js';
import type { Change } from '../../../src/core/model/change.js';
import type { BrokeredLink, Command } from '../../../src/core/model/command.js';
import { type Connection, ConnectionState, PathKind } from '../../../src/core/model/connection.js';
import { Fault, isFault } from '../../../src/core/model/fault.js';
import { DEFAULT_LIMITS, type Limits } from '../../../src/core/model/limits.js';
import type { Order } from '../../../src/core/model/order.js';
import { State } from '../../../src/core/store/state.js';

export const LINK = 1;
export const CANDIDATE = { host: '10.0.0.1', port: 1000, type: 1, priority: 5 };
export const DRAWN = { nonce: 'n'.repeat(16), atMs: 1 };
export const { ORDERED, GATHERING, PUNCHING, ESTABLISHED, RELAYED, FAILED, CANCELLED } = ConnectionState;

export let state: State;
export let a: number;
export let b: number;
export let c: number;

export function give(command: Command): Change[] | Fault {
  const outcome = apply(state, command);
  return isFault(outcome) ? outcome : [...outcome.changes];
}

export function done(command: Command): Change[] {
  const changes = give(command);
  if (changes instanceof Fault) throw new Error(`${changes.reason}: ${changes.message}`);
  return changes;
}

export function open(n: number): number {
  const uuid = `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
  const plain = { flavor: 0, ttlMs: 1000, name: '', labels: {}, tokenHash: '', atMs: 0 };
  done({ kind: 'OpenSession', uuid, type: 2, ...plain });
  return state.sessions.ofInstance(uuid)!.sid;
}

export function found(limits: Partial<Limits> = {}): void {
  state = new State({ ...DEFAULT_LIMITS, ...limits });
  done({ kind: 'FoundNetwork', epoch: 'e', serverUuid: '00000000-0000-4000-8000-000000000000', atMs: 0 });
  [a, b, c] = [open(1), open(2), open(3)];
}

export const asking = (
  sid: number,
  peer: number,
  more: { port?: number; publicKey?: string; relayed?: number; relayVersion?: number } = {},
): Command => ({
  kind: 'AskConnection',
  sid,
  peer,
  link: LINK,
  host: '198.51.100.1',
  port: 0,
  candidates: [CANDIDATE],
  publicKey: `key of ${sid}`,
  roundTripMs: 10,
  relayVersion: 1,
  relayed: 0,
  deadlineMs: 10_000,
  ...DRAWN,
  ...more,
});

/** Asks, and answers with the id. */
export function ask(sid: number, peer: number, more = {}): number {
  done(asking(sid, peer, more));
  return state.revision;
}

export const at = (id: number): Connection => state.connections.get(id)!;
export const orderOf = (sid: number): Order => state.orders.of(sid).at(-1)!;
export const roleOf = (sid: number) => {
  const order = state.orders.of(sid).at(-1);
  return order?.body.kind === 'connection' ? order.body.role : undefined;
};

export function gather(sid: number, relayVersion = 1): Change[] {
  const brought = { candidates: [CANDIDATE], publicKey: `key of ${sid}`, roundTripMs: 20, relayVersion };
  return done({ kind: 'AnswerGather', sid, orderId: orderOf(sid).id, ...brought, ...DRAWN });
}

export function tell(sid: number, connected: boolean): Change[] {
  const pairs = [{ local: CANDIDATE, remote: CANDIDATE, outcome: connected ? 'connected' : 'no answer' }];
  const told = { connected, pairs, tookMs: 30, roundTripMs: 40 };
  return done({ kind: 'AnswerAttempt', sid, orderId: orderOf(sid).id, ...told, ...DRAWN });
}

export function answer(sid: number, code?: 'PEER_REFUSED' | 'FIELD_INVALID', description = ''): Change[] | Fault {
  return give({ kind: 'AnswerOrder', sid, orderId: orderOf(sid).id, code, description, data: new Uint8Array() });
}

export function report(
  sid: number,
  peer: number,
  established: boolean,
  brokered: Partial<BrokeredLink>,
): Change[] | Fault {
  const whole = { connection: 0, path: PathKind.DIRECT, roundTripMs: 7, failed: false, ...brokered };
  return give({ kind: 'ReportLink', sid, peer, link: LINK, established, brokered: whole });
}

/** A connection between a and b in each state that can be seen. */
export const REACHED: Readonly<Record<string, () => number>> = {
  ordered: () => ask(a, b),
  gathering: () => {
    const id = ask(a, b, { publicKey: '' });
    gather(b);
    return id;
  },
  punching: () => {
    const id = ask(a, b);
    gather(b);
    return id;
  },
  relayed: () => {
    const id = REACHED.punching!();
    for (let attempt = 0; attempt < 3; attempt++) for (const end of [a, b]) tell(end, false);
    return id;
  },
  established: () => {
    const id = REACHED.punching!();
    for (const end of [a, b]) tell(end, true);
    report(a, b, true, { connection: id });
    report(b, a, true, { connection: id });
    return id;
  },
};
export const PENDING = ['ordered', 'gathering', 'punching'] as const;
export const LIVE = [...PENDING, 'relayed', 'established'] as const;

/** What a connection may leave behind when it is over: nothing but its record. */
export function leftovers() {
  return {
    orders: [...state.orders.all()].length,
    reports: [...state.reports.all()].length,
    links: state.graph.linkCount - state.sessions.count,
    streams: state.streams.count,
    pending: state.connections.pendingCount,
  };
}
export const NOTHING = { orders: 0, reports: 0, links: 0, streams: 0, pending: 0 };
