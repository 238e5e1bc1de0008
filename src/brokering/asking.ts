import { hasZone, plainAddress } from '../base/address.js';
import type { Clock, Random } from '../base/clock.js';
import { crossingOf } from '../core/decide/broker.js';
import { Checked, wholeMs } from '../core/decide/check.js';
import { isRepeated, requestIn } from '../core/decide/request.js';
import type { Change } from '../core/model/change.js';
import type { AskConnection, Command } from '../core/model/command.js';
import {
  type Candidate,
  type Connection,
  Fallback,
  isOver,
  isPending,
  type Pair,
  RELAY_FIRST_FROM,
} from '../core/model/connection.js';
import { CONNECTION_TIMES } from '../core/model/connection-times.js';
import { Fault } from '../core/model/fault.js';
import type { Order } from '../core/model/order.js';
import type { StateView } from '../core/store/state-view.js';
import type { Asker } from '../replica/access/asker.js';
import type { Gatekeeper } from '../replica/access/gatekeeper.js';
import type { Replica } from '../replica/replica.js';
import { pendingConnections } from '../shares/belongings.js';
import type { Shares } from '../shares/shares.js';
import type { Acceptances } from './acceptances.js';
import { checkCandidates, checkEndorsementLength, checkPairs, checkPublicKey, checkRoundTrip } from './candidates.js';
import { ConnectionTraces } from './connection-traces.js';

const NONCE_BYTES = 16;
/** Frames that the server can read: what clients of 0.1.0 know as their newest. */
const OLD_RELAY = 1;

/** What asking stands on. */
export interface AskingParts {
  readonly replica: Replica;
  /** Who may ask whom. */
  readonly gatekeeper: Gatekeeper;
  readonly shares: Shares;
  readonly acceptances: Acceptances;
  readonly clock: Clock;
  readonly random: Random;
  /** Whether the rendezvous has seen somebody at this address not long ago. */
  isObserved(host: string): boolean;
  readonly orderDeadlineMs: number;
  /** An end from there knows only the form of relayed bytes of 0.1.0, which is deprecated. */
  oldRelay?(address: string): void;
}

/** What an end brings, as a door took it in; fields by their names in the protos. */
export interface Brought {
  readonly candidates: readonly Candidate[];
  readonly publicKey: Uint8Array;
  /** That a key of its identity stands for that key; absent or empty: it brings none. */
  readonly endorsement?: Uint8Array | undefined;
  /** 0: not known. NaN: what came in was no duration. */
  readonly roundTripMs: number;
  /** The newest form of relayed bytes that it knows. */
  readonly relayVersion: number;
}

/** Who asks whom for a connection. */
export interface ConnectionWish extends Brought {
  readonly sid: number;
  readonly cvid: number;
  readonly type: number;
  /** 0: the server coordinates. */
  readonly port: number;
  /** Who asks, and from where the server observes it. */
  readonly asker: Asker;
  /** The relayed connection to try again for; 0: a new one. */
  readonly relayed: number;
  /** Empty: it has none. */
  readonly requestId: string;
  /** A number of `switchyard.v1.ConnectionFallback`. */
  readonly fallback: number;
  /** The trace that the request belongs to; absent or malformed: none. */
  readonly traceparent?: string | undefined;
}

/** A connection that was asked for and that the peer has accepted. */
export interface Asked {
  readonly connection: Connection;
  /** Cancels it for a caller that never hears of it: unless it stands by now, or its request was repeated meanwhile. */
  readonly takeBack: () => void;
}

/** What an end tells of an attempt, as a door took it in. */
export interface AttemptReport {
  readonly connected: boolean;
  readonly pairs: readonly Pair[];
  readonly tookMs: number;
  readonly roundTripMs: number;
}

/** Asks for direct connections, and reads what their ends bring: what every door does in the same many steps. */
export class Asking {
  /** Which traces the connections belong to. */
  readonly traces = new ConnectionTraces();

  constructor(private readonly parts: AskingParts) {}

  /** Asks for a connection, and resolves once the peer has accepted. `signal`: the caller gives up, which cancels it. */
  async ask(wish: ConnectionWish, signal?: AbortSignal): Promise<Asked | Fault> {
    const command = this.read(wish);
    if (command instanceof Fault) return command;
    const { replica, acceptances, shares } = this.parts;
    if (wish.relayVersion === OLD_RELAY) this.parts.oldRelay?.(plainAddress(wish.asker.origin.address));
    const refused = this.refuse(command, wish.asker);
    if (refused !== undefined) return refused;
    const isAgain = isRepeated(replica.state, command);
    const absent = isAgain ? undefined : await this.refuseAbsent(command);
    if (absent !== undefined) return absent;
    const room = pendingConnections(command.relayed === 0 ? 1 : 0);
    const { sid: caller, peer, link } = command;
    // A request that is repeated, or crosses another one, is answered with a connection whose orders are out.
    if (!isAgain) this.traces.note({ caller, peer, link }, wish.traceparent ?? '');
    const submit = () => replica.submit(command);
    const outcome = await (isAgain ? submit() : shares.hold(wish.sid, wish.asker.origin, room, submit));
    if (outcome instanceof Fault) return outcome;
    const asked = connectionIn(outcome.changes, replica.state) ?? crossingOf(replica.state, command);
    if (asked === undefined) {
      return new Fault(
        'CONNECTION_REPLACED',
        'the connection that this would have joined, or that it asked for before, is over',
      );
    }
    const isLast = replica.claims.claim(requestIn(outcome.changes));
    const takeBack = () => {
      const now = replica.state.connections.get(asked.id);
      // A connection that stands goes on: it was there before, or both ends know of it.
      if (isLast() && now !== undefined && isPending(now)) replica.takeBack(cancellation(asked, wish.sid));
    };
    if (signal?.aborted) takeBack();
    signal?.addEventListener('abort', takeBack);
    const decided = await acceptances.decided(asked);
    signal?.removeEventListener('abort', takeBack);
    if (decided instanceof Fault) return decided;
    return isOver(decided) ? new Fault(decided.reason!, decided.description) : { connection: decided, takeBack };
  }

  /**
   * The order that an answer is to; undefined when it was settled before, or never was. A server that is behind looks again once it is
   * current: it would take what the answer brings for a plain yes.
   */
  async orderFor(sid: number, orderId: string): Promise<Order | Fault | undefined> {
    const { state, currency } = this.parts.replica;
    const known = state.orders.get(sid, orderId);
    if (known !== undefined || currency === undefined) return known;
    return (await currency.current()) ?? state.orders.get(sid, orderId);
  }

  /** The command for an end's answer to the order to gather. `address`: where a door observes that end. */
  gathered(sid: number, orderId: string, brought: Brought, address: string): Command | Fault {
    const { limits } = this.parts.replica.state;
    const checked = new Checked(limits);
    const gathered = {
      candidates: checkCandidates(checked, limits, brought.candidates, this.observedFrom(plainAddress(address))),
      publicKey: checkPublicKey(checked, limits, brought.publicKey),
      ...checkEndorsementLength(checked, brought.endorsement),
      roundTripMs: checkRoundTrip(checked, brought.roundTripMs),
      relayVersion: brought.relayVersion,
    };
    const wrong = Fault.fields(checked.violations);
    if (wrong === undefined && brought.relayVersion === OLD_RELAY) this.parts.oldRelay?.(plainAddress(address));
    return wrong ?? { kind: 'AnswerGather', sid, orderId, ...gathered, ...this.draw() };
  }

  /** The command for an end's answer to the order to punch. */
  tried(sid: number, orderId: string, { connected, pairs, tookMs, roundTripMs }: AttemptReport): Command | Fault {
    const { limits } = this.parts.replica.state;
    const checked = new Checked(limits);
    checked.duration('took', tookMs);
    const tried = {
      connected,
      pairs: checkPairs(checked, limits, pairs),
      tookMs: Math.min(wholeMs(tookMs), CONNECTION_TIMES.tookMaxMs),
      roundTripMs: checkRoundTrip(checked, roundTripMs),
    };
    const wrong = Fault.fields(checked.violations);
    return wrong ?? { kind: 'AnswerAttempt', sid, orderId, ...tried, ...this.draw() };
  }

  private read({
    sid,
    cvid,
    type,
    port,
    asker: { origin },
    relayed,
    requestId,
    fallback,
    ...brought
  }: ConnectionWish): AskConnection | Fault {
    const { replica, orderDeadlineMs } = this.parts;
    const { limits } = replica.state;
    const checked = new Checked(limits);
    checked.sid('cvid', cvid);
    const link = checked.transportType('type', type);
    if (port < 0 || port > 65_535) checked.wrong('port', `${port}; 0 (the server coordinates) to 65535 are allowed`);
    if (port > 0 && hasZone(origin.address)) {
      checked.wrong('port', `nobody else can dial ${origin.address}: a zone means something on its own machine only`);
    }
    if (port > 0 && relayed > 0) checked.wrong('connection_id', 'a new connection is needed for a caller that listens');
    const coordinated = port === 0;
    const host = plainAddress(origin.address);
    const { candidates, publicKey, endorsement, roundTripMs, relayVersion } = brought;
    const gathered = {
      candidates: coordinated ? checkCandidates(checked, limits, candidates, this.observedFrom(host)) : [],
      publicKey: checkPublicKey(checked, limits, publicKey, relayed === 0),
      ...checkEndorsementLength(checked, endorsement),
      roundTripMs: coordinated ? checkRoundTrip(checked, roundTripMs) : 0,
      relayVersion,
    };
    const named = checked.requestId('request_id', requestId);
    const chosen = checkFallback(checked, fallback, relayVersion);
    const wrong = Fault.fields(checked.violations);
    if (wrong !== undefined) return wrong;
    const deadlineMs = Math.min(orderDeadlineMs, CONNECTION_TIMES.acceptMs);
    const isChoice = coordinated && relayed === 0;
    const asked = { sid, peer: cvid, link, host, port, relayed, deadlineMs, ...named, ...(isChoice && chosen) };
    return { kind: 'AskConnection', ...asked, ...gathered, ...this.draw() };
  }

  /** Why the policy does not let a caller ask this peer; undefined when it does. */
  private refuse({ sid, peer, relayed }: AskConnection, asker: Asker): Fault | undefined {
    const { gatekeeper, replica } = this.parts;
    const absent = (cvid: number) => new Fault('NODE_NOT_FOUND', `no node ${cvid}`);
    const refused = gatekeeper.refuseTarget('connection.ask', asker, { sid: peer, method: 'DirectConnection', absent });
    const max = refused === undefined && relayed === 0 ? gatekeeper.limitOf('connections', sid) : undefined;
    if (max === undefined) return refused;
    const standing = replica.state.connections.of(sid).filter((one) => !isOver(one));
    if (standing.length < max) return undefined;
    return new Fault('NETWORK_LIMIT', `${max} connections of one session are the limit of its roles`);
  }

  /** Whoever has no attachment cannot be ordered anything; the caller of a coordinated connection is ordered as well. */
  private refuseAbsent({ sid, peer, port }: AskConnection): Fault | undefined | Promise<Fault | undefined> {
    const { state, attachments } = this.parts.replica;
    const absent = [peer, ...(port === 0 ? [sid] : [])].filter(
      (end) => state.sessions.has(end) && !attachments.isAttached(end),
    );
    const { elsewhere } = attachments;
    if (elsewhere === undefined || absent.length === 0) return notAttached(absent[0]);
    return Promise.all(absent.map(elsewhere)).then((are) => notAttached(absent.find((_end, at) => !are[at])));
  }

  private observedFrom(own: string): (host: string) => boolean {
    return (host) => host === own || this.parts.isObserved(host);
  }

  private draw() {
    const { random, clock } = this.parts;
    return { nonce: Buffer.from(random.bytes(NONCE_BYTES)).toString('latin1'), atMs: clock.wallMs() };
  }
}

/** The numbers of `switchyard.v1.ConnectionFallback`. */
const FallbackNumber = { UNSPECIFIED: 0, IMMEDIATE: 1, LATE: 2, NONE: 3 } as const;

/**
 * What a caller has chosen, as a command says it: LATE is said by nothing. A caller that does not know how to use a relay that comes
 * first has not chosen it either.
 */
function checkFallback(checked: Checked, fallback: number, relayVersion: number): Pick<AskConnection, 'fallback'> {
  const { UNSPECIFIED, IMMEDIATE, LATE, NONE } = FallbackNumber;
  switch (fallback) {
    case UNSPECIFIED:
    case IMMEDIATE:
      return relayVersion >= RELAY_FIRST_FROM ? { fallback: Fallback.IMMEDIATE } : {};
    case LATE:
      return {};
    case NONE:
      return { fallback: Fallback.NONE };
    default:
      checked.wrong('fallback', `${fallback}; 0 and 1 (IMMEDIATE), 2 (LATE) and 3 (NONE) are allowed`);
      return {};
  }
}

/** The connection that a request has come to, now or before. */
function connectionIn(changes: readonly Change[], { connections }: StateView): Connection | undefined {
  const request = requestIn(changes);
  if (request !== undefined) return connections.get(request.made.id);
  return changes.flatMap((change) => (change.kind === 'ConnectionPut' ? change.connection : [])).at(-1);
}

function cancellation({ id, caller, peer, link }: Connection, sid: number): Command {
  const other = caller.sid === sid ? peer.sid : caller.sid;
  const brokered = { connection: id, path: 0, roundTripMs: 0, failed: false } as const;
  return { kind: 'ReportLink', sid, peer: other, link, established: false, brokered };
}

function notAttached(sid: number | undefined): Fault | undefined {
  return sid === undefined ? undefined : new Fault('NOT_ATTACHED', `session ${sid} is not attached`);
}
