import { apply } from '../../src/core/decide/apply.js';
import type { Command } from '../../src/core/model/command.js';
import type { Limits } from '../../src/core/model/limits.js';
import { capture, type Row, rowsOf } from '../../src/core/store/snapshot.js';
import { State } from '../../src/core/store/state.js';
import { encodeChunks } from '../../src/journal/format/chunk.js';
import { FrameKind, sealNumber } from '../../src/journal/format/frame.js';
import { HEADER_PLACE } from '../../src/journal/format/header.js';
import { encodeRecord } from '../../src/journal/format/record.js';
import { HEADER_KEY } from '../../src/journal/storage/folder.js';
import { LmdbJournal } from '../../src/journal/storage/lmdb.js';
import { edit } from './damage.js';

/** What a server of release 0.1.0 did: its commands, the limits of its process, and after which of them it stored the state. */
export interface Past {
  readonly commands: readonly Command[];
  readonly limits: Limits;
  readonly snapshotsAt?: readonly number[];
}

/** Leaves a data folder as release 0.1.0 left it: of format 1, which says nothing of limits. Answers with its state. */
export async function leaveFormat1(folder: string, { commands, limits, snapshotsAt = [] }: Past): Promise<State> {
  const journal = await LmdbJournal.open(folder);
  const state = new State(limits);
  for (const [at, command] of commands.entries()) {
    await journal.append([encodeRecord(at + 1, command)]);
    apply(state, command);
    if (!snapshotsAt.includes(state.revision)) continue;
    await journal.writeSnapshot(state.revision, encodeChunks(state.revision, rowsOfFormat1(state)));
  }
  await journal.close();
  await headerOfFormat1(folder);
  return state;
}

/** Gives a folder the header that it had in release 0.1.0. */
export function headerOfFormat1(folder: string): Promise<void> {
  return edit(folder, null, HEADER_KEY, () => Buffer.from(sealNumber(FrameKind.HEADER, HEADER_PLACE, 0)));
}

function rowsOfFormat1(state: State): Row[] {
  return [...rowsOf(capture(state))].filter(({ kind }) => kind !== 'limits');
}
