import type { Labels, Session } from '../../core/model/session.js';
import type { Stream } from '../../core/model/stream.js';

/*
 * How many bytes a message takes at most, told without making it: to know when enough of them are together, and that none is
 * larger than a client takes.
 */

/** SIDs, a UUID, times and the tags. */
const SESSION_BYTES = 144;
/** Ids, a position, spans and the tags. */
const STREAM_BYTES = 128;
const SINK_BYTES = 16;
/** Lengths and tags. */
const LABEL_BYTES = 12;

/** Of a session, or of its node. */
export function sessionSize({ name, labels }: Session): number {
  return SESSION_BYTES + Buffer.byteLength(name) + labelsSize(labels);
}

/** Of a stream with its branches. */
export function streamSize({ sinks, params }: Stream): number {
  return STREAM_BYTES + SINK_BYTES * sinks.length + Buffer.byteLength(params.name) + labelsSize(params.labels);
}

function labelsSize(labels: Labels): number {
  let bytes = 0;
  for (const key in labels) bytes += LABEL_BYTES + Buffer.byteLength(key) + Buffer.byteLength(labels[key]);
  return bytes;
}
