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
  /** Asked since the last rest, or since one of them stood for long. */
  readonly #tried = new Set<string>();
  readonly #whereFailed = new WeakMap<object, string>();
  #here: string;
  #used: UsedChannel;
  #sinceMs: number;
  #seen: Position | undefined;
  /** The server has yet to answer as of what was seen. */
  #isOwed = false;

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
    const { address, used } = await this.#enter(call.signal);
    try {
      const response = await used.channel.unary(method, request, this.#withAfter(call));
      this.#answered(address, method.path, response);
      return response;
    } catch (error) {
      this.#failed(error, address);
      if (this.#deps.isEager && isOfServer(error) && !call.signal.aborted) this.#goOn(address);
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
    if (this.#goOn(this.#whereFailed.get(error) ?? this.#here)) return true;
    // All were asked. One that is at another history would never reach what was seen of this one.
    this.#tried.clear();
    this.#isOwed = false;
    return false;
  }

  /** Its user is over. Calls that run go on. */
  release(): void {
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
    const { address, used } = await this.#enter(call.signal);
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

  /** The server that the next call goes to: where several are known, one to which there is a connection, if there is such a one. */
  async #enter(signal: AbortSignal): Promise<{ readonly address: string; readonly used: UsedChannel }> {
    const { pool, servers } = this.#deps;
    for (;;) {
      signal.throwIfAborted();
      const address = this.#here;
      const used = pool.use(address);
      const isThere = servers.size < 2 || (await used.channel.ready(signal, LIMITS.connectMs));
      if (isThere || !this.#goOn(address)) return { address, used };
      used.release();
    }
  }

  /** Leaves a server for one that was not tried lately. False: there is none. True also when it was left already. */
  #goOn(from: string): boolean {
    const { servers, random, clock, pool } = this.#deps;
    if (from !== this.#here) return true;
    const nowMs = clock.nowMs();
    if (nowMs - this.#sinceMs >= LIMITS.steadyMs) this.#tried.clear();
    this.#tried.add(from);
    const next = servers.pick(this.#tried, random);
    if (next === undefined) return false;
    const left = this.#used;
    this.#here = next;
    this.#used = pool.use(next);
    this.#sinceMs = nowMs;
    this.#isOwed = true;
    left.release();
    return true;
  }

  #withAfter(call: Call): Call {
    if (!this.#isOwed || this.#seen === undefined) return call;
    return { ...call, metadata: { ...call.metadata, [AFTER_METADATA]: String(this.#seen.revision) } };
  }

  #answered(address: string, path: string, message: unknown): void {
    if (address === this.#here) this.#isOwed = false;
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
