import { createHash } from 'node:crypto';
import { isOver } from '../../src/core/model/connection.js';
import { capture, type Row, rowsOf } from '../../src/core/store/snapshot.js';
import type { State } from '../../src/core/store/state.js';

/** What of a value counts: all of it, some fields of an object, or the same of every item of a list. */
type Shape = 'all' | readonly [Shape] | { readonly [field: string]: Shape };

const CANDIDATE: Shape = { host: 'all', port: 'all', type: 'all', priority: 'all' };
const PAIR: Shape = { local: CANDIDATE, remote: CANDIDATE, outcome: 'all' };
const END: Shape = {
  sid: 'all',
  reported: 'all',
  candidates: [CANDIDATE],
  publicKey: 'all',
  roundTripMs: 'all',
  relayVersion: 'all',
};
const TRIED: Shape = { connected: 'all', pairs: [PAIR], tookMs: 'all' };
const CHANNEL: Shape = { streamId: 'all', branchId: 'all' };

type Shapes = Readonly<Record<string, Shape>>;

/** The rows of a state as release 0.1.0 knew them. What later releases add is not part of what is compared. */
const FIRST = {
  meta: {
    epoch: 'all',
    revision: 'all',
    serverSid: 'all',
    serverUuid: 'all',
    streamCursor: 'all',
    sidCursors: [{ pool: 'all', base: 'all' }],
  },
  session: {
    session: {
      sid: 'all',
      uuid: 'all',
      ttlMs: 'all',
      name: 'all',
      labels: 'all',
      tokenHash: 'all',
      openedAtMs: 'all',
      openedRevision: 'all',
      streamId: 'all',
    },
  },
  link: { a: 'all', b: 'all', link: 'all' },
  report: { report: { sid: 'all', peer: 'all', link: 'all' } },
  stream: {
    stream: {
      id: 'all',
      owner: 'all',
      sinks: [{ sid: 'all', id: 'all' }],
      params: {
        name: 'all',
        timeoutMs: 'all',
        maxBlockBytes: 'all',
        compression: 'all',
        deliveryConfirmation: 'all',
        labels: 'all',
      },
      revision: 'all',
    },
  },
  connection: {
    connection: {
      id: 'all',
      caller: END,
      peer: END,
      link: 'all',
      listening: { host: 'all', port: 'all' },
      state: 'all',
      askedAtMs: 'all',
      attempts: [{ number: 'all', startedAtMs: 'all', nonce: 'all', caller: TRIED, peer: TRIED }],
      path: 'all',
      roundTripMs: 'all',
      relay: { fromCaller: CHANNEL, fromPeer: CHANNEL },
      reason: 'all',
      description: 'all',
    },
  },
  order: {
    order: {
      id: 'all',
      sid: 'all',
      deadlineMs: 'all',
      body: { kind: 'all', reason: 'all', connection: 'all', role: 'all' },
    },
  },
  settled: { sid: 'all', orderId: 'all' },
  ended: { sid: 'all', reason: 'all' },
} as const satisfies Shapes;

/** The limits of format 2, whatever later releases add to them. */
const LIMITS_OF_2 = [
  ...['sessionsMax', 'sidBaseMax', 'linksPerNodeMax', 'linksMax', 'reportsPerNodeMax', 'reportsMax'],
  ...['streamsPerSessionMax', 'branchesPerSinkMax', 'streamsMax', 'sinksPerStreamMax', 'branchesMax'],
  ...['ordersPerSessionMax', 'connectionsPendingPerSessionMax', 'connectionsPendingMax', 'connectionsPerSessionMax'],
  ...['connectionsFinishedMax', 'attemptsPerConnectionMax', 'upgradesPerConnectionMax', 'candidatesMax'],
  ...['publicKeyBytesMax', 'pairsMax', 'outcomeBytesMax', 'endedMax', 'nameBytesMax', 'labelsMax', 'labelKeyBytesMax'],
  ...['labelValueBytesMax', 'descriptionBytesMax', 'answerDataBytesMax', 'gatherDeadlineMs', 'attemptDeadlineMs'],
  ...['relayDeadlineMs', 'relayConfirmedFrom'],
];

/** The rows as format 2 has them. */
const LIMITS: Shapes = {
  ...FIRST,
  meta: { ...FIRST.meta, atMs: 'all' },
  limits: { limits: Object.fromEntries(LIMITS_OF_2.map((name) => [name, 'all'])) },
  request: {
    request: {
      sid: 'all',
      requestId: 'all',
      atMs: 'all',
      fingerprint: 'all',
      made: { kind: 'all', id: 'all', branches: 'all', revision: 'all' },
    },
  },
  ended: { ...FIRST.ended, tokenCheck: 'all' },
};

const KEY: Shape = { id: 'all', key: 'all', origin: 'all', boundAtMs: 'all', goodUntilMs: 'all' };

/** The rows as format 3 has them. Format 4 adds none. */
const IDENTITIES: Shapes = {
  ...LIMITS,
  meta: { ...FIRST.meta, atMs: 'all', identityCursor: 'all' },
  session: { session: { ...FIRST.session.session, keyId: 'all' } },
  identity: { identity: { number: 'all', uuid: 'all', kind: 'all', keys: [KEY], barred: 'all', revoked: 'all' } },
};

/** The rows by the format of a journal. A new format gets a line of its own; those that are here never change. */
const ROWS: Readonly<Record<number, Shapes>> = { 1: FIRST, 2: LIMITS, 3: IDENTITIES, 4: IDENTITIES };

/**
 * A state as text, one row a line: equal texts mean that the state holds the same of everything that a format knows.
 *
 * It is a form of its own beside `core/store/canonical.ts`, because a yardstick must not move with what it measures: when a
 * later release adds a field or a kind of row, this text of an old journal's state stays as it was.
 */
export function textOf(state: State, format = 1): string {
  const shapes = ROWS[format];
  if (shapes === undefined) throw new Error(`format ${format} has no list of what counts in its states`);
  const places = new Map<string, number>();
  const lines: string[] = [];
  for (const row of rowsOf(capture(state))) {
    const shape = shapes[row.kind];
    if (shape === undefined) continue;
    const queue = queueOf(row);
    const place = queue && (places.get(queue) ?? 0);
    if (queue !== undefined) places.set(queue, Number(place) + 1);
    lines.push(`${row.kind} ${place ?? ''} ${JSON.stringify(shaped(row, shape))}`);
  }
  return lines.sort().join('\n');
}

/** SHA-256 of {@link textOf}, in hex. */
export function digestOf(state: State, format = 1): string {
  return createHash('sha256').update(textOf(state, format)).digest('hex');
}

/** The sequence in which a row has a place that decides what comes next, if it has one. */
function queueOf(row: Row): string | undefined {
  if (row.kind === 'order') return `order ${row.order.sid}`;
  if (row.kind === 'settled') return `settled ${row.sid}`;
  if (row.kind === 'connection') return isOver(row.connection) ? 'over' : undefined;
  if (row.kind === 'request') return 'request';
  return row.kind === 'ended' ? 'ended' : undefined;
}

/** The fields that count, in the order of the shape; those of free objects (labels) sorted. What is absent stays so. */
function shaped(value: unknown, shape: Shape): unknown {
  if (value === undefined || value === null) return undefined;
  if (shape === 'all') return sorted(value);
  if (isList(shape)) return (value as readonly unknown[]).map((item) => shaped(item, shape[0]));
  const fields = Object.entries(shape).map(([field, inner]) => [field, shaped(Reflect.get(value, field), inner)]);
  return Object.fromEntries(fields);
}

function isList(shape: Exclude<Shape, 'all'>): shape is readonly [Shape] {
  return Array.isArray(shape);
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).sort(([x], [y]) => (x < y ? -1 : 1)));
}
