import type { FollowerHandler, ForwardedCommand } from '../../../src/cluster/peers.js';
import type { Change } from '../../../src/core/model/change.js';
import { CloseReason } from '../../../src/core/model/session.js';
import { decodeRecord, encodeRecord } from '../../../src/journal/format/record.js';
import type { Journal } from '../../../src/journal/journal.js';
import type { EtcdStore, Transaction } from '../../../src/log/etcd/store.js';
import type { FollowedLog, LogSlice, LogTail, Term } from '../../../src/log/shared-log.js';
import { LOG_MUTATIONS } from './log-mutations.js';
import { type ClusterServer, type ClusterTampering, wholeLog, withTail } from './server.js';

/** A fault that somebody could have made between a server's parts, with a world that meets it. */
export interface ClusterMutation extends ClusterTampering {
  readonly name: string;
  readonly seed: number;
  readonly minutes: number;
  /** The check that finds it there. */
  readonly finds: string;
}

/** The incarnation of a follower as a leader takes it that does not remember over links. */
const OTHER_INCARNATION = 0x5555_5555;

/** Longer than a session lives that nobody renews. */
const FORMER_MS = 25_000;

/** Far below what a server may be behind and in touch, and far above the time until a client's next step. */
export const LATE_MS = 1_500;

/** Deliberate faults of servers that follow and lead. */
export const CLUSTER_MUTATIONS: readonly ClusterMutation[] = [
  {
    name: 'take a term for begun before what is left of the one before is read',
    seed: 7,
    minutes: 3,
    finds: 'Current',
    log: (log) => withTail(log, (tail) => new HastyTail(tail, log)),
  },
  {
    name: 'forget with the link which commands were taken',
    seed: 1,
    minutes: 10,
    finds: 'Once',
    handler: (handler, nth) =>
      nth === 0
        ? handler
        : received(handler, (one) => ({ ...one, incarnation: (one.incarnation ^ OTHER_INCARNATION) >>> 0 })),
  },
  {
    name: 'take what is applied for everything that was acknowledged',
    seed: 1,
    minutes: 10,
    finds: 'Current',
    current: () => Promise.resolve(undefined),
  },
  {
    name: 'let leases end of sessions that are attached at a follower',
    seed: 2,
    minutes: 1,
    finds: 'Leased',
    handler: (handler) => received(handler, (one) => ({ ...one, attached: [], attachedMs: [], renewed: [] })),
  },
  {
    name: 'let leases end that a follower may have renewed which is not heard of',
    seed: 2,
    minutes: 2,
    finds: 'Leased',
    leading: ({ leases }) => {
      leases.unheardUntilMs = () => Number.NEGATIVE_INFINITY;
    },
  },
  {
    name: 'let a server end a session that has left it',
    seed: 1,
    minutes: 4,
    finds: 'Leased',
    changed: expireFormer,
    handler: (handler) => received(handler, (one) => ({ ...one, commands: one.commands.map(withoutHome) })),
  },
  {
    name: 'vouch for sessions without the log',
    seed: 8,
    minutes: 3,
    finds: 'Fresh',
    isInTouch: () => true,
  },
  {
    name: 'forget how far the log was when it ends earlier',
    seed: 1,
    minutes: 30,
    finds: 'Renewed',
    isForgetful: true,
  },
  {
    name: 'decide before everything is applied that the follower had which forwards',
    seed: 8,
    minutes: 2,
    finds: 'Known',
    handler: (handler) => received(handler, (one) => ({ ...one, revision: 0 })),
  },
  {
    name: 'let a leader vouch for the log by what it has applied',
    seed: 3,
    minutes: 3,
    finds: 'Current',
    current: (member) => (member.role === 'leading' ? Promise.resolve(undefined) : member.current()),
  },
  {
    name: 'append without a fence',
    seed: 1,
    minutes: 5,
    finds: 'Fenced',
    store: withoutFence,
  },
  {
    name: 'pass over the batch that a term begins with',
    seed: 1,
    minutes: 0.5,
    finds: 'Converged',
    log: (log) => withTail(log, (tail) => ({ read: async () => withoutBarrier(await tail.read()) })),
  },
  {
    name: 'answer before the append is in the log',
    seed: 1,
    minutes: 5,
    finds: 'Kept',
    log: (log) => ({ ...wholeLog(log), lead: async (signal) => hasty(await log.lead(signal)) }),
  },
  {
    name: 'forward to the leader of yesterday',
    seed: 5,
    minutes: 3,
    finds: 'Converged',
    log: (log) => withTail(log, (tail) => new LateTail(tail)),
  },
  {
    name: 'take a branch that is dialled again for one that has had nothing',
    seed: 1,
    minutes: 10,
    finds: 'Carried',
    dialled: (request) => ({ ...request, blocks: request.blocks === undefined ? undefined : 0 }),
  },
  {
    name: 'refuse the end of a stream by what is applied',
    seed: 1,
    minutes: 3,
    finds: 'Carried',
    relayCurrent: async () => undefined,
    lateMs: LATE_MS,
  },
  {
    name: 'forget who is attached at a follower',
    seed: 1,
    minutes: 1,
    finds: 'Brokered',
    handler: (handler) => received(handler, (one) => ({ ...one, attached: [], attachedMs: [] })),
  },
  {
    name: 'tell a follower that comes of no sessions that are attached at other followers',
    seed: 1,
    minutes: 1,
    finds: 'Attached',
    leading: ({ attachments }) => {
      attachments.others.sids = () => [];
    },
  },
  {
    name: 'take an answer to an order that is not known yet for a plain yes',
    seed: 1,
    minutes: 1,
    finds: 'Brokered',
    orderFor: (state) => async (sid, orderId) => state.orders.get(sid, orderId),
  },
  {
    name: 'leave a batch out',
    seed: 1,
    minutes: 2,
    finds: 'Sound',
    log: (log) => withTail(log, (tail) => ({ read: async () => without(await tail.read(), 97) })),
  },
  ...LOG_MUTATIONS,
];

/** Ends each session that has left, as if its lease had gone on. */
function expireFormer(change: Change, { replica, process }: ClusterServer): void {
  const { own } = replica.homes;
  if (change.kind !== 'SessionMoved' || change.from !== own) return;
  const { sid } = change.session;
  process.clock.after(FORMER_MS, () => {
    void replica.enforce({ kind: 'CloseSession', sid, reason: CloseReason.EXPIRED, home: own });
  });
}

/** A forwarded command that does not say which home proposes it, so that nobody compares. */
function withoutHome(forwarded: ForwardedCommand): ForwardedCommand {
  const command = decodeRecord({ revision: 1, bytes: forwarded.record });
  if (command.kind !== 'CloseSession') return forwarded;
  const { home: _, ...rest } = command;
  return { ...forwarded, record: encodeRecord(1, rest).bytes };
}

/** Says that a term has begun as soon as somebody leads in it, before what is not read yet of the one before. */
class HastyTail implements LogTail {
  readonly #tail: LogTail;
  readonly #log: FollowedLog;
  #term = 0n;
  #seq = 0;
  #chain: Uint8Array = new Uint8Array();

  constructor(tail: LogTail, log: FollowedLog) {
    this.#tail = tail;
    this.#log = log;
  }

  async read(): Promise<LogSlice> {
    const ahead = await this.#log
      .tail(Number.MAX_SAFE_INTEGER - 1)
      .read()
      .catch(() => undefined);
    const leader = ahead?.leader;
    if (leader !== undefined && leader.term > this.#term && this.#seq > 0) {
      this.#term = leader.term;
      return {
        ...{ leader, revision: ahead?.revision ?? 0 },
        batches: [{ term: leader.term, seq: this.#seq, chain: this.#chain, records: [] }],
        isWhole: true,
      };
    }
    const slice = await this.#tail.read();
    this.#seq = slice.batches.at(-1)?.seq ?? this.#seq;
    this.#chain = slice.batches.at(-1)?.chain ?? this.#chain;
    return slice;
  }
}

/** Nobody notices that a term has begun. */
function withoutBarrier(slice: LogSlice): LogSlice {
  return { ...slice, batches: slice.batches.filter(({ records }) => records.length > 0) };
}

/** Whoever led when the log was read first is taken to lead for ever. */
class LateTail implements LogTail {
  readonly #tail: LogTail;
  #leader: LogSlice['leader'];

  constructor(tail: LogTail) {
    this.#tail = tail;
  }

  async read(): Promise<LogSlice> {
    const slice = await this.#tail.read();
    this.#leader ??= slice.leader;
    return { ...slice, leader: this.#leader };
  }
}

/** Every write lands, whoever leads. */
function withoutFence(store: EtcdStore): EtcdStore {
  const isFenced = ({ success }: Transaction) => success.some((one) => one.kind === 'put' && one.lease === undefined);
  return {
    ...store,
    commit: (transaction) => store.commit(isFenced(transaction) ? { ...transaction, compare: [] } : transaction),
  };
}

/** Appends resolve before the store has them. */
function hasty(term: Term): Term {
  const { journal } = term;
  let last: Promise<unknown> = Promise.resolve();
  const append: Journal['append'] = (records) => {
    last = last.then(() => journal.append(records)).catch(() => undefined);
    return Promise.resolve();
  };
  const over = (target: Journal, key: string | symbol) => {
    if (key === 'append') return append;
    const value: unknown = Reflect.get(target, key, target);
    return typeof value === 'function' ? value.bind(target) : value;
  };
  const changed = new Proxy(journal, { get: over });
  return {
    ...{ number: term.number, lost: term.lost, appendBytesMax: term.appendBytesMax, journal: changed },
    stands: () => term.stands(),
    get figures() {
      return term.figures;
    },
    resign: () => term.resign(),
  };
}

/** The commands of one batch are not applied. */
function without(slice: LogSlice, seq: number): LogSlice {
  const batches = slice.batches.map((batch) => (batch.seq === seq ? { ...batch, records: [] } : batch));
  return { ...slice, batches };
}

function received(
  handler: FollowerHandler,
  change: (message: Parameters<FollowerHandler['received']>[0]) => Parameters<FollowerHandler['received']>[0],
): FollowerHandler {
  return { received: (message) => handler.received(change(message)), closed: () => handler.closed() };
}
