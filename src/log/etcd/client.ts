import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import {
  Compare_CompareResult,
  Compare_CompareTarget,
  type Compare as CompareMessage,
  type KeyValue as KeyValueMessage,
  KVService,
  LeaseService,
  MaintenanceService,
  type RangeRequest,
  type RequestOp,
  WatchService,
} from '../../../gen/etcdserverpb/rpc.js';
import { type Address, formatAddress } from '../../base/address.js';
import type { Clock } from '../../base/clock.js';
import { REQUEST_MS_MAX, REWATCH_MS } from './limits.js';
import {
  type Committed,
  type Compare,
  type EtcdStore,
  type Found,
  type KeyRange,
  type KeyValue,
  type Lease,
  type Operation,
  type ReadRange,
  StoreError,
  type StoreStatus,
  type Transaction,
} from './store.js';

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

/**
 * etcd over gRPC: the members that were named, one at a time. After an answer that says nothing the next one is asked, because
 * the one before may be gone or cut off. A request is sent once, whatever becomes of it.
 */
export class EtcdClient implements EtcdStore {
  readonly #members: readonly Client[];
  readonly #clock: Clock;
  #at = 0;

  constructor(addresses: readonly Address[], clock: Clock) {
    this.#clock = clock;
    this.#members = addresses.map(
      (address) =>
        new Client(formatAddress(address), credentials.createInsecure(), {
          'grpc.enable_retries': 0,
          'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
          'grpc.initial_reconnect_backoff_ms': REDIAL_MS_MAX / 10,
          'grpc.max_reconnect_backoff_ms': REDIAL_MS_MAX,
          // etcd is on the own network; a proxy for web pages is none for it.
          'grpc.enable_http_proxy': 0,
        }),
    );
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
  keepAlive(lease: bigint): Promise<boolean> {
    const { path, requestSerialize, responseDeserialize } = LeaseService.leaseKeepAlive;
    return this.#ask((member, answered) => {
      const options = { deadline: this.#deadline() };
      const call = member.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, new Metadata(), options);
      call.once('data', ({ TTL }) => {
        answered(null, TTL > 0n);
        call.cancel();
      });
      // Also of a call that was answered and cancelled: that is no news then.
      call.on('error', (error: ServiceError) => answered(error));
      call.write({ ID: lease });
    });
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
    const { version, dbSize } = await this.#unary(MaintenanceService.status, {});
    return { version, bytes: Number(dbSize) };
  }

  /** A call that stays open, and is made anew at whichever member is asked then when it breaks. */
  watch({ key, end = '' }: KeyRange, changed: () => void): { close(): void } {
    const { path, requestSerialize, responseDeserialize } = WatchService.watch;
    let isClosed = false;
    let cancel: () => void;
    const begin = (): void => {
      const member = this.#members[this.#at];
      const call = member.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, new Metadata(), {});
      cancel = () => call.cancel();
      call.on('data', ({ canceled }) => (canceled ? call.cancel() : changed()));
      call.once('error', () => {
        if (isClosed) return;
        changed();
        const timer = this.#clock.after(REWATCH_MS, begin);
        cancel = () => timer.cancel();
      });
      call.write({
        requestUnion: { $case: 'createRequest', value: { key: Buffer.from(key), rangeEnd: Buffer.from(end) } },
      });
    };
    begin();
    const close = () => {
      isClosed = true;
      cancel();
    };
    return { close };
  }

  close(): void {
    for (const member of this.#members) member.close();
  }

  #unary<Request, Response>(method: Method<Request, Response>, request: Request): Promise<Response> {
    const { path, requestSerialize, responseDeserialize } = method;
    return this.#ask((member, answered) => {
      const options = { deadline: this.#deadline() };
      member.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, new Metadata(), options, answered);
    });
  }

  #ask<T>(send: (member: Client, answered: (error: ServiceError | null, answer?: T) => void) => void): Promise<T> {
    const at = this.#at;
    return new Promise((resolve, reject) => {
      send(this.#members[at], (error, answer) => {
        if (error === null && answer !== undefined) return resolve(answer);
        const failure = failureOf(error);
        if (failure.kind === 'unclear' && this.#at === at) this.#at = (at + 1) % this.#members.length;
        reject(failure);
      });
    });
  }

  #deadline(): number {
    return this.#clock.wallMs() + REQUEST_MS_MAX;
  }
}

function failureOf(error: ServiceError | null): StoreError {
  const message = `etcd: ${error?.details ?? 'the answer is empty'}`;
  const options = { cause: error };
  if (error === null) return new StoreError('unclear', message, options);
  // etcd says the same of too many requests, and of one that is too large.
  if (error.code === status.RESOURCE_EXHAUSTED && error.details.includes('space exceeded')) {
    return new StoreError('full', message, options);
  }
  return new StoreError(REFUSED.has(error.code) ? 'refused' : 'unclear', message, options);
}

function isCode(error: unknown, code: status): boolean {
  return error instanceof StoreError && (error.cause as ServiceError | null)?.code === code;
}

function rangeOf({ key, end = '', limit = 0, keysOnly = false }: ReadRange): RangeRequest {
  return { key: Buffer.from(key), rangeEnd: Buffer.from(end), limit: BigInt(limit), keysOnly };
}

function operationOf(operation: Operation): RequestOp {
  switch (operation.kind) {
    case 'read':
      return { request: { $case: 'requestRange', value: rangeOf(operation.range) } };
    case 'put': {
      const { key, value, lease = 0n } = operation;
      const put = { key: Buffer.from(key), value: Buffer.from(value.buffer, value.byteOffset, value.length), lease };
      return { request: { $case: 'requestPut', value: put } };
    }
    case 'delete': {
      const { key, end = '' } = operation.range;
      const value = { key: Buffer.from(key), rangeEnd: Buffer.from(end) };
      return { request: { $case: 'requestDeleteRange', value } };
    }
  }
}

function compareOf({ key, target, revision }: Compare): CompareMessage {
  const isCreated = target === 'created';
  return {
    result: Compare_CompareResult.EQUAL,
    target: isCreated ? Compare_CompareTarget.CREATE : Compare_CompareTarget.MOD,
    key: Buffer.from(key),
    targetUnion: { $case: isCreated ? 'createRevision' : 'modRevision', value: revision },
  };
}

function keyValueOf({ key, value, createRevision, modRevision }: KeyValueMessage): KeyValue {
  return { key: key.toString(), value, createRevision, modRevision };
}
