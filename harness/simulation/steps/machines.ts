import type { World } from '../world.js';
import { nth, type StepKind, spanMs } from './step.js';

/** SIGKILL, or the machine loses its power; it comes back later and joins again. */
const die: StepKind<World> = {
  weight: 1.5,
  act: (world, [a, b, c]) => {
    const host = nth(world.hosts, a);
    if (host !== undefined) world.killHost(host, b % 2 === 0, spanMs(50, 120_000, c));
  },
};

/** SIGSTOP, for up to some minutes. */
const pause: StepKind<World> = {
  weight: 1,
  act: (world, [a, b]) => {
    const host = nth(world.hosts, a);
    if (host === undefined || host.process.isStopped) return;
    host.process.stop();
    host.route.current?.impair('client');
    const { process } = host;
    const connection = host.route.current;
    world.later(spanMs(100, 180_000, b), () => {
      process.proceed();
      connection?.repair('client');
    });
  },
};

/** What happens to the machines of clients. */
export const MACHINE_STEPS = { die, pause } satisfies Record<string, StepKind<World>>;
