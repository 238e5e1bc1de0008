import type { Stream } from '../../gen/switchyard/v1/stream.js';
import { apply } from '../../src/core/decide/apply.js';
import type { Change } from '../../src/core/model/change.js';
import type { Command } from '../../src/core/model/command.js';
import { isFault } from '../../src/core/model/fault.js';
import type { Limits } from '../../src/core/model/limits.js';
import { State } from '../../src/core/store/state.js';
import { streamMessage } from '../../src/grpc/encode/message.js';
import { decodeRecord } from '../../src/journal/format/record.js';
import type { StoredRecord } from '../../src/journal/journal.js';
import { changeOfCore, Picture, type PictureChange, textOfChange } from './clients/picture.js';
import { Lines } from './lines.js';

/** A copy of the picture is kept at every so many revisions. */
const PICTURE_EVERY = 32;
const ALL: ReadonlySet<number> = new Set();

/** One durable command and all that there is to know about it. */
export interface Revision {
  readonly revision: number;
  readonly atMs: number;
  readonly command: Command;
  /** Empty when it was refused after all. */
  readonly changes: readonly Change[];
  readonly change: PictureChange;
  /** The change as {@link textOfChange} writes it. */
  readonly text: string;
  /** Of the picture after it. */
  readonly pictureHash: number;
  /** Of the streams after it. */
  readonly streamsHash: number;
}

/**
 * What really happened: every record in the moment in which it became durable, applied to a core of its own that has
 * never crashed, restarted or been restored.
 *
 * All that anybody is told is held against this. It keeps everything, also what the journal has compacted away.
 */
export class Truth {
  readonly state: State;
  readonly records: StoredRecord[] = [];
  readonly revisions: Revision[] = [];
  private readonly picture = new Picture();
  private readonly pictures: Picture[] = [new Picture()];
  private readonly streams = new Lines<number>();

  constructor(
    /** Those that its journal begins with. */
    limits: Limits,
    private readonly nowMs: () => number,
    /** Told of every revision. */
    private readonly told: (revision: Revision) => void,
  ) {
    this.state = new State(limits);
  }

  /** The revision that was durable last. */
  get last(): number {
    return this.revisions.length;
  }

  get epoch(): string {
    return this.state.epoch;
  }

  /** Takes records that became durable just now. */
  take(records: readonly StoredRecord[]): void {
    for (const record of records) this.takeOne(record);
  }

  /** What a revision was, from 1. */
  at(revision: number): Revision | undefined {
    return this.revisions[revision - 1];
  }

  /** The revisions past `after`, up to `to`, that a watcher of these nodes (none: of all) has to be told of. */
  between(after: number, to: number, sids: ReadonlySet<number>): Revision[] {
    const span = this.revisions.slice(Math.max(0, after), Math.max(0, to));
    return sids.size === 0 ? span : span.filter(({ change }) => textOfChange(change, sids) !== '');
  }

  /** The whole graph as it stood after a revision. */
  pictureAt(revision: number): Picture {
    const from = Math.floor(revision / PICTURE_EVERY);
    const picture = this.pictures[from].copy();
    for (let at = from * PICTURE_EVERY + 1; at <= revision; at++) picture.apply(this.at(at)!.change);
    return picture;
  }

  private takeOne(record: StoredRecord): void {
    this.records.push(record);
    const command = decodeRecord(record);
    const applied = apply(this.state, command);
    const changes = isFault(applied) ? [] : applied.changes;
    const change = changeOfCore(changes, this.state.serverSid);
    this.picture.apply(change);
    this.takeStreams(changes);
    const revision: Revision = {
      revision: record.revision,
      atMs: this.nowMs(),
      command,
      changes,
      change,
      text: textOfChange(change, ALL),
      pictureHash: this.picture.hash,
      streamsHash: this.streams.hash,
    };
    this.revisions.push(revision);
    if (record.revision % PICTURE_EVERY === 0) this.pictures.push(this.picture.copy());
    this.told(revision);
  }

  private takeStreams(changes: readonly Change[]): void {
    for (const change of changes) {
      const stream =
        change.kind === 'StreamPut' ? change.stream : change.kind === 'StreamStopped' ? change.after : undefined;
      if (stream !== undefined) this.streams.set(stream.id, lineOfStream(streamMessage(stream, this.epoch)));
      else if (change.kind === 'StreamStopped') this.streams.set(change.before.id, undefined);
    }
  }
}

/** A stream as a watcher is told of it. */
export function lineOfStream({ id, ownerCvid, sinks, params, position }: Stream): string {
  const ends = sinks.map((sink) => `${sink.cvid}:${sink.id}`).join();
  return `stream ${id} ${ownerCvid}>${ends} ${params?.name} ${params?.timeout?.seconds} at ${position?.revision}`;
}
