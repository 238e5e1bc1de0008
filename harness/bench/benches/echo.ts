import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { type Figure, figureOf } from '../figure.js';
import type { Echo } from '../parts/relay-end.js';
import { startSwitchyard } from '../parts/servers.js';
import { type Round, type Row, rowOf } from '../row.js';
import { relayEnd } from './relay.js';

const MIB = 1_048_576;
/** More than is copied while the keystrokes are typed. */
const COPY_BYTES = 256 * MIB;
/** Of each round, with and without a copy. */
const KEYSTROKES = 200;
/** By how much a copy through the same server may delay a keystroke. */
const MORE_MS_MAX = 20;
/** A copy that has got going. */
const STROKE_MS = 500;

/** Whose connection is copied over meanwhile. */
const COPIES = {
  'of another pair': 'other',
  'of the same two instances': 'same',
} as const;

/** A source and its sink, each a process. */
interface Pair {
  readonly source: ChildProcess;
  readonly sink: ChildProcess;
}

async function pair(port: number): Promise<Pair> {
  const sink = relayEnd('ours', 'sink', port, '');
  const [sid] = await once(sink, 'message');
  const source = relayEnd('ours', 'source', port, String(sid));
  await once(source, 'message');
  return { source, sink };
}

/** The answers of a source, each by what it is: a copy is a number, keystrokes are a list. */
function answers(source: ChildProcess) {
  const next = <Answer>(isIt: (answer: unknown) => answer is Answer) =>
    new Promise<Answer>((resolve) => {
      const hear = (answer: unknown) => {
        if (!isIt(answer)) return;
        source.off('message', hear);
        resolve(answer);
      };
      source.on('message', hear);
    });
  return {
    copy: () => {
      source.send(COPY_BYTES);
      return next((answer): answer is number => typeof answer === 'number');
    },
    type: (echoes: number) => {
      source.send({ echoes });
      return next((answer): answer is Echo[] => Array.isArray(answer));
    },
  };
}

function quantile(values: readonly number[], part: number): number {
  return [...values].sort((x, y) => x - y)[Math.ceil(values.length * part) - 1]!;
}

/** Echoes of one round. */
type Echoes = readonly Echo[];

function tookMs(echoes: Echoes, part: number): number {
  return quantile(
    echoes.map((echo) => echo.tookMs),
    part,
  );
}

/** What is typed on, and what is copied over: by the same two instances, by others at the same server, or at another server. */
interface Scene {
  type(): Promise<Echoes>;
  readonly copies: Readonly<Record<'same' | 'other' | 'elsewhere', () => Promise<number>>>;
}

/** Keystrokes while a copy goes on, which lasts longer than they do. */
async function typeBeside(
  scene: Scene,
  whose: keyof Scene['copies'],
  progress: (line: string) => void,
): Promise<Echoes> {
  const copying = scene.copies[whose]();
  await new Promise((resolve) => setTimeout(resolve, STROKE_MS));
  const echoes = await scene.type();
  const rate = (COPY_BYTES / MIB / (await copying)) * 1_000;
  progress(
    `echo ${said(echoes)} ms beside a copy of ${rate.toFixed(0)} MiB/s (${whose}), behind ${kib(echoes)} KiB of it`,
  );
  return echoes;
}

async function rounds(scene: Scene, count: number, progress: (line: string) => void): Promise<(Row | Figure)[]> {
  const taken = { alone: [] as Echoes[], elsewhere: [] as Echoes[], other: [] as Echoes[], same: [] as Echoes[] };
  for (let round = 0; round < count; round++) {
    const alone = await scene.type();
    progress(`echo ${said(alone)} ms alone`);
    taken.alone.push(alone);
    for (const whose of ['elsewhere', 'other', 'same'] as const) {
      taken[whose].push(await typeBeside(scene, whose, progress));
    }
  }
  const row = (what: string, whose: 'other' | 'same', rival: 'alone' | 'elsewhere', part: number): Row => {
    const figures: Round[] = taken[whose].map((echoes, at) => ({
      ours: tookMs(echoes, part),
      rival: tookMs(taken[rival][at]!, part),
    }));
    const rivalName = rival === 'alone' ? 'without a copy' : 'a copy through another server';
    return rowOf({ bench: 'echo', what, rivalName, unit: 'ms' }, figures, true);
  };
  /** What is more than the echo of the same round without a copy. */
  const more = (what: string, whose: 'other' | 'same', part: number): Figure =>
    figureOf(
      { bench: 'echo', what: `${what}: more than without`, unit: 'ms', goal: `<= ${MORE_MS_MAX}` },
      taken[whose].map((echoes, at) => tookMs(echoes, part) - tookMs(taken.alone[at]!, part)),
    );
  const parts = Object.entries({ p50: 0.5, p99: 0.99 });
  return Object.entries(COPIES).flatMap(([copy, whose]) => {
    const what = (name: string) => `echo beside a copy ${copy}, ${name}`;
    return [
      ...(['alone', 'elsewhere'] as const).flatMap((rival) =>
        parts.map(([name, part]) => row(what(name), whose, rival, part)),
      ),
      ...parts.map(([name, part]) => more(what(name), whose, part)),
    ];
  });
}

/** How much of the copy came to the sink while a keystroke was on its way there, in KiB. */
function kib(echoes: Echoes): string {
  const before = echoes.map((echo) => echo.bytesBefore / 1_024);
  return [0.5, 0.99].map((part) => quantile(before, part).toFixed(0)).join(' / ');
}

function said(echoes: Echoes): string {
  return `${tookMs(echoes, 0.5).toFixed(1)} / ${tookMs(echoes, 0.99).toFixed(1)}`;
}

/**
 * How long a keystroke takes to the other end and back through the server while a bulk copy goes through it: of another pair of
 * instances, and of the same pair, whose data is on the same connections. Beside it the same without a copy, and with one through another
 * server, which takes as much of the machine: what is more than that is the server's own.
 */
export async function benchEcho(count: number, progress: (line: string) => void): Promise<(Row | Figure)[]> {
  const servers = [await startSwitchyard(':memory:'), await startSwitchyard(':memory:')] as const;
  const pairs = [await pair(servers[0].port), await pair(servers[0].port), await pair(servers[1].port)] as const;
  try {
    const [typist, other, elsewhere] = pairs.map(({ source }) => answers(source));
    const scene: Scene = {
      type: () => typist!.type(KEYSTROKES),
      copies: { same: typist!.copy, other: other!.copy, elsewhere: elsewhere!.copy },
    };
    await scene.type();
    for (const copy of Object.values(scene.copies)) await copy();
    return await rounds(scene, count, progress);
  } finally {
    for (const { source, sink } of pairs) for (const child of [source, sink]) child.disconnect();
    for (const server of servers) await server.stop();
  }
}
