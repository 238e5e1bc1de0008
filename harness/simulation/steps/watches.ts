import { readClosed, readDeltas, readStreams, replicate } from '../clients/readers.js';
import type { World } from '../world.js';
import { nth, type StepKind, spanMs } from './step.js';

/** How many watches one host reads at most. */
const READERS_MAX = 3;

/** Some nodes to watch; all of them in every second watch. */
function someSids(world: World, pick: number): number[] {
  const sids = world.hosts.flatMap(({ sid }) => sid ?? []);
  return pick % 2 === 0 ? [] : sids.filter((_, at) => (pick >>> (at % 24)) % 3 === 0).slice(0, 16);
}

const watch: StepKind<World> = {
  weight: 3,
  act: (world, [a, b, c]) => {
    const host = nth(world.everyHost, a)!;
    if (!host.process.isAlive || host.readers.size >= READERS_MAX) return;
    const coalesce = b % 2 === 0;
    const sids = someSids(world, c);
    if (b % 7 === 0) readClosed(world, host, sids);
    else if (b % 7 === 1) readStreams(world, world.admin);
    else if (b % 7 === 2) replicate(world, host, coalesce);
    else readDeltas(world, host, { coalesce, sids: new Set(sids) }, b % 11 === 0 ? spanMs(20, 5_000, c) : 0);
  },
};

const stopWatch: StepKind<World> = {
  weight: 2,
  act: (world, [a, b]) => nth([...nth(world.everyHost, a)!.readers], b)?.stop(),
};

/** A reader takes nothing for a while: the server's writes are held up, and history goes on without it. */
const idle: StepKind<World> = {
  weight: 3,
  act: (world, [a, b, c]) => {
    const reader = nth([...nth(world.everyHost, a)!.readers], b);
    if (reader !== undefined) reader.idleUntilMs = world.nowMs + spanMs(500, 300_000, c);
  },
};

/** What readers do. */
export const WATCH_STEPS = { watch, stopWatch, idle } satisfies Record<string, StepKind<World>>;
