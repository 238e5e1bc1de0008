import type { RequestRow } from '../../../gen/switchyard/journal/v1/snapshot.js';
import type { DoneRequest, Made } from '../../core/model/request.js';

type PackedMade = NonNullable<RequestRow['made']>;

/** A request that was done, as a row of a snapshot. */
export function packRequest({ atMs, made, ...request }: DoneRequest): RequestRow {
  return { ...request, atMs: BigInt(atMs), made: packMade(made) };
}

/** The same as the core has it. Undefined: what came of it only a newer build knows. */
export function unpackRequest({ sid, requestId, atMs, fingerprint, made }: RequestRow): DoneRequest | undefined {
  if (made === undefined) return undefined;
  return { sid, requestId, atMs: Number(atMs), fingerprint, made: unpackMade(made) };
}

function packMade(made: Made): PackedMade {
  if (made.kind === 'connection') return { $case: 'connection', value: BigInt(made.id) };
  const { id, branches, revision } = made;
  return { $case: 'stream', value: { id, branches: [...branches], revision: BigInt(revision) } };
}

function unpackMade(made: PackedMade): Made {
  if (made.$case === 'connection') return { kind: 'connection', id: Number(made.value) };
  const { id, branches, revision } = made.value;
  return { kind: 'stream', id, branches, revision: Number(revision) };
}
