import { Client, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import {
  type AuthenticateResponse,
  AuthService,
  KVService,
  type LeaseGrantResponse,
  type LeaseKeepAliveResponse,
  LeaseService,
  MaintenanceService,
  type StatusResponse,
  WatchService,
} from '../../../gen/etcdserverpb/rpc.js';
import { type Address, formatAddress } from '../../base/address.js';
import type { Clock } from '../../base/clock.js';
import { JournalError } from '../../journal/journal.js';
import { channelCredentials, type EtcdAccess, type EtcdUser } from './access.js';
import { type Answered, answerOf, type EtcdAnswer, failureOf, isCode, isServiceError, type Send } from './answer.js';
import { COMPARED_S, REQUEST_MS_MAX, REWATCH_MS } from './limits.js';
import { compareOf, keyValueOf, operationOf, rangeOf } from './messages.js';
import { type ClusterMembership, SameCluster } from './same-cluster.js';
import {
  type Committed,
  type EtcdStore,
  type Found,
  type KeyRange,
  type Lease,
  type ReadRange,
  StoreError,
  type StoreStatus,
  type Transaction,
} from './store.js';
import { EtcdToken } from './token.js';

/** What one read may bring: as many keys as are asked for at most, each as large as a request can be. */
const MESSAGE_BYTES_MAX = 64 * 1_048_576;
/** grpc-js waits longer and longer before it dials again; a restarted etcd should not have to wait for it. */
const REDIAL_MS_MAX = 1_000;

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
    this.#token = new EtcdToken(access.user, (user, at) => this.#authenticate(user, at));
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
    const { TTL } = await this.#ask(this.#keepingAlive(lease));
    return TTL > 0n;
  }

  #keepingAlive(lease: bigint): Send<LeaseKeepAliveResponse> {
    const { path, requestSerialize, responseDeserialize } = LeaseService.leaseKeepAlive;
    return (member, metadata, answered) => {
      const options = { deadline: this.#deadline() };
      const call = member.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata, options);
      call.once('data', (answer) => {
        answered(null, answer);
        call.cancel();
      });
      // Also of a call that was answered and cancelled: that is no news then.
      call.on('error', (error: ServiceError) => answered(error));
      call.write({ ID: lease });
    };
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

  async status(): Promise<StoreStatus | undefined> {
    const answer = await this.#unary(MaintenanceService.status, {}).catch(unlessForbidden);
    if (answer === undefined) return undefined;
    const { version, dbSize, dbSizeInUse, dbSizeQuota, errors } = answer;
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
      const at = this.#at;
      const member = this.#members[at];
      const introduced = this.#cluster.isOurs(at) ? Promise.resolve() : this.#introduce(at);
      let asked: Promise<Metadata> | undefined;
      const open = (metadata: Metadata): void => {
        if (isClosed || this.#isClosed) return;
        const call = member.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata, {});
        cancel = () => call.cancel();
        call.on('data', ({ canceled }) => {
          if (!canceled) return changed();
          // It says so, too, when it does not know the token.
          if (asked !== undefined) this.#token.forget(asked);
          call.cancel();
        });
        call.once('error', again);
        call.write({
          requestUnion: { $case: 'createRequest', value: { key: Buffer.from(key), rangeEnd: Buffer.from(end) } },
        });
      };
      introduced.then(() => (asked = this.#token.metadata(at))).then(open, again);
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

  #unary<Request, Response extends EtcdAnswer>(method: Method<Request, Response>, request: Request): Promise<Response> {
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

  async #ask<T extends EtcdAnswer>(send: Send<T>): Promise<T> {
    const at = this.#at;
    try {
      if (!this.#cluster.isOurs(at)) await this.#introduce(at).catch(unsent);
      const answer = await this.#answer(at, send);
      // Another etcd may be there since, behind a connection that was made anew.
      this.#check(at, answer);
      if (!this.#cluster.isOurs(at))
        throw new StoreError('unclear', 'etcd: the member that answered may be of another');
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

  async #answer<T extends EtcdAnswer>(at: number, send: Send<T>): Promise<T> {
    const asked = this.#token.metadata(at);
    try {
      return await answerOf<T>(async (answered) => send(this.#members[at], await asked, answered));
    } catch (error) {
      if (!isServiceError(error) || !this.#token.isStale(error)) throw error;
      this.#token.forget(asked);
      const metadata = await this.#token.metadata(at);
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
      if (failureOf(error).kind !== 'refused') throw error;
      // Its status is none of a stranger's, as from etcd 3.5.28 on with authentication: it says the same of a lease that nobody has.
      return answerOf<LeaseKeepAliveResponse>((answered) => this.#keepingAlive(1n)(member, new Metadata(), answered));
    });
    this.#check(at, answer);
    const twin = this.#cluster.twinOf(at);
    if (twin === undefined) return;
    const isOne = await this.#isOne(twin, at);
    this.#cluster.compared(at, isOne);
    this.#use(isOne ? 'ours' : 'foreign');
  }

  /** Whether two members are of one etcd, whatever they say: only then does the one know a lease that the other has given. */
  async #isOne(first: number, at: number): Promise<boolean> {
    const { ID } = await this.#answer<LeaseGrantResponse>(first, (member, metadata, answered) =>
      this.#send(member, LeaseService.leaseGrant, { TTL: COMPARED_S, ID: 0n }, metadata, answered),
    );
    const { TTL } = await this.#answer(at, this.#keepingAlive(ID));
    return TTL > 0n;
  }

  #check(at: number, { header }: EtcdAnswer): void {
    if (header === undefined) return;
    this.#use(this.#cluster.heard(at, header.clusterId, header.memberId));
  }

  #use(membership: ClusterMembership): void {
    const { problem } = this.#cluster;
    if (problem !== undefined && problem !== this.#reported) this.mixed(problem, membership === 'replaced');
    this.#reported = problem;
    if (membership !== 'ours') throw new StoreError('unclear', `etcd: ${problem}`);
  }

  async #authenticate({ name, password }: EtcdUser, at: number): Promise<string> {
    const { token } = await answerOf<AuthenticateResponse>((answered) =>
      this.#send(this.#members[at], AuthService.authenticate, { name, password }, new Metadata(), answered),
    );
    return token;
  }

  #deadline(): number {
    return this.#clock.wallMs() + REQUEST_MS_MAX;
  }
}

/** What only etcd's administrator may ask has no answer for other users. */
function unlessForbidden(error: unknown): undefined {
  if (isCode(error, status.PERMISSION_DENIED)) return undefined;
  throw error;
}

/** Of a member that could not be introduced: nothing was asked of it, so another one may be. */
function unsent(error: unknown): never {
  throw new StoreError('unclear', failureOf(error).message, { cause: error });
}
