import { SessionServiceService as Sessions } from '../../../gen/switchyard/v1/session_service.js';
import { StreamServiceService as Streams } from '../../../gen/switchyard/v1/stream_service.js';
import { closedWatch, deltaWatch, EMPTY, exchange, inFlight, page, unary, withData } from '../tools/openings.js';
import * as raw from '../tools/raw.js';

/** Calls that a fuzzed connection makes. */
export type CallKind =
  | 'closedWatch'
  | 'deltaWatch'
  | 'unary'
  | 'shortPage'
  | 'largePage'
  | 'inFlight'
  | 'largeRequest'
  | 'largeMetadata'
  | 'exchange'
  | 'relay';
/** Bytes that a `largeRequest` brings of its message, and how many it announces. */
export const LARGE_REQUEST_BYTES = 16_000;
const LARGE_MESSAGE_BYTES = 65_000;
/** More metadata than a server takes by default, each name and value counted with 32 B on top. */
const LARGE_METADATA = {
  ...Object.fromEntries(Array.from({ length: 90 }, (_, at) => [`k${at}`, 'v'])),
  a: 'x'.repeat(15_900),
};

/** Streams of one connection: the first, and so many from there on, each `step` streams of a client further. */
export interface StreamRange {
  readonly first: number;
  readonly count: number;
  readonly step: number;
}

/** Frames of one kind. Plain data, so that a round that found something can be kept as a file. */
export type Op =
  | ({ readonly op: 'call'; readonly kind: CallKind } & StreamRange)
  | ({ readonly op: 'reset'; readonly code: number; readonly isBackwards: boolean } & StreamRange)
  | ({ readonly op: 'data'; readonly bytes: number; readonly isEnd: boolean } & StreamRange)
  | ({ readonly op: 'window'; readonly increment: number } & StreamRange)
  | ({ readonly op: 'priority' } & StreamRange)
  | { readonly op: 'ping'; readonly count: number }
  | { readonly op: 'settings'; readonly count: number; readonly identifier: number; readonly value: number }
  | { readonly op: 'goaway'; readonly code: number }
  | {
      readonly op: 'garbage';
      readonly type: number;
      readonly flags: number;
      readonly stream: number;
      readonly hex: string;
    }
  | { readonly op: 'bytes'; readonly hex: string };

/** What a connection sends between two pauses. */
export interface Phase {
  readonly ops: readonly Op[];
  /** Where the bytes are cut into writes: positions, modulo their length. Without any it is one write. */
  readonly cuts: readonly number[];
  /** Milliseconds between two of those writes; 0 is the next turn of the event loop. */
  readonly gapMs: number;
  /** Milliseconds to wait at most for response headers of all calls of this phase. */
  readonly answersMs: number;
}

/** How a connection goes when it has said everything: it waits a while first when it `lingers`. */
export const ENDINGS = ['close', 'break', 'linger'] as const;

/** One connection of a round. */
export interface Offender {
  /** The address of the loopback that it comes from; the ordinary client's when it is not given. */
  readonly from?: string;
  /** What the server may send on each stream. */
  readonly window: number;
  readonly phases: readonly Phase[];
  readonly ending: (typeof ENDINGS)[number];
}

/** The server that rounds are played to. */
export interface ServerPlan {
  readonly tls: boolean;
  readonly args: readonly string[];
}

/** Connections that are opened to a server at one moment. */
export interface Round {
  readonly server: ServerPlan;
  readonly offenders: readonly Offender[];
  /** When the server is told to drain meanwhile, the milliseconds until then. */
  readonly drainAfterMs?: number;
}

/** The numbers of a range's streams. */
function numbersOf({ first, count, step }: StreamRange): number[] {
  return Array.from({ length: count }, (_, at) => first + 2 * step * at);
}

/** A call of a kind on a stream. `token` proves the session that relays. */
function call(kind: CallKind, stream: number, token: string): Buffer {
  switch (kind) {
    case 'closedWatch':
      return closedWatch(stream);
    case 'deltaWatch':
      return deltaWatch(stream);
    case 'unary':
      return unary(stream);
    case 'shortPage':
      return raw.call(stream, Sessions.listSessions.path, page(1));
    case 'largePage':
      return raw.call(stream, Sessions.listSessions.path, page(1_000));
    case 'inFlight':
      return inFlight(stream);
    case 'largeRequest': {
      const begun = raw.message(Buffer.alloc(LARGE_REQUEST_BYTES), 0, LARGE_MESSAGE_BYTES);
      return withData(raw.open(stream, Sessions.listSessions.path), stream, begun);
    }
    case 'largeMetadata':
      return withData(raw.open(stream, Sessions.listSessions.path, LARGE_METADATA), stream, EMPTY);
    case 'exchange':
      return exchange(stream);
    case 'relay':
      return withData(raw.open(stream, Streams.relay.path, { 'switchyard-session': token }), stream, EMPTY);
  }
}

/** The bytes of some frames, in their order. They depend on nothing but the ops and the token. */
export function bytesOf(ops: readonly Op[], token: string): Buffer {
  return Buffer.concat(ops.flatMap((op) => framesOf(op, token)));
}

function framesOf(op: Op, token: string): Buffer[] {
  switch (op.op) {
    case 'call':
      return numbersOf(op).map((stream) => call(op.kind, stream, token));
    case 'reset': {
      const frames = numbersOf(op).map((stream) => raw.reset(stream, op.code));
      return op.isBackwards ? frames.reverse() : frames;
    }
    case 'data': {
      const flags = op.isEnd ? raw.END_STREAM : 0;
      return numbersOf(op).map((stream) => raw.frame(raw.DATA, flags, stream, Buffer.alloc(op.bytes)));
    }
    case 'window':
      return numbersOf(op).map((stream) => raw.frame(raw.WINDOW_UPDATE, 0, stream, raw.words(op.increment)));
    case 'priority':
      return numbersOf(op).map((stream) => raw.frame(raw.PRIORITY, 0, stream, Buffer.alloc(5)));
    case 'ping':
      return Array.from({ length: op.count }, () => raw.frame(raw.PING, 0, 0, Buffer.alloc(8)));
    case 'settings':
      return Array.from({ length: op.count }, () => raw.settings([[op.identifier, op.value]]));
    case 'goaway':
      return [raw.frame(raw.GOAWAY, 0, 0, raw.words(0, op.code))];
    case 'garbage':
      return [raw.frame(op.type, op.flags, op.stream, Buffer.from(op.hex, 'hex'))];
    case 'bytes':
      return [Buffer.from(op.hex, 'hex')];
  }
}

/** The writes that a phase consists of. */
export function writesOf({ ops, cuts }: Phase, token: string): Buffer[] {
  const bytes = bytesOf(ops, token);
  if (bytes.length === 0) return [];
  const places = [...new Set(cuts.map((cut) => cut % bytes.length))].sort((a, b) => a - b);
  const writes = [0, ...places].map((from, at) => bytes.subarray(from, places[at] ?? bytes.length));
  return writes.filter((write) => write.length > 0);
}
