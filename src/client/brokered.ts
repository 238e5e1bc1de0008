import type { Duplex } from 'node:stream';
import {
  type Connection,
  type ConnectionEnded,
  ConnectionRole,
  GatherAnswer,
  PathKind,
  PunchAnswer,
} from '../../gen/switchyard/v1/connection.js';
import type { LinkType } from '../../gen/switchyard/v1/link.js';
import { type Candidate, CandidateType } from './direct/candidate.js';
import type { Gathered } from './direct/gather.js';
import type { Identity } from './direct/identity.js';
import type { PairOutcome } from './direct/path.js';
import { durationOf, msOf } from './duration.js';
import type { PeerStream } from './peer-stream.js';
import type { RelaySink, RelaySource } from './relay.js';
import { RelayDuplex } from './relay-duplex.js';

/** What a connection needs of the instance that it belongs to. */
export interface BrokeredDesk {
  readonly identity: Identity;
  openSource(id: number): Promise<RelaySource>;
  openSink(branchId: number): Promise<RelaySink>;
  /** Tells the server that the connection stands, or (failed: because its path is dead) does not any more. */
  report(
    brokered: Brokered,
    word: { established: boolean; failed: boolean; path: PathKind; roundTripMs?: number },
  ): void;
  /** It is over: nothing is left of it. */
  over(brokered: Brokered): void;
}

/** How long the sockets of a punch are kept after it has worked here, should it not have worked there. */
const SPARE_MS = 10_000;

/** What a server's word about a failed path is called in its reasons. */
const PATH_FAILED = 55;

/**
 * One end of a brokered connection, from its gathering to the end of its stream: carries out what is ordered about it.
 *
 * It owns the sockets that were opened for it, and gives them back when it is decided.
 */
export class Brokered {
  /** As the server named it; empty until it has. */
  connectionId = '';
  /** Resolves with the stream once there is one; rejects when it comes to nothing. */
  readonly stream: Promise<PeerStream>;
  readonly #life = new AbortController();
  #settle!: { resolve(stream: PeerStream): void; reject(error: Error): void };
  #handedOut: Duplex | undefined;
  #reported = false;

  constructor(
    readonly facts: { readonly peerCvid: number; readonly link: LinkType; readonly incoming: boolean },
    readonly gathered: Promise<Gathered>,
    private readonly desk: BrokeredDesk,
  ) {
    this.stream = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // Whoever wants to hear of a failure awaits the stream itself.
    this.stream.catch(() => {});
    gathered.catch((error: Error) => this.end(error));
  }

  /** Whether its stream was handed out. */
  get stands(): boolean {
    return this.#handedOut !== undefined;
  }

  /** The answer to the order to gather. */
  async gather(): Promise<Uint8Array> {
    const { candidates, roundTripMs } = await this.gathered;
    const { publicKey } = this.desk.identity;
    const roundTrip = roundTripMs === undefined ? undefined : durationOf(roundTripMs);
    return GatherAnswer.encode({ candidates: [...candidates], publicKey, roundTrip }).finish();
  }

  /** Tries once to reach the peer, and answers with what came of it. */
  async punch(order: Connection): Promise<Uint8Array> {
    // A path that only this end had from the attempt before: the other end knows nothing of it.
    this.#handedOut?.destroy(new Error('the peer has not found the same path'));
    this.#handedOut = undefined;
    const { puncher } = await this.gathered;
    const outcome = await puncher.attempt(
      {
        identity: this.desk.identity,
        peerPublicKey: order.peerPublicKey,
        controlling: order.role === ConnectionRole.PUNCH_CONTROLLING,
        candidates: order.candidates as readonly Candidate[],
        nonce: order.nonce,
        startAfterMs: order.startAfter ? msOf(order.startAfter) : 0,
      },
      this.#life.signal,
    );
    const { path, pairs, tookMs } = outcome;
    const roundTripMs = path === undefined ? await puncher.measure() : undefined;
    if (path !== undefined) this.#handOut(path.stream, PathKind.DIRECT, path.roundTripMs);
    return PunchAnswer.encode({
      pairs: pairs.slice(0, PAIRS_MAX).map(pairMessage),
      took: durationOf(tookMs),
      connected: path !== undefined,
      roundTrip: roundTripMs === undefined ? undefined : durationOf(roundTripMs),
    }).finish();
  }

  /** Opens the streams through the server. */
  async relay({ relayStreamId, relayBranchId }: Connection): Promise<void> {
    const [source, sink] = await Promise.all([this.desk.openSource(relayStreamId), this.desk.openSink(relayBranchId)]);
    this.#handOut(new RelayDuplex(source, sink), PathKind.RELAYED, undefined);
  }

  /** The server says that it is over. A stream that stands ends by itself, unless its path is dead. */
  ended({ reason, description }: ConnectionEnded, error: Error): void {
    this.#reported = true;
    if (this.#handedOut === undefined) this.end(error);
    else if (reason === PATH_FAILED) this.#handedOut.destroy(new Error(description));
  }

  /** Gives it up. */
  end(error: Error): void {
    this.#life.abort(error);
    this.#settle.reject(error);
    this.#handedOut?.destroy(error);
    this.#letGo();
    if (this.connectionId !== '') this.#reportLost(false);
    this.desk.over(this);
  }

  #handOut(duplex: Duplex, path: PathKind, roundTripMs: number | undefined): void {
    if (this.#life.signal.aborted) {
      duplex.destroy();
      return;
    }
    this.#handedOut = duplex;
    const { peerCvid, incoming } = this.facts;
    const { connectionId } = this;
    const word = path === PathKind.DIRECT ? ('direct' as const) : ('relayed' as const);
    const stream = Object.assign(duplex, { connectionId, peerCvid, incoming, path: word, roundTripMs });
    let failed = false;
    // Whoever has the stream hears of errors too; without this listener one that does not would be thrown.
    stream.on('error', () => {
      failed = true;
    });
    stream.once('close', () => {
      if (this.#handedOut !== duplex) return;
      this.#reportLost(failed);
      this.#letGo();
      this.desk.over(this);
    });
    // By then both ends have told that they have it, or another attempt is on its way.
    setTimeout(() => this.#handedOut === duplex && this.#letGo(), SPARE_MS).unref();
    this.desk.report(this, { established: true, failed: false, path, roundTripMs: roundTripMs ?? 0 });
    this.#settle.resolve(stream);
  }

  #reportLost(failed: boolean): void {
    if (this.#reported) return;
    this.#reported = true;
    this.desk.report(this, { established: false, failed, path: PathKind.UNSPECIFIED });
  }

  #letGo(): void {
    this.gathered.then(
      ({ puncher }) => puncher.close(),
      () => {},
    );
  }
}

/** Pairs that the server takes of one attempt. */
const PAIRS_MAX = 32;
/** Bytes of an outcome that the server takes. */
const OUTCOME_LENGTH_MAX = 120;

function pairMessage({ local, remote, outcome }: PairOutcome) {
  const plain = { type: CandidateType.HOST, priority: 0 };
  const cut = Buffer.from(outcome)
    .subarray(0, OUTCOME_LENGTH_MAX)
    .toString()
    .replace(/\uFFFD+$/, '');
  return { local: { ...plain, ...local }, remote: { ...plain, ...remote }, outcome: cut };
}
