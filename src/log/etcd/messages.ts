import {
  Compare_CompareResult,
  Compare_CompareTarget,
  type Compare as CompareMessage,
  type KeyValue as KeyValueMessage,
  type RangeRequest,
  type RequestOp,
} from '../../../gen/etcdserverpb/rpc.js';
import type { Compare, KeyValue, Operation, ReadRange } from './store.js';

/** What is read, as etcd has it. */
export function rangeOf({ key, end = '', limit = 0, keysOnly = false }: ReadRange): RangeRequest {
  return { key: Buffer.from(key), rangeEnd: Buffer.from(end), limit: BigInt(limit), keysOnly };
}

/** One operation, as etcd has it. */
export function operationOf(operation: Operation): RequestOp {
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

/** A condition, as etcd has it. */
export function compareOf({ key, target, revision }: Compare): CompareMessage {
  const isCreated = target === 'created';
  return {
    result: Compare_CompareResult.EQUAL,
    target: isCreated ? Compare_CompareTarget.CREATE : Compare_CompareTarget.MOD,
    key: Buffer.from(key),
    targetUnion: { $case: isCreated ? 'createRevision' : 'modRevision', value: revision },
  };
}

/** A key, as the port has it. */
export function keyValueOf({ key, value, createRevision, modRevision, lease }: KeyValueMessage): KeyValue {
  return { key: key.toString(), value, createRevision, modRevision, lease };
}
