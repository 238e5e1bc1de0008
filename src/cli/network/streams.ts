import { msOf, type Stream } from '../../client/index.js';
import { type ConnectionFlags, withAdministrator } from '../connection.js';
import { type ListFlags, writeListing } from '../output/listing.js';
import type { Column } from '../output/table.js';
import type { Surroundings } from '../surroundings.js';
import { labelsWord } from './nodes.js';

/** The registered streams, as an administrator sees them. */
export async function listStreams(
  flags: ConnectionFlags & ListFlags & { readonly sid?: number },
  surroundings: Surroundings,
): Promise<void> {
  const { signal } = surroundings;
  await withAdministrator(flags, surroundings, (yard) => {
    const rows = yard.listStreams({ cvid: flags.sid ?? 0 }, { signal });
    return writeListing({ columns: COLUMNS, rows, facts: streamFacts }, flags, surroundings);
  });
}

const COLUMNS: readonly Column<Stream>[] = [
  { heading: 'ID', value: (stream) => stream.id, right: true },
  { heading: 'NAME', value: (stream) => stream.params?.name || '-' },
  { heading: 'SOURCE', value: (stream) => stream.sourceCvid, right: true },
  { heading: 'SINKS (branch:SID)', value: (stream) => sinksWord(stream) },
  { heading: 'LABELS', value: (stream) => labelsWord(stream.params?.labels ?? {}) },
];

/** A session's first stream leads to the server and has no branches. */
function sinksWord({ sinks }: Stream): string {
  return sinks.map(({ id, cvid }) => `${id}:${cvid}`).join(' ') || '(server)';
}

/** A stream for programs: the fields of the protos, with times in milliseconds. */
function streamFacts({ position, params, ...stream }: Stream): object {
  const { timeout, ...facts } = params ?? {};
  return { ...stream, params: { ...facts, timeoutMs: timeout ? msOf(timeout) : 0 }, revision: position?.revision };
}
