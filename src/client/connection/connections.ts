import {
  type Connection,
  type ConnectionEnded,
  ConnectionFallback,
  ConnectionRole,
  type RendezvousAddress,
} from '../../../gen/switchyard/v1/connection.js';
import { Reason } from '../../../gen/switchyard/v1/error.js';
import { LinkType } from '../../../gen/switchyard/v1/link.js';
import type { DirectConnectionRequest, DirectConnectionResponse } from '../../../gen/switchyard/v1/network_service.js';
import { isLoopback } from '../../base/address.js';
import type { Clock, Random, Timer } from '../../base/clock.js';
import { asError } from '../../base/errors.js';
import { RELAY_FIRST_FROM } from '../../core/model/connection.js';
import { CONNECTION_TIMES } from '../../core/model/connection-times.js';
import type { Tracer } from '../../tracing/tracer.js';
import { Backoff } from '../backoff.js';
import type { CallOptions, Complete } from '../channel/call.js';
import type { Channel } from '../channel/channel.js';
import { type GatheredPaths, gather } from '../direct/gather.js';
import { makeIdentity } from '../direct/identity.js';
import type { PortMapper } from '../direct/nat-pmp.js';
import { SwitchyardError } from '../error.js';
import type { InstanceOptions } from '../instance/instance-options.js';
import { type OrderHandlers, Refusal } from '../instance/orders.js';
import type { OwnSession } from '../instance/own-session.js';
import { drawRequestId } from '../instance/request-id.js';
import { Scope, unlessAborted, wait } from '../instance/scope.js';
import type { LocalAddresses } from '../local-addresses.js';
import type { RelayOptions, RelaySink, RelaySource } from '../relay/relay.js';
import { StatusCode } from '../status.js';
import { Endorser } from '../trust/endorser.js';
import { Brokered } from './brokered.js';
import type { BrokeredDesk, BrokeredFacts, NamedConnection } from './brokered-desk.js';
import { type ConnectOptions, FALLBACKS } from './connect-options.js';
import { tracedConnect } from './connect-span.js';
import { askOptions, connectionRequest, type Known, NOT_GATHERED } from './connection-request.js';
import { expectDirect } from './expect-direct.js';
import { askToReturn, isPunching, type PathReportDeps, reportPath } from './path-report.js';
import { type EndorsementPlace, offerOf, PeerKeyCheck } from './peer-key-check.js';
import type { PeerStream } from './peer-stream.js';

/** What the connections need of their instance. */
export interface ConnectionsDesk extends PathReportDeps {
  readonly handlers: OrderHandlers;
  readonly life: AbortSignal;
  readonly clock: Clock;
  readonly random: Random;
  readonly addresses: LocalAddresses;
  /** Where spans go; undefined: nowhere. */
  tracer(): Tracer | undefined;
  /** Who the instance is, and at which port others can reach it. */
  readonly options: InstanceOptions;
  /** Who asks the router for ports; undefined: nobody does. */
  readonly mapper: PortMapper | undefined;
  /** Says which network it is in, and by which host the server is reached. */
  readonly channel: Channel;
  attached(signal: AbortSignal): Promise<OwnSession>;
  ask(request: DirectConnectionRequest, options: CallOptions): Promise<Complete<DirectConnectionResponse>>;
  openSource(id: number, options: RelayOptions): Promise<RelaySource>;
  openSink(branchId: number, options: RelayOptions): Promise<RelaySink>;
}

/**
 * The brokered connections of an instance: those that it asks for, and those that it is ordered.
 *
 * When both ends ask for each other at the same moment, the server answers both requests with one connection, and both go on
 * as one.
 */
export class BrokeredConnections {
  readonly #byId = new Map<string, Brokered>();
  /** Asked for, until the server has answered: what resolves then. */
  readonly #asking = new Map<Brokered, Promise<unknown>>();
  readonly #desk: BrokeredDesk;
  readonly #place: EndorsementPlace;

  constructor(private readonly desk: ConnectionsDesk) {
    const identity = makeIdentity();
    const endorser = new Endorser(desk.options, desk);
    this.#place = endorser.place;
    this.#desk = {
      identity,
      endorse: () => endorser.endorse(identity.publicKey),
      clock: desk.clock,
      random: desk.random,
      gather: async (link, rendezvous) =>
        gather(link, this.#places(rendezvous ?? (await desk.attached(desk.life)).rendezvous), {
          clock: desk.clock,
          port: desk.options.listenPort,
          mapper: desk.mapper,
        }),
      askAgain: (brokered, gathered) => this.#askAgain(brokered, gathered),
      openSource: (id, options) => desk.openSource(id, options),
      openSink: (id, options) => desk.openSink(id, options),
      addresses: desk.addresses,
      report: (connection, word) => reportPath(desk, connection, word),
      askToReturn: (connection) => askToReturn(desk, connection),
      isPunching: (connection) => isPunching(desk, connection),
      over: (brokered) => {
        if (this.#byId.get(brokered.connectionId) === brokered) this.#byId.delete(brokered.connectionId);
      },
    };
  }

  /** How many are being made or stand. */
  get size(): number {
    return new Set([...this.#byId.values(), ...this.#asking.keys()]).size;
  }

  /** Connects to a peer: directly if there is a way, else through the server. */
  connect(peerCvid: number, options: ConnectOptions): Promise<PeerStream> {
    const connect = (traceparent: string | undefined) => this.#connect(peerCvid, options, traceparent);
    return tracedConnect(this.desk.tracer(), peerCvid, connect);
  }

  async #connect(peerCvid: number, options: ConnectOptions, traceparent: string | undefined): Promise<PeerStream> {
    const { transport = 'tcp', relayOnly = false, fallback = 'immediate', signal } = options;
    const upgradeAfterMs = relayOnly
      ? Number.POSITIVE_INFINITY
      : (options.upgradeAfterMs ?? CONNECTION_TIMES.upgradeFirstMs);
    const link = transport === 'udp' ? LinkType.TRANSPORT_UDP : LinkType.TRANSPORT_TCP;
    const scope = new Scope(signal, this.desk.life);
    try {
      const { relayVersion } = await this.desk.attached(scope.signal);
      const isLate = fallback === 'immediate' && relayVersion < RELAY_FIRST_FROM;
      const facts = {
        peerCvid,
        link,
        incoming: false,
        upgradeAfterMs,
        relayOnly,
        fallback: FALLBACKS[isLate ? 'late' : fallback],
        keys: options.pins && new PeerKeyCheck(options.pins, this.#place),
        traceparent,
      };
      if (facts.fallback === ConnectionFallback.IMMEDIATE) return await this.#coordinate(facts, scope.signal);
      const stream = (await this.#listen(facts, scope.signal)) ?? (await this.#coordinate(facts, scope.signal));
      return facts.fallback === ConnectionFallback.NONE ? expectDirect(stream) : stream;
    } finally {
      scope.release();
    }
  }

  /**
   * Where others can reach this instance: listens, and has the peer dial. Undefined when there is no such place, another
   * connection listens there, or the peer wanted to and did not get through.
   */
  async #listen(facts: BrokeredFacts, signal: AbortSignal): Promise<PeerStream | undefined> {
    const { listenPort } = this.desk.options;
    if (listenPort === undefined || facts.relayOnly) return undefined;
    const brokered = new Brokered(facts, this.#desk, []);
    return this.#unlessGivenUp(brokered, signal, async () => {
      const gathered = await brokered.gathered;
      if (!gathered.puncher.listensAt(listenPort)) {
        brokered.end(new Error(`port ${listenPort} is in use`));
        return undefined;
      }
      const asked = { ...(await this.#request(brokered, gathered)), port: listenPort };
      const { request } = await this.#ask(brokered, asked, signal);
      void brokered.meet(request);
      return brokered.stream.catch(() => undefined);
    });
  }

  async #coordinate(facts: BrokeredFacts, signal: AbortSignal): Promise<PeerStream> {
    const backoff = new Backoff(this.desk.random);
    for (;;) {
      const stream = await this.#joinOrAsk(facts, signal, backoff);
      if (stream !== undefined) return stream;
    }
  }

  /** Undefined: it is asked again. */
  async #joinOrAsk(facts: BrokeredFacts, signal: AbortSignal, backoff: Backoff): Promise<PeerStream | undefined> {
    const { peerCvid, link, fallback } = facts;
    const theirs = [...this.#byId.values()].find(
      // With another fallback the server decides: it takes the stricter one of both for a connection that is not yet decided.
      (one) => one.isJoinable && one.isWith(peerCvid, link) && one.facts.fallback === fallback,
    );
    if (theirs) return this.#join(theirs, facts, signal);
    const brokered = new Brokered(facts, this.#desk);
    return this.#unlessGivenUp(brokered, signal, async () => {
      const asked = this.#askOrJoin(brokered, signal);
      const answered = asked.catch(() => {});
      this.#asking.set(brokered, answered);
      const used = await asked.finally(() => this.#asking.delete(brokered));
      if (used === brokered) return brokered.stream;
      brokered.end(new Error('the peer has asked before'));
      if (used.isJoinable) return this.#join(used, facts, signal);
      // What a caller has is not given twice. Once it is decided, the server makes another one. Where it is decided at this end
      // already, the server has not heard of that: the peer may still be at it.
      if (used.stands) await wait(this.desk.clock, backoff.afterFailure(), signal);
      else await unlessAborted(used.stream, signal).catch(() => signal.throwIfAborted());
      return undefined;
    });
  }

  /** The peer has asked for the same before: its connection is what this end wants, too. */
  #join(theirs: Brokered, { keys }: BrokeredFacts, signal: AbortSignal): Promise<PeerStream> {
    theirs.isWanted = true;
    if (keys !== undefined) theirs.pin(keys);
    return this.#unlessGivenUp(theirs, signal, () => theirs.stream);
  }

  /** Asks, and answers with the connection that is used: it may be one that the peer has asked for. */
  async #askOrJoin(brokered: Brokered, signal: AbortSignal): Promise<Brokered> {
    const isFirst = brokered.facts.fallback === ConnectionFallback.IMMEDIATE;
    const request = await this.#request(brokered, isFirst ? NOT_GATHERED : await brokered.gathered);
    const answer = await this.desk.ask(request, askOptions(brokered, signal));
    const { connectionId } = answer.request;
    const known = this.#byId.get(connectionId);
    if (known === undefined) this.#name(brokered, connectionId);
    return known ?? brokered;
  }

  /** Makes a connection; what goes wrong or is given up meanwhile is the end of it. */
  async #unlessGivenUp<Result>(brokered: Brokered, signal: AbortSignal, make: () => Promise<Result>): Promise<Result> {
    const giveUp = () => brokered.end(asError(signal.reason));
    signal.addEventListener('abort', giveUp);
    try {
      const made = await make();
      signal.throwIfAborted();
      return made;
    } catch (error) {
      brokered.end(asError(error));
      throw error;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  /** Carries out an order about a connection; resolves with the answer's data. `answered`: resolves once the server has that. */
  async order(order: Connection, answered: () => Promise<void>): Promise<Uint8Array | undefined> {
    if (order.role === ConnectionRole.GATHER) return this.#gather(order);
    if (order.role === ConnectionRole.DIAL) return this.#dial(order);
    const brokered = await this.#find(order);
    brokered.orders.note(order, answered);
    return brokered.orders.once(order, async () => {
      if (order.role !== ConnectionRole.RELAY) return brokered.punch(order);
      await brokered.relay(order);
      return undefined;
    });
  }

  /** The server says that a connection is over. */
  ended(ended: ConnectionEnded): void {
    const reason = Reason[ended.reason];
    const error = new SwitchyardError(StatusCode.ABORTED, ended.description, { reason });
    this.#byId.get(ended.connectionId)?.ended(ended, error);
  }

  /** The session is over: what is being made, or waits for an order, comes to nothing. Streams that have a path go on. */
  end(error: Error): void {
    for (const brokered of this.#byId.values()) brokered.endUnlessCarried(error);
  }

  async #ask(brokered: Brokered, request: DirectConnectionRequest, signal: AbortSignal) {
    const answer = await this.desk.ask(request, askOptions(brokered, signal));
    this.#name(brokered, answer.request.connectionId);
    return answer;
  }

  async #askAgain(brokered: NamedConnection, gathered: GatheredPaths): Promise<void> {
    const request = { ...(await this.#request(brokered, gathered)), connectionId: brokered.connectionId };
    await this.desk.ask(request, { traceparent: brokered.facts.traceparent });
  }

  async #request({ facts }: Pick<NamedConnection, 'facts'>, known: Known): Promise<DirectConnectionRequest> {
    const { identity, endorse } = this.#desk;
    const own = { publicKey: identity.publicKey, endorsement: await endorse() };
    return connectionRequest(facts, known, { ...own, requestId: drawRequestId(this.desk.random) });
  }

  /** The peer's request. A request of this end's own that crosses it is answered with the same connection. */
  async #gather(order: Connection): Promise<Uint8Array> {
    const known = await this.#named(order, CONNECTION_TIMES.crossingMs);
    return (known ?? (await this.#accept(order, order.rendezvous))).gather(order);
  }

  /** The peer listens. Nobody is dialled who could not be known. */
  async #dial(order: Connection): Promise<Uint8Array | undefined> {
    if (order.peerPublicKey.length === 0) throw new Refusal('UNIMPLEMENTED', 'a caller without a key is not dialled');
    // Loopback is dialled only by an end that is seen there itself, which the rendezvous says.
    const isLocal = isLoopback({ host: order.host, port: order.port });
    const brokered = this.#byId.get(order.connectionId) ?? (await this.#accept(order, isLocal ? undefined : []));
    return brokered.orders.once(order, () => brokered.dial(order));
  }

  /** Takes a connection that a peer asks for, if the program wants to. */
  async #accept(order: Connection, rendezvous: readonly RendezvousAddress[] | undefined) {
    const { connectionId, peerCvid, type, fallback } = order;
    const { accept } = this.desk.handlers;
    if (!accept) throw new Refusal('PEER_REFUSED', 'this instance takes no direct connections');
    const offer = offerOf(order, this.#place);
    const accepted = await accept(offer);
    if (!accepted) throw new Refusal('PEER_REFUSED', 'not open to you');
    // Meanwhile this end may have asked for the same.
    const known = this.#byId.get(connectionId);
    if (known) return known;
    const upgradeAfterMs = CONNECTION_TIMES.upgradeFirstMs;
    const traceparent = order.traceparent || undefined;
    const keys = accepted === 'endorsed' ? new PeerKeyCheck([offer.endorsement?.keyId ?? ''], this.#place) : undefined;
    const plain = { peerCvid, link: type, incoming: true, upgradeAfterMs, relayOnly: false, fallback };
    const facts = { ...plain, keys, traceparent };
    const brokered = new Brokered(facts, this.#desk, rendezvous);
    this.#name(brokered, connectionId);
    brokered.stream.then(
      (stream) => brokered.isWanted || this.desk.handlers.accepted?.(stream, offer),
      () => {},
    );
    return brokered;
  }

  async #find(order: Connection): Promise<Brokered> {
    const brokered = await this.#named(order, CONNECTION_TIMES.askMs);
    if (brokered) return brokered;
    throw new Refusal('CONNECTION_NOT_FOUND', `this instance knows nothing of ${order.connectionId} any more`);
  }

  /**
   * The connection of an order. The order may overtake the answer to the request for it, and only that answer tells which of
   * the requests under way to the same peer it is; so each that was under way when the order came is waited for.
   */
  async #named({ connectionId, peerCvid, type }: Connection, withinMs: number): Promise<Brokered | undefined> {
    const asking = [...this.#asking].filter(([one]) => one.isWith(peerCvid, type));
    const answered = new Map(asking.map(([one, answer]) => [one, answer.then(() => one)]));
    let timer: Timer | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = this.desk.clock.after(withinMs, () => resolve(undefined));
    });
    while (!this.#byId.has(connectionId) && answered.size > 0) {
      const one = await Promise.race([late, ...answered.values()]);
      if (one === undefined) break;
      answered.delete(one);
    }
    timer?.cancel();
    return this.#byId.get(connectionId);
  }

  #name(brokered: Brokered, connectionId: string): void {
    brokered.connectionId = connectionId;
    this.#byId.set(connectionId, brokered);
  }

  #places(rendezvous: readonly RendezvousAddress[]) {
    const host = this.desk.channel.host ?? '127.0.0.1';
    return rendezvous.map((place) => ({ host: place.host || host, port: place.port }));
  }
}
