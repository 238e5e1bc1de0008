import type { Labels, Session } from '../../core/model/session.js';
import type { Stream } from '../../core/model/stream.js';

/*
 * About how many bytes a message takes, told without making it: to know when enough of them are together. Texts are counted
 * in characters, so what is not ASCII may take up to three times as much.
 */

/** SIDs, a UUID, times and the tags. */
const SESSION_BYTES = 112;
/** Ids, a position, spans and the tags. */
const STREAM_BYTES = 96;
const SINK_BYTES = 16;
/** Two lengths and three tags. */
const LABEL_BYTES = 6;

/** Of a session, or of its node. */
export function sessionSize({ name, labels }: Session): number {
  return SESSION_BYTES + name.length + labelsSize(labels);
}

/** Of a stream with its branches. */
export function streamSize({ sinks, params }: Stream): number {
  return STREAM_BYTES + SINK_BYTES * sinks.length + params.name.length + labelsSize(params.labels);
}

function labelsSize(labels: Labels): number {
  let bytes = 0;
  for (const key in labels) bytes += key.length + labels[key].length + LABEL_BYTES;
  return bytes;
}
