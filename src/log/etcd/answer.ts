import { type Client, type Metadata, type ServiceError, status } from '@grpc/grpc-js';
import type { ResponseHeader } from '../../../gen/etcdserverpb/rpc.js';
import { asError } from '../../base/errors.js';
import { failureWords } from '../../base/failure-words.js';
import { StoreError } from './store.js';

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

/** What every answer has. */
export interface EtcdAnswer {
  readonly header: ResponseHeader | undefined;
}

/** Makes a call at a member. */
export type Send<T> = (member: Client, metadata: Metadata, answered: Answered<T>) => void;

/** How a call says what became of it. */
export type Answered<T> = (error: ServiceError | null, answer?: T) => void;

/** The answer to what is sent. Rejects with a ServiceError, or with an Error when the answer is empty. */
export function answerOf<T>(send: (answered: Answered<T>) => void | Promise<void>): Promise<T> {
  return new Promise((resolve, reject) => {
    const answered: Answered<T> = (error, answer) => {
      if (error === null && answer !== undefined) resolve(answer);
      else reject(error ?? new Error('the answer is empty'));
    };
    Promise.resolve(send(answered)).catch(reject);
  });
}

/** Whether etcd, or the way to it, has refused a call. */
export function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error;
}

/** Why a request has failed, as the log has it. */
export function failureOf(error: unknown): StoreError {
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

/** Whether a request was refused with this status. */
export function isCode(error: unknown, code: status): boolean {
  return error instanceof StoreError && isServiceError(error.cause) && error.cause.code === code;
}
