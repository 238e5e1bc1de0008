import type { World } from '../world.js';
import { nth, type StepKind, spanMs } from './step.js';

/** The server's process is killed: between any two things that it does. */
const crash: StepKind<World> = {
  weight: 1.2,
  act: (world, [a, b]) => world.machine.die(a % 3 !== 0, spanMs(20, 30_000, b)),
};

/** The same, in the middle of what it tells its clients. */
const crashMidway: StepKind<World> = {
  weight: 1.2,
  act: (world, [a, b]) => world.machine.dieAfter(a % 24, spanMs(20, 30_000, b)),
};

/** SIGSTOP for up to some minutes: longer than a TTL. */
const stop: StepKind<World> = {
  weight: 0.6,
  act: (world, [a]) => world.machine.standStill(spanMs(100, 180_000, a)),
};

/** Goes down as a server should, and comes back. */
const drain: StepKind<World> = {
  weight: 0.5,
  act: (world, [a]) => world.machine.drain(spanMs(20, 20_000, a)),
};

const wallJump: StepKind<World> = {
  weight: 0.4,
  act: (world, [a]) => {
    world.machine.process.wallSkewMs += (a % 7_200_000) - 3_600_000;
  },
};

const slowDisk: StepKind<World> = {
  weight: 1,
  act: (world, [a, b]) => {
    world.disk.slownessMs = spanMs(5, 4_000, a);
    world.later(spanMs(100, 60_000, b), () => {
      world.disk.slownessMs = 1;
    });
  },
};

const fullDisk: StepKind<World> = {
  weight: 0.7,
  act: (world, [a]) => {
    world.disk.full = true;
    world.later(spanMs(100, 60_000, a), () => {
      world.disk.full = false;
    });
  },
};

/** The journal fails, and whoever looks after the server starts it again. */
const failingDisk: StepKind<World> = {
  weight: 0.4,
  act: (world, [a]) => {
    world.disk.failing = true;
    world.later(spanMs(1_000, 60_000, a), () => {
      world.disk.failing = false;
      if (world.disk.isRefusing) world.machine.die(true, 1_000);
    });
  },
};

const partition: StepKind<World> = {
  weight: 1.5,
  act: (world, [a, b, c]) => {
    const from = a % world.everyHost.length;
    const cut = world.everyHost.slice(from, from + 1 + (b % 5));
    for (const { route } of cut) route.partition();
    world.later(spanMs(100, 120_000, c), () => {
      for (const { route } of cut) route.heal();
    });
  },
};

const halfOpen: StepKind<World> = {
  weight: 1,
  act: (world, [a]) => nth(world.everyHost, a)?.route.halfOpen(),
};

/** Only one way is swallowed, for a while. */
const oneWay: StepKind<World> = {
  weight: 0.7,
  act: (world, [a, b]) => {
    const connection = nth(world.everyHost, a)?.route.current;
    const way = b % 2 === 0 ? 'up' : 'down';
    connection?.impair(way);
    world.later(spanMs(100, 60_000, b), () => connection?.repair(way));
  },
};

const reset: StepKind<World> = {
  weight: 1,
  act: (world, [a]) => nth(world.everyHost, a)?.route.current?.reset(),
};

const breakCall: StepKind<World> = {
  weight: 2,
  act: (world, [a, b]) => nth(world.everyHost, a)?.route.current?.breakCall(b),
};

const slowNetwork: StepKind<World> = {
  weight: 1,
  act: (world, [a, b, c]) => {
    const host = nth(world.everyHost, a)!;
    host.route.latencyMs = spanMs(1, 8_000, b);
    world.later(spanMs(100, 60_000, c), () => {
      host.route.latencyMs = 4;
    });
  },
};

/** What goes wrong beneath and around. */
export const FAULT_STEPS = {
  crash,
  crashMidway,
  stop,
  drain,
  wallJump,
  slowDisk,
  fullDisk,
  failingDisk,
  partition,
  halfOpen,
  oneWay,
  reset,
  breakCall,
  slowNetwork,
} satisfies Record<string, StepKind<World>>;
