import type { Change } from '../core/model/change.js';
import type { Command } from '../core/model/command.js';
import { Fault, isFault, isMonthRefusal, type Reason } from '../core/model/fault.js';
import type { Position } from '../core/model/position.js';
import type { StateView } from '../core/store/state-view.js';

/** When a client may try again here that was sent elsewhere. */
const CUT_OFF_RETRY_MS = 1_000;

/** Of one of several servers: whether it has applied what others have acknowledged. */
export interface Currency {
  /** Waits until everything is applied here that was acknowledged anywhere before; a refusal where that takes too long. */
  current(): Promise<Fault | undefined>;
  /** The same for a revision, which may be applied already. */
  reached(revision: number): Promise<Fault | undefined>;
  /** Whether this server can vouch for sessions: those that others end are told of here. */
  readonly isInTouch: boolean;
}

/** The reasons of {@link isNegative}. */
const NEGATIVE: ReadonlySet<Reason> = new Set<Reason>([
  'SESSION_TOKEN_INVALID',
  'SESSION_SUPERSEDED',
  'SESSION_TERMINATED',
  'SESSION_EXPIRED',
  'SESSION_SERVER_LOST',
  'SESSION_NOT_FOUND',
  'NODE_NOT_FOUND',
  'STREAM_NOT_FOUND',
  'PATH_NOT_FOUND',
  'ORDER_NOT_FOUND',
  'CONNECTION_NOT_FOUND',
  'IDENTITY_NOT_FOUND',
  'TICKET_NOT_FOUND',
  'REVISION_COMPACTED',
  'NOT_ATTACHED',
  'NOT_STREAM_OWNER',
  'AUTH_REQUIRED',
  'PROOF_INVALID',
  'TICKET_INVALID',
  'IDENTITY_REVOKED',
  'PERMISSION_DENIED',
  'IDENTITY_MISMATCH',
  // What stands there may be over elsewhere.
  'NETWORK_LIMIT',
]);

/**
 * Whether a refusal says that something is not, or may not be: a server that is behind could be wrong about it. Not about what was used of a
 * month, which each server counts for itself.
 */
export function isNegative(fault: Fault): boolean {
  return NEGATIVE.has(fault.reason) && !isMonthRefusal(fault);
}

/** What a dry run asks: the state of one server, or of one of several. */
export interface DryRun {
  readonly currency: Currency | undefined;
  /** What would become of a command now. */
  tryOut(command: Command): readonly Change[] | Fault;
}

/** What would become of a command. At one of several servers a refusal counts once that one is current. */
export async function tryOutCurrently(replica: DryRun, command: Command): Promise<readonly Change[] | Fault> {
  const outcome = replica.tryOut(command);
  const { currency } = replica;
  if (!isFault(outcome) || currency === undefined) return outcome;
  return (await currency.current()) ?? replica.tryOut(command);
}

/** What a request says of the state that it has to be answered by. */
export interface Wanted {
  /** At least this revision. */
  readonly after?: number | undefined;
  /** Where a watch is to go on. */
  readonly position?: Position | undefined;
  /** Whether the answer vouches for a session. */
  readonly isOfSession: boolean;
  /** Whether the request can be tried only once, as one with a proof: that is used up by the first attempt. */
  readonly isOnce: boolean;
}

/**
 * Answers a request at one of several servers. What it was promised is waited for, and nothing is said to be absent before everything is
 * applied here that was acknowledged anywhere: then the request is tried once more. An attempt that is refused has changed nothing, but
 * where the request can be tried only once: that waits first. A server that has lost touch while it waited renews no session any more.
 */
export async function answerCurrently<T>(
  { currency, state }: { readonly currency: Currency; readonly state: StateView },
  wanted: Wanted,
  attempt: () => T | Fault | Promise<T | Fault>,
): Promise<T | Fault> {
  if (wanted.isOfSession && !currency.isInTouch) return cutOff();
  const late = await waitFor(currency, state, wanted);
  if (late !== undefined) return late;
  const unsure = wanted.isOnce ? await currency.current() : undefined;
  if (unsure !== undefined) return unsure;
  if (wanted.isOfSession && !currency.isInTouch) return cutOff();
  const from = state.revision;
  const outcome = await attempt();
  if (wanted.isOnce || !(outcome instanceof Fault) || !isNegative(outcome)) return outcome;
  const behind = await currency.current();
  if (behind !== undefined) return behind;
  if (state.revision === from) return outcome;
  return wanted.isOfSession && !currency.isInTouch ? cutOff() : attempt();
}

/** Why a server sends its sessions away that has lost touch with the others. */
export function cutOff(): Fault {
  const message = 'this server has lost touch with the one that leads: go to another';
  return new Fault('SERVER_CUT_OFF', message, [], CUT_OFF_RETRY_MS);
}

async function waitFor(
  currency: Currency,
  state: StateView,
  { after = 0, position }: Wanted,
): Promise<Fault | undefined> {
  const late = await currency.reached(after);
  if (late !== undefined || position === undefined || position.epoch === '') return late;
  // A position that is not known here may be known to others. Beyond the end of the log it is of another history.
  const isKnown = position.epoch === state.epoch && position.revision <= state.revision;
  return isKnown ? undefined : currency.current();
}
