import { once } from 'node:events';
import { within } from '../../base/timing.js';
import { type Instance, InstanceType, type PeerStream } from '../../client/index.js';
import { type ConnectionFlags, readGraph, withServer } from '../connection.js';
import { nameOf } from '../network/nodes.js';
import { findNode } from '../network/path.js';
import { Failure, type Surroundings } from '../surroundings.js';
import { type KeyFlags, passingInstance } from '../trust/own-key.js';
import { ECHO_PORT, requestPort } from './forwarding.js';

/** Options of `ping`. */
export interface PingFlags extends KeyFlags, ConnectionFlags {
  readonly count?: number;
  readonly udp?: boolean;
  readonly json?: boolean;
}

/** Pings of one way when nobody says how many. */
const COUNT = 5;
/** Pause between two pings: long enough that they do not queue behind each other on a slow path. */
const PAUSE_MS = 100;
/** How long an answer may take. */
const ANSWER_MS = 10_000;

/** A way to a peer, and how long its pings took. */
interface Way {
  readonly way: 'direct' | 'relayed';
  readonly connectionId: string;
  readonly roundTripsMs: readonly number[];
  /** Why there are none. */
  readonly failed?: string;
}

/**
 * How long a round trip to a peer takes: over a direct path, where there is one, and through the server. The peer has to be
 * `switchyard join`, which says back what it hears.
 */
export async function pingPeer(who: string, flags: PingFlags, surroundings: Surroundings): Promise<void> {
  const { terminal, signal } = surroundings;
  await withServer(flags, surroundings, async (yard) => {
    const { graph } = await readGraph(yard, signal);
    const node = await findNode(yard, graph, who, signal);
    const own = await passingInstance(yard, 'ping', flags, surroundings);
    const instance = yard.join({ ...own, type: InstanceType.CLIENT, reopen: false });
    const say = async (way: Way) => {
      if (flags.json) await terminal.out.json({ cvid: node.cvid, ...way, ...summary(way.roundTripsMs) });
      else await terminal.out.write([nameOf(node), ` (${node.cvid}) ${words(way)}`]);
    };
    const first = await tryWay(instance, node.cvid, { flags, relayOnly: false }, surroundings);
    await say(first);
    // What was meant to be direct may have found no direct path: then it has told of the relay already.
    const isRelayed = first.way === 'relayed' && first.failed === undefined;
    const second = isRelayed ? first : await tryWay(instance, node.cvid, { flags, relayOnly: true }, surroundings);
    if (!isRelayed) await say(second);
    else if (!flags.json) await terminal.err.write(`no direct path: see switchyard connections ${first.connectionId}`);
    if (first.failed !== undefined && second.failed !== undefined) throw new Failure(`${who} answers no pings`);
  });
}

async function tryWay(
  instance: Instance,
  cvid: number,
  { flags, relayOnly }: { readonly flags: PingFlags; readonly relayOnly: boolean },
  surroundings: Surroundings,
): Promise<Way> {
  const { signal } = surroundings;
  const transport = flags.udp ? 'udp' : 'tcp';
  const upgradeAfterMs = Number.POSITIVE_INFINITY;
  // The direct path is measured, so not through the server first. What is to go through it does not wait for attempts to fail.
  const fallback = relayOnly ? 'immediate' : 'late';
  const stream = await instance.connect(cvid, { transport, relayOnly, fallback, upgradeAfterMs, signal });
  const way = stream.path;
  const { connectionId } = stream;
  const stop = () => stream.destroy(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    await requestPort(stream, ECHO_PORT, surroundings.clock);
    return { way, connectionId, roundTripsMs: await roundTrips(stream, flags.count ?? COUNT, surroundings) };
  } catch (error) {
    if (signal.aborted || !(error instanceof Failure)) throw error;
    // Somebody else's program, or an older one. What was measured when the path was chosen is better than nothing.
    const roundTripsMs = stream.roundTripMs === undefined ? [] : [stream.roundTripMs];
    return { way, connectionId, roundTripsMs, failed: error.message };
  } finally {
    signal.removeEventListener('abort', stop);
    stream.on('error', () => {}).destroy();
    await instance.attached(signal);
  }
}

/** Sends one byte after the other, and waits for each to come back. */
async function roundTrips(stream: PeerStream, count: number, { clock, signal }: Surroundings): Promise<number[]> {
  const took: number[] = [];
  for (let number = 0; number < count; number++) {
    if (number > 0) await new Promise<void>((resolve) => void clock.after(PAUSE_MS, resolve));
    const fromMs = clock.nowMs();
    stream.write(Uint8Array.of(number & 0xff));
    await within(clock, ANSWER_MS, (inTime) => once(stream, 'data', { signal: inTime }), signal);
    took.push(clock.nowMs() - fromMs);
  }
  return took;
}

function summary(roundTripsMs: readonly number[]): object {
  if (roundTripsMs.length === 0) return {};
  const sorted = [...roundTripsMs].sort((one, other) => one - other);
  const medianMs = sorted[sorted.length >> 1];
  return { count: sorted.length, minMs: sorted[0], medianMs, maxMs: sorted.at(-1) };
}

function words({ way, roundTripsMs, failed }: Way): string {
  const how = way === 'direct' ? 'directly' : 'through the server';
  const [ms] = roundTripsMs;
  if (failed !== undefined) {
    const measured = ms === undefined ? '' : `; ${ms.toFixed(1)} ms when the path was chosen`;
    return `${how}: no answer to pings: ${failed}${measured}`;
  }
  const { count, minMs, medianMs, maxMs } = summary(roundTripsMs) as Record<string, number>;
  const each = [minMs, medianMs, maxMs].map((one) => one.toFixed(1)).join(' / ');
  return `${how}: ${each} ms (least / median / most of ${count})`;
}
