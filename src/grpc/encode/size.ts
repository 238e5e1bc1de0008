import type { Attempt, Candidate, Connection, Pair } from '../../core/model/connection.js';
import { OTHER_OUTCOME } from '../../core/model/outcome.js';
import type { Labels, Session } from '../../core/model/session.js';
import type { Stream } from '../../core/model/stream.js';
import type { HeldSession } from '../../core/store/sessions.js';

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

/** Of a session that is not read yet. */
export function heldSessionSize({ packedBytes, labelCount }: HeldSession): number {
  return SESSION_BYTES + packedBytes + LABEL_BYTES * labelCount;
}

/** Of a stream with its branches. */
export function streamSize({ sinks, params }: Stream): number {
  return STREAM_BYTES + SINK_BYTES * sinks.length + Buffer.byteLength(params.name) + labelsSize(params.labels);
}

/** Ids, states, times and the tags; the same of an attempt, a pair and a candidate. */
const CONNECTION_BYTES = 160;
const ATTEMPT_BYTES = 96;
const PAIR_BYTES = 16;
const CANDIDATE_BYTES = 24;

/** Of a connection's trace. */
export function connectionSize({ caller, peer, attempts, description, listening }: Connection): number {
  let bytes = CONNECTION_BYTES + Buffer.byteLength(description) + listening.host.length;
  for (const candidate of [...caller.candidates, ...peer.candidates]) bytes += candidateSize(candidate);
  for (const attempt of attempts) bytes += attemptSize(attempt);
  return bytes;
}

function attemptSize({ caller, peer }: Attempt): number {
  let bytes = ATTEMPT_BYTES;
  for (const pair of [...(caller?.pairs ?? []), ...(peer?.pairs ?? [])]) bytes += pairSize(pair);
  return bytes;
}

/** Of a pair that was tried. */
export function pairSize({ local, remote, outcome }: Pair): number {
  // What is not on the list is told in other words, which may be longer.
  const told = Math.max(Buffer.byteLength(outcome), OTHER_OUTCOME.length);
  return PAIR_BYTES + candidateSize(local) + candidateSize(remote) + told;
}

function candidateSize({ host }: Candidate): number {
  return CANDIDATE_BYTES + host.length;
}

/** Of labels. */
export function labelsSize(labels: Labels): number {
  let bytes = 0;
  for (const key in labels) bytes += LABEL_BYTES + Buffer.byteLength(key) + Buffer.byteLength(labels[key]);
  return bytes;
}
