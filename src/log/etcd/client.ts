import { Client, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import {
  type AuthenticateResponse,
  AuthService,
  KVService,
  type LeaseKeepAliveResponse,
  LeaseService,
  MaintenanceService,
  type ResponseHeader,
  type StatusResponse,
  WatchService,
} from '../../../gen/etcdserverpb/rpc.js';
import { type Address, formatAddress } from '../../base/address.js';
import type { Clock } from '../../base/clock.js';
import { asError } from '../../base/errors.js';
import { failureWords } from '../../base/failure-words.js';
import { JournalError } from '../../journal/journal.js';
import { channelCredentials, type EtcdAccess, type EtcdUser } from './access.js';
import { REQUEST_MS_MAX, REWATCH_MS } from './limits.js';
import { compareOf, keyValueOf, operationOf, rangeOf } from './messages.js';
import { SameCluster } from './same-cluster.js';
import {
  type Committed,
  type EtcdStore,
  type Found,
  type KeyRange,
  type Lease,
  type ReadRange,
  StoreError,
  type StoreStatus,
  type TimeToLive,
  type Transaction,
} from './store.js';
import { EtcdToken } from './token.js';

/** What one read may bring: as many keys as are asked for at most, each as large as a request can be. */
const MESSAGE_BYTES_MAX = 64 * 1_048_576;
/** grpc-js waits longer and longer before it dials again; a restarted etcd should not have to wait for it. */
const REDIAL_MS_MAX = 1_000;

/** What will be refused again, however often it is tried. */
const REFUSED: ReadonlySet<status> = new Set([
  status.INVALID_ARGUMENT,
  status.NOT_FOUND,
  status.PERMISSION_DENIED,
  status.FAILED_PRECONDITION,
  status.OUT_OF_RANGE,
  status.UNIMPLEMENTED,
  status.UNAUTHENTICATED,
]);

/** A method as the generated services have it. */
interface Method<Request, Response> {
  readonly path: string;
  readonly requestSerialize: (request: Request) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

/** How etcd names the alarm that its quota is used up. */
const NOSPACE = 'NOSPACE';

/**
 * etcd over gRPC: the members that were named, one at a time. After an answer that says nothing the next one is asked, because
 * the one before may be gone or cut off. A request is sent once, whatever becomes of it; one that etcd did not look at because of its
 * token is sent again with another.
 */
export class EtcdClient implements EtcdStore {
  readonly #members: readonly Client[];
  readonly #clock: Clock;
  readonly #token: EtcdToken;
  readonly #cluster: SameCluster;
  /** The last problem that was reported: once as long as it stays so. */
  #reported: string | undefined;
  /**
   * Called when a member turns out to be of another etcd than the one that answered first; `isReplaced`: all of them, so that asking again is of no
   * use. Nothing is asked of such a member.
   */
  mixed: (problem: string, isReplaced: boolean) => void = () => {};
  #at = 0;
  #isClosed = false;

  constructor(addresses: readonly Address[], clock: Clock, access: EtcdAccess = {}) {
    this.#clock = clock;
    this.#token = new EtcdToken(access.user, (user) => this.#authenticate(user));
    this.#cluster = new SameCluster(addresses.map(formatAddress));
    const credentials = channelCredentials(access);
    this.#members = addresses.map(
      (address) =>
        new Client(formatAddress(address), credentials, {
          'grpc.enable_retries': 0,
          'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
          'grpc.initial_reconnect_backoff_ms': REDIAL_MS_MAX / 10,
          'grpc.max_reconnect_backoff_ms': REDIAL_MS_MAX,
          // etcd is on the own network; a proxy for web pages is none for it.
          'grpc.enable_http_proxy': 0,
        }),
    );
  }

  /**
   * Asks all members which etcd they belong to. Rejects with a JournalError when they do not all belong to one; a member that does not answer now
   * is asked before it is used.
   */
  async checkMembers(): Promise<void> {
    const introduced = this.#members.map((_member, at) => this.#introduce(at).catch(() => undefined));
    await Promise.all(introduced);
    const { problem } = this.#cluster;
    if (problem !== undefined) throw new JournalError('differs', problem);
  }

  async commit({ compare, success, failure = [] }: Transaction): Promise<Committed> {
    const { succeeded, header, responses } = await this.#unary(KVService.txn, {
      compare: compare.map(compareOf),
      success: success.map(operationOf),
      failure: failure.map(operationOf),
    });
    const found = responses.flatMap(({ response }) =>
      response?.$case === 'responseRange' ? [response.value.kvs.map(keyValueOf)] : [],
    );
    return { succeeded, revision: header?.revision ?? 0n, found };
  }

  async read(range: ReadRange): Promise<Found> {
    const { kvs, more } = await this.#unary(KVService.range, rangeOf(range));
    return { values: kvs.map(keyValueOf), more };
  }

  async grant(ttlMs: number): Promise<Lease> {
    const { ID, TTL } = await this.#unary(LeaseService.leaseGrant, { TTL: BigInt(Math.ceil(ttlMs / 1_000)), ID: 0n });
    return { id: ID, ttlMs: Number(TTL) * 1_000 };
  }

  /** A call for each keep-alive: one that stays open would have to be watched for whether it still lives. */
  async keepAlive(lease: bigint): Promise<boolean> {
    const { path, requestSerialize, responseDeserialize } = LeaseService.leaseKeepAlive;
    const { TTL } = await this.#ask<LeaseKeepAliveResponse>((member, metadata, answered) => {
      const options = { deadline: this.#deadline() };
      const call = member.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata, options);
      call.once('data', (answer) => {
        answered(null, answer);
        call.cancel();
      });
      // Also of a call that was answered and cancelled: that is no news then.
      call.on('error', (error: ServiceError) => answered(error));
      call.write({ ID: lease });
    });
    return TTL > 0n;
  }

  async timeToLive(lease: bigint): Promise<TimeToLive | undefined> {
    const { TTL, grantedTTL } = await this.#unary(LeaseService.leaseTimeToLive, { ID: lease });
    // Seconds, rounded down.
    return TTL < 0n ? undefined : { ttlMs: Number(grantedTTL) * 1_000, leftMs: (Number(TTL) + 1) * 1_000 };
  }

  async revoke(lease: bigint): Promise<void> {
    try {
      await this.#unary(LeaseService.leaseRevoke, { ID: lease });
    } catch (error) {
      if (!isCode(error, status.NOT_FOUND)) throw error;
    }
  }

  async compact(revision: bigint): Promise<void> {
    try {
      await this.#unary(KVService.compact, { revision });
    } catch (error) {
      // It was compacted further already.
      if (!isCode(error, status.OUT_OF_RANGE)) throw error;
    }
  }

  async status(): Promise<StoreStatus> {
    const { version, dbSize, dbSizeInUse, dbSizeQuota, errors } = await this.#unary(MaintenanceService.status, {});
    const [bytes, bytesInUse, quotaBytes] = [dbSize, dbSizeInUse, dbSizeQuota].map(Number);
    const isAlarmed = errors.some((error) => error.includes(NOSPACE));
    return { version, bytes, bytesInUse, isAlarmed, quotaBytes: quotaBytes === 0 ? undefined : quotaBytes };
  }

  /** A call that stays open, and is made anew at whichever member is asked then when it breaks. */
  watch({ key, end = '' }: KeyRange, changed: () => void): { close(): void } {
    const { path, requestSerialize, responseDeserialize } = WatchService.watch;
    let isClosed = false;
    let cancel = () => {};
    const again = (): void => {
      if (isClosed || this.#isClosed) return;
      changed();
      const timer = this.#clock.after(REWATCH_MS, begin);
      cancel = () => timer.cancel();
    };
    const begin = (): void => {
      if (this.#isClosed) return;
      const member = this.#members[this.#at];
      const asked = this.#token.metadata();
      const open = (metadata: Metadata): void => {
        if (isClosed || this.#isClosed) return;
        const call = member.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata, {});
        cancel = () => call.cancel();
        call.on('data', ({ canceled }) => {
          if (!canceled) return changed();
          // It says so, too, when it does not know the token.
          this.#token.forget(asked);
          call.cancel();
        });
        call.once('error', again);
        call.write({
          requestUnion: { $case: 'createRequest', value: { key: Buffer.from(key), rangeEnd: Buffer.from(end) } },
        });
      };
      asked.then(open, again);
    };
    begin();
    const close = () => {
      isClosed = true;
      cancel();
    };
    return { close };
  }

  close(): void {
    this.#isClosed = true;
    for (const member of this.#members) member.close();
  }

  #unary<Request, Response extends Answer>(method: Method<Request, Response>, request: Request): Promise<Response> {
    return this.#ask((member, metadata, answered) => this.#send(member, method, request, metadata, answered));
  }

  #send<Request, Response>(
    member: Client,
    { path, requestSerialize, responseDeserialize }: Method<Request, Response>,
    request: Request,
    metadata: Metadata,
    answered: Answered<Response>,
  ): void {
    const options = { deadline: this.#deadline() };
    member.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, options, answered);
  }

  async #ask<T extends Answer>(send: Send<T>): Promise<T> {
    const at = this.#at;
    try {
      if (!this.#cluster.isOurs(at)) await this.#introduce(at);
      const answer = await this.#answer(at, send);
      // Another etcd may be there since, behind a connection that was made anew.
      this.#check(at, answer);
      return answer;
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind === 'unclear') {
        this.#cluster.forget(at);
        if (this.#at === at) this.#at = (at + 1) % this.#members.length;
      }
      throw failure;
    }
  }

  async #answer<T extends Answer>(at: number, send: Send<T>): Promise<T> {
    const asked = this.#token.metadata();
    try {
      return await answerOf<T>(async (answered) => send(this.#members[at], await asked, answered));
    } catch (error) {
      if (!isServiceError(error) || !this.#token.isStale(error)) throw error;
      this.#token.forget(asked);
      const metadata = await this.#token.metadata();
      return await answerOf<T>(async (answered) => send(this.#members[at], metadata, answered));
    }
  }

  /** Asks a member which etcd it belongs to, before anything is stored or a password is said there. Rejects where it is another. */
  async #introduce(at: number): Promise<void> {
    const member = this.#members[at];
    const status = answerOf<StatusResponse>((answered) =>
      this.#send(member, MaintenanceService.status, {}, new Metadata(), answered),
    );
    const answer = await status.catch((error: unknown) => {
      // One that says nothing to strangers says it with the first answer.
      if (failureOf(error).kind !== 'refused') throw error;
    });
    if (answer !== undefined) this.#check(at, answer);
  }

  #check(at: number, { header }: Answer): void {
    if (header === undefined) return;
    const membership = this.#cluster.heard(at, header.clusterId);
    const { problem } = this.#cluster;
    if (problem !== undefined && problem !== this.#reported) this.mixed(problem, membership === 'replaced');
    this.#reported = problem;
    if (membership !== 'ours') throw new StoreError('unclear', `etcd: ${problem}`);
  }

  async #authenticate({ name, password }: EtcdUser): Promise<string> {
    const member = this.#members[this.#at];
    const { token } = await answerOf<AuthenticateResponse>((answered) =>
      this.#send(member, AuthService.authenticate, { name, password }, new Metadata(), answered),
    );
    return token;
  }

  #deadline(): number {
    return this.#clock.wallMs() + REQUEST_MS_MAX;
  }
}

/** What every answer has. */
interface Answer {
  readonly header: ResponseHeader | undefined;
}

/** Makes a call at a member. */
type Send<T> = (member: Client, metadata: Metadata, answered: Answered<T>) => void;

/** How a call says what became of it. */
type Answered<T> = (error: ServiceError | null, answer?: T) => void;

/** The answer to what is sent. Rejects with a ServiceError, or with an Error when the answer is empty. */
function answerOf<T>(send: (answered: Answered<T>) => void | Promise<void>): Promise<T> {
  return new Promise((resolve, reject) => {
    const answered: Answered<T> = (error, answer) => {
      if (error === null && answer !== undefined) resolve(answer);
      else reject(error ?? new Error('the answer is empty'));
    };
    Promise.resolve(send(answered)).catch(reject);
  });
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error;
}

function failureOf(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const options = { cause: error };
  if (!isServiceError(error)) return new StoreError('unclear', `etcd: ${asError(error).message}`, options);
  const message = `etcd: ${failureWords(error.details)}`;
  // etcd says the same of too many requests, and of one that is too large.
  if (error.code === status.RESOURCE_EXHAUSTED && error.details.includes('space exceeded')) {
    return new StoreError('full', message, options);
  }
  return new StoreError(REFUSED.has(error.code) ? 'refused' : 'unclear', message, options);
}

function isCode(error: unknown, code: status): boolean {
  return error instanceof StoreError && isServiceError(error.cause) && error.cause.code === code;
}
