/**
 * One side of many relayed connections, as a process of its own:
 *
 *   relay-fleet.ts sink PORT COUNT            so many instances that take every connection; says their SIDs
 *   relay-fleet.ts source PORT COUNT SID...   as many that connect, each to the sink in its place; says `ready`
 *
 * Each instance has a connection of its own to the server. A source does what it is sent, and answers: for `{ hold: N }` it makes so
 * many relayed connections that stay, with a byte there and back on each; for `{ copies: N, bytes }` it makes N more, copies so many
 * bytes over each at the same time, and answers with the milliseconds until the last one had come.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type Instance, InstanceType, type PeerStream, Switchyard } from '../../../src/client/index.js';
import { COPY_MARK, giveCopy, takeCopy } from '../../nat/copy.js';

/** What a source is sent. */
export type FleetTask = { readonly hold: number } | { readonly copies: number; readonly bytes: number };

/** Longer than any run. */
const TTL_MS = 3_600_000;
/** Connections that are being made at once: fewer than the server lets one instance or one address make. */
const AT_ONCE = 50;
const [, , role, port, count, ...sids] = process.argv;

function accepted(stream: PeerStream): void {
  stream.on('error', () => stream.destroy());
  stream.once('data', (first: Buffer) => {
    if (first[0] === COPY_MARK) takeCopy(stream, first);
    else stream.write(first);
  });
}

async function join(): Promise<{ readonly instance: Instance; readonly cvid: number }> {
  const handlers = { accept: () => true, accepted };
  const yard = new Switchyard({ server: `127.0.0.1:${port}` });
  const instance = yard.join({ uuid: randomUUID(), type: InstanceType.AGENT, ttlMs: TTL_MS, handlers });
  const { cvid } = await instance.attached();
  return { instance, cvid };
}

/** So many results of a task that is begun for each number, not more than AT_ONCE at a time. */
async function inWaves<T>(number: number, begin: (at: number) => Promise<T>): Promise<T[]> {
  const done: T[] = [];
  for (let from = 0; from < number; from += AT_ONCE) {
    const wave = Array.from({ length: Math.min(AT_ONCE, number - from) }, (_, at) => begin(from + at));
    done.push(...(await Promise.all(wave)));
  }
  return done;
}

const joined = await inWaves(Number(count), join);

async function connect(at: number): Promise<PeerStream> {
  const { instance } = joined[at % joined.length]!;
  const stream = await instance.connect(Number(sids[at % sids.length]), { upgradeAfterMs: Number.POSITIVE_INFINITY });
  if (stream.path !== 'relayed' || !stream.endToEnd) throw new Error(`a connection was ${stream.path}`);
  return stream;
}

const held: PeerStream[] = [];

async function hold(number: number): Promise<number> {
  const first = held.length;
  const streams = await inWaves(number, async (at) => {
    const stream = await connect(first + at);
    stream.write('?');
    await once(stream, 'data');
    return stream;
  });
  return held.push(...streams);
}

async function copy(copies: number, bytes: number): Promise<number> {
  const streams = await inWaves(copies, connect);
  const before = performance.now();
  await Promise.all(streams.map((stream) => giveCopy(stream, bytes)));
  const tookMs = performance.now() - before;
  await Promise.all(streams.map((stream) => stream.closed || once(stream, 'close')));
  return tookMs;
}

process.on('disconnect', () => process.exit(0));
if (role === 'sink') {
  process.send!(joined.map(({ cvid }) => cvid));
} else {
  process.on('message', async (task: FleetTask) => {
    process.send!('hold' in task ? await hold(task.hold) : await copy(task.copies, task.bytes));
  });
  process.send!('ready');
}
