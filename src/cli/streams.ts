import { msOf, type Stream } from '../client/index.js';
import { type ConnectionFlags, withAdministrator } from './connection.js';
import { jsonLine } from './json-line.js';
import { labelsWord } from './nodes.js';
import type { Surroundings } from './surroundings.js';
import { formatTable } from './table.js';

/** The registered streams, as an administrator sees them. */
export async function listStreams(
  flags: ConnectionFlags & { readonly json?: boolean; readonly sid?: number },
  surroundings: Surroundings,
): Promise<void> {
  const { terminal, signal } = surroundings;
  const streams: Stream[] = [];
  await withAdministrator(flags, surroundings, async (yard) => {
    for await (const stream of yard.listStreams({ cvid: flags.sid ?? 0 }, { signal })) {
      if (flags.json) await terminal.out.write(jsonLine(streamFacts(stream)));
      else streams.push(stream);
    }
  });
  if (flags.json) return;
  const table = formatTable(
    [
      { heading: 'ID', value: (stream) => stream.id, right: true },
      { heading: 'NAME', value: (stream) => stream.params?.name || '-' },
      { heading: 'SOURCE', value: (stream) => stream.sourceCvid, right: true },
      { heading: 'SINKS (branch:SID)', value: (stream) => sinksWord(stream) },
      { heading: 'LABELS', value: (stream) => labelsWord(stream.params?.labels ?? {}) },
    ],
    streams,
    terminal.colors.bold,
  );
  await terminal.out.write(table);
}

/** A session's first stream leads to the server and has no branches. */
function sinksWord({ sinks }: Stream): string {
  return sinks.map(({ id, cvid }) => `${id}:${cvid}`).join(' ') || '(server)';
}

/** A stream for programs: the fields of the protos, with times in milliseconds. */
function streamFacts({ position, params, ...stream }: Stream): object {
  const { timeout, ...facts } = params ?? {};
  return { ...stream, params: { ...facts, timeoutMs: timeout ? msOf(timeout) : 0 }, revision: position?.revision };
}
