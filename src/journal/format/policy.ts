import type { PutPolicy as PutPolicyMessage } from '../../../gen/switchyard/journal/v1/command.js';
import type { PolicyRow } from '../../../gen/switchyard/journal/v1/snapshot.js';
import { readPolicy } from '../../core/decide/policy/policy-document.js';
import type { PutPolicy } from '../../core/model/command.js';
import { Fault } from '../../core/model/fault.js';
import type { StoredPolicy } from '../../core/model/trust/policy.js';

/** PutPolicy as it is stored. */
export function packPutPolicy({ document, ifRevision }: PutPolicy): PutPolicyMessage {
  return { document, ifRevision: ifRevision === undefined ? undefined : BigInt(ifRevision) };
}

/** PutPolicy as the core has it. */
export function unpackPutPolicy({ document, ifRevision }: PutPolicyMessage): PutPolicy {
  const command = { kind: 'PutPolicy', document } as const;
  return ifRevision === undefined ? command : { ...command, ifRevision: Number(ifRevision) };
}

/** A policy as a snapshot stores it: what its document says is read again. */
export function packPolicy({ document, revision }: StoredPolicy): PolicyRow {
  return { document, revision: BigInt(revision) };
}

/** A policy as the core has it; undefined for a document that only a newer build can read. */
export function unpackPolicy({ document, revision }: PolicyRow): StoredPolicy | undefined {
  const policy = readPolicy(document);
  return policy instanceof Fault ? undefined : { document, revision: Number(revision), policy };
}
