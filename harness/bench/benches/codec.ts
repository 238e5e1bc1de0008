import { pathToFileURL } from 'node:url';
import type { NetworkDelta } from '../../../gen/switchyard/v1/network.js';
import { NetworkDelta as NetworkDeltaProto } from '../../../gen/switchyard/v1/network.js';
import { SessionRequest } from '../../../gen/switchyard/v1/session_service.js';
import { ByteWriter } from '../../../src/system/codec/bytes.js';
import { decodeEvent, encodeEvent, type SystemEvent } from '../../../src/system/codec/event.js';
import { Flaw } from '../../../src/system/codec/flaw.js';

/** One figure beside its rival's, both in operations a second: medians over rounds that alternate. */
export interface Row {
  readonly what: string;
  readonly ours: number;
  readonly rival: number;
  /** Median of the rounds' own ratios, ours : rival. */
  readonly ratio: number;
  /** The least and the greatest of those ratios. */
  readonly spread: readonly [number, number];
}

const UUID = '5f1c9a20-7d3e-4b8a-9c41-2e6f0d8b7a13';

/** The four fields that every session begins with. */
const session = { instanceUuid: UUID, instanceType: 2, instanceFlavor: 1, name: 'edge-router-17' };
const sessionEvent: SystemEvent = { type: 'Session', body: session };
const sessionRequest = SessionRequest.create(session);

/** A node that comes with its link: what watchers see most. */
const added = { cvid: 4711, parent: 9, instanceUuid: UUID, name: 'edge-router-17' };
const link = { cvid1: 4711, cvid2: 9, link: 0 };
const deltaEvent: SystemEvent = {
  type: 'NetworkDelta',
  body: { nodeAdded: [added], linkAdded: [link], kind: 3, position: { epoch: 'k3v9', revision: 1234 } },
};
const deltaMessage: NetworkDelta = NetworkDeltaProto.fromPartial({ nodeAdded: [added], linkAdded: [link] });

/** Keeps results alive, so that no work is optimized away. */
let last: unknown;

function encodeOurs(event: SystemEvent): () => void {
  const writer = new ByteWriter();
  return () => {
    encodeEvent(writer, event);
    last = writer.finish();
  };
}

function decodeOurs(event: SystemEvent, receiver: 'server' | 'client'): () => void {
  const writer = new ByteWriter();
  encodeEvent(writer, event);
  const bytes = writer.finish();
  return () => {
    last = decodeEvent(bytes, receiver);
    if (last instanceof Flaw) throw new Error(last.description);
  };
}

interface Pair {
  readonly what: string;
  readonly ours: () => void;
  readonly rival: () => void;
}

function pairs(): Pair[] {
  const sessionBytes = SessionRequest.encode(sessionRequest).finish();
  const deltaBytes = NetworkDeltaProto.encode(deltaMessage).finish();
  return [
    {
      what: 'encode Session, four fields',
      ours: encodeOurs(sessionEvent),
      rival: () => {
        last = SessionRequest.encode(sessionRequest).finish();
      },
    },
    {
      what: 'decode Session, four fields',
      ours: decodeOurs(sessionEvent, 'server'),
      rival: () => {
        last = SessionRequest.decode(sessionBytes);
      },
    },
    {
      what: 'encode NetworkDelta, a node and its link',
      ours: encodeOurs(deltaEvent),
      rival: () => {
        last = NetworkDeltaProto.encode(deltaMessage).finish();
      },
    },
    {
      what: 'decode NetworkDelta, a node and its link',
      ours: decodeOurs(deltaEvent, 'client'),
      rival: () => {
        last = NetworkDeltaProto.decode(deltaBytes);
      },
    },
  ];
}

/** Operations a second over one round of at least `roundMs`. */
function rate(operation: () => void, roundMs: number): number {
  const from = performance.now();
  let count = 0;
  let elapsedMs = 0;
  do {
    for (let i = 0; i < 1000; i++) operation();
    count += 1000;
    elapsedMs = performance.now() - from;
  } while (elapsedMs < roundMs);
  return (count / elapsedMs) * 1000;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

/**
 * The codec of system events beside ts-proto's, for the same messages.
 *
 * All pairs are warmed up before the first round counts, so that each side meets the other's shapes as in a server that
 * speaks both. NetworkDelta carries its position and kind as well here; the rival's has neither.
 */
export function benchCodec(rounds = 15, roundMs = 40): Row[] {
  const all = pairs();
  for (const pair of [...all, ...all]) for (const side of [pair.ours, pair.rival]) rate(side, roundMs);
  return all.map(({ what, ours, rival }) => {
    const results = Array.from({ length: rounds }, () => ({ ours: rate(ours, roundMs), rival: rate(rival, roundMs) }));
    const ratios = results.map((round) => round.ours / round.rival).sort((a, b) => a - b);
    return {
      what,
      ours: median(results.map((round) => round.ours)),
      rival: median(results.map((round) => round.rival)),
      ratio: median(ratios),
      spread: [ratios[0], ratios.at(-1)!],
    };
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const { what, ours, rival, ratio, spread } of benchCodec()) {
    const perSecond = `${Math.round(ours / 1000)} k/s, ts-proto ${Math.round(rival / 1000)} k/s`;
    console.log(`${what}: ${ratio.toFixed(2)} (${spread.map((one) => one.toFixed(2)).join('-')}) ${perSecond}`);
  }
}
