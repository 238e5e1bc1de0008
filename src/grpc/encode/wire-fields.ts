import type { Position } from '../../core/model/position.js';
import type { Labels } from '../../core/model/session.js';
import { lengthTag, varintTag } from '../../protowire/tag.js';
import { WireWriter } from '../../protowire/writer.js';

/*
 * Parts that the messages of several topics have in common, written by hand: each revision makes such a message for each topic, and
 * the generated encoders took half of what publishing one costs.
 */

/** One writer for all topics: each message is finished before the next one begins. */
export const deltaWriter = new WireWriter();

const POSITION_TAG = { epoch: lengthTag(1), revision: varintTag(2) } as const;
/** Of a Duration, and of a Timestamp. */
const TIME_TAG = { seconds: varintTag(1), nanos: varintTag(2) } as const;
const ENTRY_TAG = { key: lengthTag(1), value: lengthTag(2) } as const;

const NANOS_PER_MS = 1e6;

/** Writes a Position in a field. */
export function writePosition(tag: number, epoch: string, revision: number): void {
  const start = deltaWriter.open(tag);
  deltaWriter.text(POSITION_TAG.epoch, epoch);
  deltaWriter.number(POSITION_TAG.revision, revision);
  deltaWriter.close(start);
}

/** Writes a Duration, or the Timestamp of a time since 1970, of whole milliseconds that are not negative. */
export function writeTime(tag: number, ms: number): void {
  const start = deltaWriter.open(tag);
  const seconds = Math.floor(ms / 1000);
  deltaWriter.number(TIME_TAG.seconds, seconds);
  deltaWriter.number(TIME_TAG.nanos, (ms - seconds * 1000) * NANOS_PER_MS);
  deltaWriter.close(start);
}

/** Writes labels: a map's entries. */
export function writeLabels(tag: number, labels: Labels): void {
  for (const key in labels) {
    const start = deltaWriter.open(tag);
    deltaWriter.text(ENTRY_TAG.key, key);
    deltaWriter.text(ENTRY_TAG.value, labels[key]);
    deltaWriter.close(start);
  }
}

/** Writes a packed list of numbers; none where it is empty. */
export function writeNumbers(tag: number, numbers: readonly number[]): void {
  if (numbers.length === 0) return;
  const start = deltaWriter.open(tag);
  for (const number of numbers) deltaWriter.item(number);
  deltaWriter.close(start);
}

/** Begins a DELTA message: nothing of one that an error broke off is left. */
export function beginDelta(
  tags: { readonly position: number; readonly kind: number },
  at: Position,
  kind: number,
): void {
  deltaWriter.clear();
  writePosition(tags.position, at.epoch, at.revision);
  deltaWriter.number(tags.kind, kind);
}
