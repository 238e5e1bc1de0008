import type { Labels } from './session.js';

/** One branch of a stream. */
export interface StreamSink {
  readonly sid: number;
  /** The branch's own id. */
  readonly id: number;
}

/** A live stream. Never changed: a change makes a new one. Its source is its owner. */
export interface Stream {
  readonly id: number;
  readonly owner: number;
  /** Empty only for the stream that a session has from the start. */
  readonly sinks: readonly StreamSink[];
  readonly params: StreamParams;
  /** Revision of its last change. */
  readonly revision: number;
}

/** Why a stream stopped. The numbers are those of `switchyard.v1.StopReason`. */
export const StopReason = { STOPPED: 1, TERMINATED: 2, IDLE: 3, SESSION_CLOSED: 4, SINK_TOO_SLOW: 5 } as const;
/** One of the numbers of {@link StopReason}. */
export type StopReason = (typeof StopReason)[keyof typeof StopReason];

/** How a stream behaves. Source: `switchyard.v1.StreamParams`. */
export interface StreamParams {
  readonly name: string;
  /** After how long without data it stops by itself. 0: never. */
  readonly timeoutMs: number;
  readonly maxBlockBytes: number;
  /** 0: none, 1: zlib. */
  readonly compression: number;
  readonly deliveryConfirmation: boolean;
  readonly labels: Labels;
}

/** How a stream behaves when nothing else was asked for. */
export const DEFAULT_STREAM_PARAMS: StreamParams = {
  name: '',
  timeoutMs: 0,
  maxBlockBytes: 65_536,
  compression: 0,
  deliveryConfirmation: false,
  labels: {},
};

/** Whether this session is at an end of the stream, and so may see it. */
export function isEndpoint(stream: Stream, sid: number): boolean {
  return stream.owner === sid || stream.sinks.some((sink) => sink.sid === sid);
}
