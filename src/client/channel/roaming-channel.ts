import type { Position } from '../../../gen/switchyard/v1/position.js';
import type { AttachResponse } from '../../../gen/switchyard/v1/session_service.js';
import { SessionServiceService } from '../../../gen/switchyard/v1/session_service.js';
import type { Clock, Random } from '../../base/clock.js';
import { SwitchyardError } from '../error.js';
import { LIMITS } from '../limits.js';
import { StatusCode } from '../status.js';
import type { Call, Channel, Method } from './channel.js';
import type { ChannelPool, UsedChannel } from './channel-pool.js';
import type { ServerList } from './server-list.js';

/** What a {@link RoamingChannel} stands on. */
export interface RoamingDeps {
  readonly pool: ChannelPool;
  readonly servers: ServerList;
  readonly clock: Clock;
  readonly random: Random;
  /** Whether a call that fails as a server does that is away moves the calls after it: nothing else would notice. */
  readonly isEager?: boolean;
}

/** Errors by which a server is left: it is away or goes down, it does not answer, or it has lost the others. */
const CODES: ReadonlySet<StatusCode> = new Set([
  StatusCode.UNAVAILABLE,
  StatusCode.DEADLINE_EXCEEDED,
  StatusCode.INTERNAL,
  StatusCode.UNKNOWN,
]);
/** Where a reason is said, it decides: what another server would answer too, or what is about a peer, says nothing of this one. */
const REASONS: ReadonlySet<string> = new Set([
  'DRAINING',
  'JOURNAL_UNAVAILABLE',
  'BEHIND',
  'SERVER_CUT_OFF',
  'OUTCOME_UNKNOWN',
  'INTERNAL',
]);
/** Its positions are its own, and not the network's. */
const WITHOUT_POSITIONS = SessionServiceService.watchSessions.path;
const AFTER_METADATA = 'switchyard-after';

/**
 * A way to the servers of one network: calls go to one of them, any at first, until it fails; then to the others in turn.
 *
 * After a change of servers calls ask for at least the revision that this client has seen, so that it reads its own writes, until one
 * was answered.
 */
export class RoamingChannel implements Channel {
  readonly #deps: RoamingDeps;
  /** Failed since a user of this way has rested, or since one of them stood for long. */
  readonly #tried = new Set<string>();
  readonly #whereFailed = new WeakMap<object, string>();
  #here: string;
  #used: UsedChannel;
  #sinceMs: number;
  #seen: Position | undefined;
  /** The server has yet to answer as of what was seen. */
  #isOwed = false;
  /** One of those that failed is behind what was seen. */
  #wasBehind = false;
  #isReleased = false;

  constructor(deps: RoamingDeps) {
    const { servers, random, pool, clock } = deps;
    this.#deps = deps;
    const first = servers.pick(this.#tried, random);
    if (first === undefined) throw new TypeError('server: at least one address is needed');
    this.#here = first;
    this.#used = pool.use(first);
    this.#sinceMs = clock.nowMs();
  }

  /** The address of the server that calls go to. */
  get address(): string {
    return this.#here;
  }

  get host(): string | undefined {
    return this.#used.channel.host;
  }

  leafKeyId(): Uint8Array | undefined {
    return this.#used.channel.leafKeyId?.();
  }

  async unary<Request, Response>(method: Method<Request, Response>, request: Request, call: Call): Promise<Response> {
    const { address, used } = await this.#enter(call);
    try {
      const response = await used.channel.unary(method, request, this.#withAfter(call));
      this.#answered(address, method.path, response);
      return response;
    } catch (error) {
      this.#failed(error, address);
      if (this.#deps.isEager && isOfServer(error) && !call.signal.aborted) this.#leave(address, error);
      throw error;
    } finally {
      used.release();
    }
  }

  serverStream<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    call: Call,
  ): AsyncIterable<Response> {
    return this.#stream(method, call, (channel, sent) => channel.serverStream(method, request, sent));
  }

  duplex<Request, Response>(
    method: Method<Request, Response>,
    requests: AsyncIterable<Request>,
    call: Call,
  ): AsyncIterable<Response> {
    return this.#stream(method, call, (channel, sent) => channel.duplex(method, requests, sent));
  }

  hold(): () => void {
    return this.#deps.pool.hold();
  }

  learn(servers: readonly string[]): void {
    this.#deps.servers.learn(servers);
  }

  moveOn(error: unknown): boolean {
    if (!isOfServer(error) || this.#deps.servers.size < 2) return false;
    return this.#leave(this.#whereFailed.get(error) ?? this.#here, error);
  }

  rested(): void {
    this.#tried.clear();
  }

  /** Its user is over. Calls that run go on. */
  release(): void {
    this.#isReleased = true;
    this.#used.release();
  }

  close(): void {
    this.#deps.pool.close();
  }

  async *#stream<Response>(
    { path }: Pick<Method<never, Response>, 'path'>,
    call: Call,
    open: (channel: Channel, sent: Call) => AsyncIterable<Response>,
  ): AsyncGenerator<Response, void, undefined> {
    const { address, used } = await this.#enter(call);
    try {
      for await (const message of open(used.channel, this.#withAfter(call))) {
        this.#answered(address, path, message);
        yield message;
      }
    } catch (error) {
      this.#failed(error, address);
      throw error;
    } finally {
      used.release();
    }
  }

  /**
   * The server that the next call goes to: where several are known, one to which there is a connection, if there is such a one. A call that has
   * less time than they may take gives each a share of what is left, so that one that says nothing does not use it up.
   */
  async #enter({ signal, timeoutMs = Number.POSITIVE_INFINITY }: Call) {
    const { pool, servers, clock } = this.#deps;
    signal.throwIfAborted();
    const endsAtMs = clock.nowMs() + timeoutMs;
    const asked = new Set<string>();
    for (let address = this.#here; ; ) {
      const used = pool.use(address);
      asked.add(address);
      const leftMs = endsAtMs - clock.nowMs();
      const shares = Math.max(1, Math.min(LIMITS.connectShares, servers.size - asked.size + 1));
      const withinMs = Math.min(LIMITS.connectMs, leftMs / shares);
      if (servers.size < 2 || leftMs <= 0 || (await used.channel.ready(signal, withinMs))) return { address, used };
      this.#tried.add(address);
      const next = asked.has(this.#here) ? this.#nextOf(asked) : this.#here;
      if (next === undefined) return { address, used };
      used.release();
      if (next !== this.#here) this.#goTo(next);
      address = next;
    }
  }

  /** One that this call has not asked, and where there is one, that no other call has. */
  #nextOf(asked: ReadonlySet<string>): string | undefined {
    const { servers, random } = this.#deps;
    return servers.pick(new Set([...asked, ...this.#tried]), random) ?? servers.pick(asked, random);
  }

  /** Leaves a server after an error of it. True: calls go to one that has not failed since the last rest. */
  #leave(from: string, { reason }: SwitchyardError): boolean {
    const { servers, random, clock } = this.#deps;
    if (reason === 'BEHIND') this.#wasBehind = true;
    if (from !== this.#here) return !this.#tried.has(this.#here);
    if (clock.nowMs() - this.#sinceMs >= LIMITS.steadyMs) this.#tried.clear();
    this.#tried.add(from);
    const next = servers.pick(this.#tried, random);
    if (next === undefined) this.#forgetWhereBehind();
    // Where all have failed, the one that failed last is not the first that is asked after the rest.
    const other = next ?? servers.pick(new Set([from]), random);
    if (other !== undefined) this.#goTo(other);
    return next !== undefined;
  }

  /** One that is at another history would never reach what was seen of this one. */
  #forgetWhereBehind(): void {
    if (this.#wasBehind) this.#seen = undefined;
    this.#wasBehind = false;
  }

  #goTo(address: string): void {
    if (this.#isReleased) return;
    const left = this.#used;
    this.#here = address;
    this.#used = this.#deps.pool.use(address);
    this.#sinceMs = this.#deps.clock.nowMs();
    this.#isOwed = true;
    left.release();
  }

  #withAfter(call: Call): Call {
    if (!this.#isOwed || this.#seen === undefined) return call;
    return { ...call, metadata: { ...call.metadata, [AFTER_METADATA]: String(this.#seen.revision) } };
  }

  #answered(address: string, path: string, message: unknown): void {
    if (address === this.#here) {
      this.#isOwed = false;
      this.#wasBehind = false;
    }
    if (path === WITHOUT_POSITIONS) return;
    const position = positionOf(message);
    if (position === undefined || position.epoch === '') return;
    if (this.#seen?.epoch !== position.epoch || this.#seen.revision < position.revision) this.#seen = position;
  }

  #failed(error: unknown, address: string): void {
    if (!(error instanceof SwitchyardError)) return;
    this.#whereFailed.set(error, address);
    if (this.#deps.servers.size > 1) error.madeTo(address);
    const { servers } = error.metadata;
    if (servers !== undefined) this.learn(servers.split(',').filter((one) => one !== ''));
  }
}

function isOfServer(error: unknown): error is SwitchyardError {
  if (!(error instanceof SwitchyardError) || !CODES.has(error.code)) return false;
  return error.reason === undefined || REASONS.has(error.reason);
}

/** Where the network stands by a message; undefined when it does not say. */
function positionOf(message: unknown): Position | undefined {
  const { position, order } = message as { readonly position?: Position } & Partial<Pick<AttachResponse, 'order'>>;
  return position ?? (order?.kind?.$case === 'heartbeat' ? order.kind.value.position : undefined);
}
