import { LinkState, NetworkServiceService } from '../../../gen/switchyard/v1/network_service.js';
import type { Order } from '../../../gen/switchyard/v1/session.js';
import { SessionServiceService } from '../../../gen/switchyard/v1/session_service.js';
import { asError } from '../../base/errors.js';
import { ProofPurpose } from '../../trust/signed-bytes.js';
import { Backoff } from '../backoff.js';
import { call, showAgain } from '../channel/call.js';
import type { Caller } from '../channel/caller.js';
import type { ConnectOptions } from '../connection/connect-options.js';
import { BrokeredConnections } from '../connection/connections.js';
import type { PeerStream } from '../connection/peer-stream.js';
import { defaultGateways } from '../direct/default-gateways.js';
import { NatPmp } from '../direct/nat-pmp.js';
import { Emitter, type Unsubscribe } from '../emitter.js';
import { SwitchyardError } from '../error.js';
import { LIMITS } from '../limits.js';
import { StatusCode } from '../status.js';
import { IdentityShower } from '../trust/identity-shower.js';
import { attach } from './attach.js';
import type { InstanceEvents } from './instance-events.js';
import { type InstanceOptions, sessionRequest } from './instance-options.js';
import { type Event, eventOf, next, type State } from './lifecycle.js';
import { type OrderDesk, type OrderHandlers, OrderTaker } from './orders.js';
import { type OwnSession, ownSession, whenAttached, withSession } from './own-session.js';
import { Scope, wait } from './scope.js';
import { SessionCalls } from './session-calls.js';

/**
 * An instance that stays on the network: it opens a session, attaches, renews, and comes back through every break and
 * restart of the server with the same session for as long as there is one.
 *
 * What it does in which state stands in `lifecycle.ts`, in one table; this class only carries it out. Every call that
 * it makes by itself runs under the scope of the present state and is given up when the state is left.
 */
export class Instance extends SessionCalls {
  protected readonly caller: Caller;
  protected readonly reader: Caller;
  /** What it does with orders. May be changed at any time. */
  readonly handlers: OrderHandlers;
  /** Resolves when it is over: undefined when it left, otherwise why. Never rejects. */
  readonly ended: Promise<SwitchyardError | undefined>;

  readonly #events = new Emitter<InstanceEvents>();
  readonly #life: Scope;
  /** Apart, because a server that was away for long and has lost the session is there again: no need to wait long. */
  readonly #backoffs: { readonly attach: Backoff; readonly open: Backoff };
  #state: State = 'opening';
  #scope: Scope;
  #sinceMs = 0;
  #session: OwnSession | undefined;
  #orders: OrderTaker | undefined;
  #connections: BrokeredConnections | undefined;
  /** The server itself, without the session's credentials: for what begins a session. */
  readonly #anybody: Caller;
  readonly #shower: IdentityShower;

  constructor(
    server: Caller,
    private readonly options: InstanceOptions,
  ) {
    super();
    this.handlers = { ...options.handlers };
    this.#life = new Scope(options.signal, server.life);
    this.#scope = new Scope(this.#life.signal);
    this.#backoffs = { attach: new Backoff(server.random), open: new Backoff(server.random) };
    this.#anybody = { ...server, life: this.#life.signal };
    this.#shower = new IdentityShower({
      ...{ options, anybody: this.#anybody, caller: () => this.caller },
      session: (signal) => this.#anySession(signal),
    });
    this.caller = {
      ...this.#anybody,
      credentials: (signal) => withSession(this.#anySession(signal), server, signal),
      failed: (error, metadata) => this.#refused(error, metadata['switchyard-session']),
      show: (_, reason) => this.#shower.show(reason),
    };
    this.reader = {
      ...this.#anybody,
      credentials: async (signal) => (this.#shower.isAsked ? this.caller : server).credentials(signal),
      failed: (error, metadata) => 'switchyard-session' in metadata && this.caller.failed(error, metadata),
      show: (_, reason) => this.#shower.show(reason),
    };
    const release = server.channel.hold();
    this.ended = this.#events.once('ended').then(([error]) => {
      release();
      return error;
    });
    const detach = () => this.#happen('detach');
    this.#life.signal.addEventListener('abort', detach, { once: true });
    if (this.#life.signal.aborted) queueMicrotask(detach);
    else this.#run((signal) => this.#open(signal));
  }

  get state(): State {
    return this.#state;
  }

  /** The present session; undefined while there is none. */
  get session(): OwnSession | undefined {
    return this.#session;
  }

  on<Name extends keyof InstanceEvents>(name: Name, listener: (...args: InstanceEvents[Name]) => void): Unsubscribe {
    return this.#events.on(name, listener);
  }

  /** Waits until orders reach it. Rejects when it ends before. */
  async attached(signal?: AbortSignal): Promise<OwnSession> {
    const scope = new Scope(signal, this.#life.signal);
    try {
      if (this.#state === 'attached') return this.#session!;
      const [session] = await this.#events.once('attached', scope.signal);
      return session;
    } finally {
      scope.release();
    }
  }

  /**
   * Connects to another instance: directly where there is a way, else through the server. Resolves with the stream,
   * which knows which it is; rejects when the peer refuses, is not there, or leaves. Waits until it is attached.
   */
  connect(cvid: number, options: ConnectOptions = {}): Promise<PeerStream> {
    return this.#brokered().connect(cvid, options);
  }

  /** Says goodbye, and is gone: session, node, links and streams go at once. Never rejects. */
  async leave(): Promise<void> {
    this.#happen('leave');
    await this.ended;
  }

  /** Lets go without a goodbye: the session, its links and its streams stay for their grace. */
  detach(): void {
    this.#happen('detach');
  }

  #happen(event: Event, error?: SwitchyardError): void {
    const from = this.#state;
    const to = next(from, event);
    if (to === from) return;
    this.#state = to;
    // The call that made it attached is the one that keeps it so.
    if (to !== 'attached') {
      this.#scope.abort(new SwitchyardError(StatusCode.CANCELLED, `given up: the instance is ${to}`));
      this.#scope = new Scope(this.#life.signal);
    }
    this.#enter(to, from, error);
  }

  /**
   * What a state begins with. Its work is begun before it is told of, because a listener may send the instance into
   * another state at once.
   */
  #enter(state: State, from: State, error: SwitchyardError | undefined): void {
    const nowMs = this.caller.clock.nowMs();
    if (from === 'attached') for (const backoff of Object.values(this.#backoffs)) backoff.stood(nowMs - this.#sinceMs);
    this.#sinceMs = nowMs;
    switch (state) {
      case 'opening':
        this.#run((signal) => this.#open(signal));
        break;
      case 'attaching':
        this.#run((signal) => this.#attach(signal));
        if (from === 'opening') this.#events.emit('opened', this.#session!);
        break;
      case 'attached':
        this.#events.emit('attached', this.#session!);
        break;
      case 'reattaching':
      case 'reopening':
        this.#rest(error!);
        break;
      case 'leaving':
        this.#run((signal) => this.#sayGoodbye(signal));
        break;
      case 'ended':
        this.#end(from === 'leaving' ? undefined : error);
        break;
    }
  }

  /** Carries out what a state is there for. What comes of it counts only while that state lasts. */
  #run(action: (signal: AbortSignal) => Promise<Event>): void {
    const { signal } = this.#scope;
    action(signal).then(
      (event) => {
        if (!signal.aborted) this.#happen(event);
      },
      (cause: unknown) => {
        if (signal.aborted) return;
        if (cause instanceof SwitchyardError) this.#happen(this.#meaning(cause), cause);
        else this.#happen('over', new SwitchyardError(StatusCode.INTERNAL, String(cause), { cause }));
      },
    );
  }

  #meaning(error: SwitchyardError): Event {
    const event = eventOf(error);
    return event === 'lost' && this.options.reopen === false ? 'over' : event;
  }

  async #open(signal: AbortSignal): Promise<Event> {
    const request = { ...sessionRequest(this.options), proof: await this.#shower.prove(ProofPurpose.SESSION, signal) };
    const response = await call(this.#anybody, SessionServiceService.session, request, { signal });
    // Given up in this very moment: the session just made is nobody's, and expires.
    signal.throwIfAborted();
    this.#session = ownSession(response);
    this.caller.channel.learn?.(response.servers);
    this.#orders = new OrderTaker(this.#desk(), this.#life.signal);
    return 'opened';
  }

  /** Attaches; on a connection that is new, once more with a proof where the server asks for one. */
  async #attach(signal: AbortSignal): Promise<Event> {
    try {
      return await this.#attachOnce(signal);
    } catch (error) {
      if (!(await showAgain(this.caller, error, signal))) throw error;
      return this.#attachOnce(signal);
    }
  }

  async #attachOnce(signal: AbortSignal): Promise<Event> {
    for await (const { order } of attach(this.caller, signal)) {
      this.#happen('welcomed');
      if (order) this.#take(order);
      signal.throwIfAborted();
    }
    throw new SwitchyardError(StatusCode.UNAVAILABLE, 'the server ended the attachment without a reason');
  }

  #take(order: Order): void {
    if (order.kind?.$case === 'streamStopped') this.#events.emit('streamStopped', order.kind.value);
    if (order.kind?.$case === 'connectionEnded') this.#connections?.ended(order.kind.value);
    if (order.kind?.$case === 'heartbeat') this.caller.channel.learn?.(order.kind.value.servers);
    if (order.orderId !== '') this.#orders?.take(order);
  }

  #rest(error: SwitchyardError): void {
    const lost = this.#state === 'reopening' && this.#session !== undefined;
    if (lost) this.#forgetSession(error);
    const isElsewhere = !lost && (this.caller.channel.moveOn?.(error) ?? false);
    const delayMs = isElsewhere ? 0 : this.#restMs(error);
    this.#run((signal) => this.#restFor(delayMs, signal));
    if (lost) this.#events.emit('lost', error);
    this.#events.emit('broken', error, delayMs);
  }

  /** Resting longer than a part of the lease would lose the session to a short break. */
  #restMs({ retryAfterMs }: SwitchyardError): number {
    return this.#session
      ? this.#backoffs.attach.afterFailure(retryAfterMs, this.#session.ttlMs / 3)
      : this.#backoffs.open.afterFailure(retryAfterMs);
  }

  /** Waits, and meanwhile renews the session, if there is one: a server may ask for a longer wait than the lease is. */
  async #restFor(delayMs: number, signal: AbortSignal): Promise<Event> {
    const renewMs = this.#session ? this.#session.ttlMs / 3 : Number.POSITIVE_INFINITY;
    for (let leftMs = delayMs; ; leftMs -= renewMs) {
      await wait(this.caller.clock, Math.min(leftMs, renewMs), signal);
      if (leftMs <= renewMs) return 'rested';
      await this.keepAlive({ signal }).catch((error: unknown) => this.#unlessBroken(error));
    }
  }

  #unlessBroken(error: unknown): void {
    // The next Attach finds out what time does not heal; until then this is one more failure of the same break.
    if (!(error instanceof SwitchyardError) || this.#meaning(error) !== 'broke') throw error;
  }

  async #sayGoodbye(signal: AbortSignal): Promise<Event> {
    const { terminateSession } = SessionServiceService;
    try {
      await call(this.caller, terminateSession, { cvid: 0, reason: '' }, { signal, timeoutMs: LIMITS.leaveTimeoutMs });
    } catch (error) {
      if (!signal.aborted) this.#events.emit('problem', asError(error));
    }
    return 'left';
  }

  #end(error: SwitchyardError | undefined): void {
    const reason = error ?? new SwitchyardError(StatusCode.CANCELLED, 'the instance has left');
    this.#forgetSession(reason);
    this.#life.abort(reason);
    this.#events.emit('ended', error);
  }

  #forgetSession(reason: SwitchyardError): void {
    this.#session = undefined;
    this.#orders?.end(reason);
    this.#orders = undefined;
    this.#connections?.end(reason);
  }

  async #anySession(signal: AbortSignal): Promise<OwnSession> {
    while (!this.#session) await this.#events.once('opened', signal);
    return this.#session;
  }

  /** Looks at every error of a call with the session's token. True: the next call will have another token, or none. */
  #refused(error: SwitchyardError, token: string | undefined): boolean {
    if (token !== this.#session?.token) return true;
    if (!error.reason?.startsWith('SESSION_') || error.code !== StatusCode.UNAUTHENTICATED) return false;
    const event = this.#meaning(error);
    if (event === 'broke') return false;
    this.#happen(event, error);
    return true;
  }

  #desk(): OrderDesk {
    return {
      handlers: this.handlers,
      connection: (connection, answered) => this.#brokered().order(connection, answered),
      tracer: this.caller.tracer,
      answer: async (request, { signal, traceparent }) => {
        const options = { signal, traceparent, retry: true, timeoutMs: LIMITS.answerTimeoutMs };
        await call(this.caller, SessionServiceService.answer, request, options);
      },
      terminated: (reason) => {
        const message = reason === '' ? 'terminated by an administrator' : `terminated: ${reason}`;
        this.#happen('over', new SwitchyardError(StatusCode.ABORTED, message, { reason: 'SESSION_TERMINATED' }));
      },
      problem: (error) => this.#events.emit('problem', error),
    };
  }

  /** Made when it is first needed: most instances of a fleet never connect to each other. */
  #brokered(): BrokeredConnections {
    const { clock, random, addresses, tracer, channel } = this.caller;
    const attached = (signal: AbortSignal) => this.attached(signal);
    this.#connections ??= new BrokeredConnections({
      handlers: this.handlers,
      ...{ clock, random, addresses, tracer, channel, attached, life: this.#life.signal, options: this.options },
      mapper: this.options.mapPorts ? new NatPmp({ clock, gateways: defaultGateways }) : undefined,
      session: () => this.#session,
      getConnection: (connectionId, options) => this.getConnection(connectionId, options),
      ask: (request, options) =>
        call(whenAttached(this.caller, attached), NetworkServiceService.directConnection, request, options),
      report: (cvid, link, established, details) => {
        const state = established ? LinkState.ESTABLISHED : LinkState.LOST;
        return this.reportLink(cvid, link, state, { ...details, retry: true });
      },
      openSource: (id, options) => this.openSource(id, options),
      openSink: (id, options) => this.openSink(id, options),
      problem: (error) => this.#events.emit('problem', error),
    });
    return this.#connections;
  }
}
