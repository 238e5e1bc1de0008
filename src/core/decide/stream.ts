import type { Change } from '../model/change.js';
import type { CreateStream, StopStream, TerminateStream, UpdateStreamParams } from '../model/command.js';
import { Fault, type FieldViolation } from '../model/fault.js';
import type { Made } from '../model/request.js';
import { isEndpoint, StopReason, type Stream, type StreamParams, type StreamSink } from '../model/stream.js';
import type { State } from '../store/state.js';
import { doneRequest, repeatedRequest, undoneRequest } from './request.js';

/** A stream may be gone soon: other streams of the session stop, or the session cleans up. */
const STREAM_LIMIT_RETRY_MS = 1_000;

/** Registers a stream from its owner to its sinks. */
export function createStream(state: State, command: CreateStream, revision: number): Change[] | Fault {
  const repeated = repeatedRequest(state, command);
  if (repeated !== undefined) return repeated;
  const wrong = checkSinks(state, command);
  if (wrong !== undefined) return wrong;
  const full = fullOfStreams(state, command);
  if (full !== undefined) return new Fault('STREAM_LIMIT', full, [], STREAM_LIMIT_RETRY_MS);
  const [id, ...branches] = state.streams.freeIds(state.streamCursor, 1 + command.sinks.length);
  const sinks: StreamSink[] = command.sinks.map((sid, at) => ({ sid, id: branches[at] }));
  const stream: Stream = { id, owner: command.sid, sinks, params: command.params, revision };
  return [{ kind: 'StreamPut', stream }, ...doneRequest(state, command, { kind: 'stream', id, branches, revision })];
}

/** The stream that a request made, as it was then. */
export function streamMade({ sid, sinks, params }: CreateStream, made: Made): Stream {
  if (made.kind !== 'stream') throw new Error('a stream is what comes of a request for one');
  const { id, branches, revision } = made;
  return { id, owner: sid, sinks: sinks.map((sink, at) => ({ sid: sink, id: branches[at] })), params, revision };
}

/**
 * Why a stream from a session to these sinks would be one too many, where other streams stop in the same revision; undefined when there is
 * room.
 */
export function fullOfStreams(
  { streams, limits }: State,
  { sid, sinks }: Pick<CreateStream, 'sid' | 'sinks'>,
  stopping: readonly Stream[] = [],
): string | undefined {
  const stoppingEnds = stopping.flatMap((stream) => stream.sinks.map((sink) => sink.sid));
  const stoppingOwn = stopping.filter(({ owner }) => owner === sid);
  if (streams.ownedBy(sid) - stoppingOwn.length >= limits.streamsPerSessionMax) {
    return `${limits.streamsPerSessionMax} streams of one session are the limit`;
  }
  if (streams.count - stopping.length >= limits.streamsMax) return `${limits.streamsMax} streams are the limit`;
  const branches = streams.branchCount - stoppingEnds.length + sinks.length;
  if (branches > limits.branchesMax) return `${limits.branchesMax} branches are the limit`;
  const endingAt = (sink: number) => streams.endingAt(sink) - stoppingEnds.filter((end) => end === sink).length;
  const full = sinks.find((sink) => endingAt(sink) >= limits.branchesPerSinkMax);
  if (full === undefined) return undefined;
  return `${limits.branchesPerSinkMax} streams that end at one session are the limit, and ${full} has them`;
}

function checkSinks(state: State, { sid, sinks }: CreateStream): Fault | undefined {
  const { sinksPerStreamMax } = state.limits;
  const violations: FieldViolation[] = [];
  if (sinks.length === 0) violations.push({ field: 'sink_cvids', description: 'at least one sink is needed' });
  if (sinks.length > sinksPerStreamMax) {
    violations.push({ field: 'sink_cvids', description: `${sinks.length} sinks; ${sinksPerStreamMax} are the limit` });
  }
  const seen = new Set<number>();
  sinks.slice(0, sinksPerStreamMax).forEach((sink, at) => {
    const field = `sink_cvids[${at}]`;
    if (sink === sid) violations.push({ field, description: 'a stream to oneself is none' });
    else if (seen.has(sink)) violations.push({ field, description: `${sink} is named twice` });
    seen.add(sink);
  });
  const wrong = Fault.fields(violations);
  if (wrong !== undefined) return wrong;
  if (!state.sessions.has(sid)) return new Fault('SESSION_NOT_FOUND', `no session ${sid}`);
  const missing = sinks.find((sink) => !state.sessions.has(sink));
  return missing === undefined ? undefined : new Fault('NODE_NOT_FOUND', `no session ${missing} to be a sink`);
}

/** Changes the parameters that are named, by the owner. No change, no revision. */
export function updateStreamParams(state: State, command: UpdateStreamParams, revision: number): Change[] | Fault {
  const stream = ownStream(state, command.sid, command.id);
  if (stream instanceof Fault) return stream;
  const params = changed(stream.params, command.params);
  if (sameParams(params, stream.params)) return [];
  return [{ kind: 'StreamPut', stream: { ...stream, params, revision } }];
}

/** Destroys a stream with all its branches, by the owner. */
export function terminateStream(state: State, command: TerminateStream): Change[] | Fault {
  const stream = ownStream(state, command.sid, command.id);
  if (stream instanceof Fault) return stream;
  return [{ kind: 'StreamStopped', before: stream, after: undefined, reason: StopReason.TERMINATED, by: command.sid }];
}

/**
 * Stops a stream or a branch. What is unknown and what is not the caller's to stop are one and the same refusal, so that
 * ids cannot be probed.
 */
export function stopStream(state: State, command: StopStream, revision: number): Change[] | Fault {
  const { sid, id, reason } = command;
  const stream = state.streams.get(id);
  if (stream === undefined || !mayStop(stream, sid, id)) return new Fault('STREAM_NOT_FOUND', `no stream ${id}`);
  const sinks = id === stream.id ? [] : stream.sinks.filter((sink) => sink.id !== id);
  const after = sinks.length === 0 ? undefined : { ...stream, sinks, revision };
  // The server terminates what its owner never heard of: it asks for that anew.
  const isUndone = sid === 0 && reason === StopReason.TERMINATED;
  const undone = isUndone ? undoneRequest(state, stream.owner, { kind: 'stream', id: stream.id }) : [];
  return [{ kind: 'StreamStopped', before: stream, after, reason, by: sid }, ...undone];
}

/** The whole stream: any endpoint. A branch: its source or its own sink, not the other sinks. Sid 0: the server. */
function mayStop(stream: Stream, sid: number, id: number): boolean {
  if (sid === 0 || stream.owner === sid) return true;
  return stream.sinks.some((sink) => sink.sid === sid && (id === stream.id || sink.id === id));
}

/** A stream named by its own id, for its owner; for its sinks, that it is not theirs; for others, that there is none. */
function ownStream(state: State, sid: number, id: number): Stream | Fault {
  const stream = state.streams.get(id);
  if (stream === undefined || stream.id !== id || !isEndpoint(stream, sid)) {
    return new Fault('STREAM_NOT_FOUND', `no stream ${id}`);
  }
  if (stream.owner === sid) return stream;
  return new Fault('NOT_STREAM_OWNER', `stream ${id} belongs to session ${stream.owner}`);
}

/** Field by field, because a field that is there but undefined is not named either. */
function changed(params: StreamParams, by: Partial<StreamParams>): StreamParams {
  return {
    name: by.name ?? params.name,
    timeoutMs: by.timeoutMs ?? params.timeoutMs,
    maxBlockBytes: by.maxBlockBytes ?? params.maxBlockBytes,
    compression: by.compression ?? params.compression,
    deliveryConfirmation: by.deliveryConfirmation ?? params.deliveryConfirmation,
    labels: by.labels ?? params.labels,
  };
}

function sameParams(x: StreamParams, y: StreamParams): boolean {
  return (
    x.name === y.name &&
    x.timeoutMs === y.timeoutMs &&
    x.maxBlockBytes === y.maxBlockBytes &&
    x.compression === y.compression &&
    x.deliveryConfirmation === y.deliveryConfirmation &&
    sameLabels(x.labels, y.labels)
  );
}

function sameLabels(x: StreamParams['labels'], y: StreamParams['labels']): boolean {
  const keys = Object.keys(x);
  return keys.length === Object.keys(y).length && keys.every((key) => x[key] === y[key]);
}
