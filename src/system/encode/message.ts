import type { Position } from '../../core/model/position.js';
import type { CloseReason, Labels, Session } from '../../core/model/session.js';
import type { Stream as StreamState } from '../../core/model/stream.js';
import type { EventBody } from '../codec/event.js';
import type { Body, Fields, Table } from '../codec/field.js';
import type * as records from '../codec/records.js';

type BodyOf<T> = T extends Table<infer F extends Fields> ? Body<F> : never;
type LabelBody = BodyOf<typeof records.Label>;

/** Bytes of one thing's labels on the wire: with everything else about it, they have to fit one cell of 64 KiB. */
const LABELS_BYTES_MAX = 40_960;
/** The headers of a label's cell and of its two inner cells. */
const LABEL_OVERHEAD_BYTES = 9;

/**
 * Labels as cells. A server can be told to take more of them than a cell holds; then the first by their keys are sent, and
 * the rest is left out.
 */
export function labelsThatFit(labels: Labels): LabelBody[] {
  const cells: LabelBody[] = [];
  let bytes = 0;
  for (const key of Object.keys(labels).sort()) {
    const value = labels[key];
    bytes += LABEL_OVERHEAD_BYTES + Buffer.byteLength(key) + Buffer.byteLength(value);
    if (bytes > LABELS_BYTES_MAX) break;
    cells.push({ key, value });
  }
  return cells;
}

/** A session's end. */
export function closedBody(
  { sid, uuid, name }: Pick<Session, 'sid' | 'uuid' | 'name'>,
  reason: CloseReason,
  position: Position,
): EventBody<'EndpointClosed'> {
  return { cvid: sid, reason, position, instanceUuid: uuid, name: name === '' ? undefined : name };
}

/** A stream. Its source is its owner. */
export function streamBody(stream: StreamState, epoch: string): BodyOf<typeof records.Stream> {
  const { id, owner, sinks, params, revision } = stream;
  return {
    id,
    ownerCvid: owner,
    sourceCvid: owner,
    sinks: sinks.map((sink) => ({ cvid: sink.sid, id: sink.id })),
    params: { ...params, labels: labelsThatFit(params.labels) },
    position: { epoch, revision },
  };
}
