import type { Tampering } from './machine/server.js';
import type { Plan } from './plan.js';
import type { Violation } from './verdict.js';
import { World } from './world.js';

/** How long everything has to come to rest once nothing goes wrong any more: the longest wait of any client, twice. */
const CALM_MS = 240_000;
/**
 * How long until nothing is left of clients that have gone: the longest lease. A server that is too busy to end a session
 * whose goodbye it has answered lets its lease run out.
 */
const CLEAN_MS = 150_000;

/** How a run went. */
export interface Result {
  readonly plan: Plan;
  readonly violation: Violation | undefined;
  /** The same for two runs of one plan. */
  readonly hash: string;
  readonly simulatedMs: number;
  readonly events: number;
  readonly revisions: number;
  /** The last lines of the trace. */
  readonly tail: readonly string[];
}

/**
 * Runs a plan to its end, or to the first thing that is wrong; then lets everything heal, and looks whether it does:
 * **Converged**: every instance attached that there is room for, every reader at the last revision. **Tidy**: nothing is
 * left at the server of clients that have gone.
 */
export async function simulate(plan: Plan, tamper: Tampering = {}, follow?: (line: string) => void): Promise<Result> {
  const world = new World(plan, tamper, follow);
  const unhandled = (error: unknown) => world.verdict.fail('Sound', `nobody caught ${stackOf(error)}`);
  process.on('unhandledRejection', unhandled);
  try {
    await world.run();
    await comeToRest(world);
    if (world.verdict.violation === undefined) world.anchored?.missed();
    if (world.verdict.violation === undefined) await world.replays.replayTwice();
    await leaveNothing(world);
  } finally {
    process.off('unhandledRejection', unhandled);
  }
  const { verdict, trace, scheduler, truth } = world;
  return {
    plan,
    violation: verdict.violation,
    hash: trace.hash,
    simulatedMs: scheduler.nowMs,
    events: scheduler.count,
    revisions: truth.last,
    tail: trace.tail,
  };
}

async function comeToRest(world: World): Promise<void> {
  const { verdict, disk, hosts, everyHost, truth } = world;
  world.trace.note('* calm');
  world.calm();
  await world.pass(CALM_MS);
  if (verdict.violation !== undefined) return;
  if (!world.machine.runs || disk.isRefusing) verdict.fail('Converged', 'the server is not up');
  const joined = hosts.filter(({ instance }) => instance !== undefined && instance.state !== 'ended');
  const away = joined.filter(({ instance }) => instance?.state !== 'attached');
  // A server with fewer seats than there are instances keeps the rest waiting.
  if (away.length > Math.max(0, joined.length - truth.state.limits.sessionsMax)) {
    verdict.fail('Converged', away.map(({ name, instance }) => `${name} is ${instance?.state}`).join(', '));
  }
  const last = { epoch: truth.epoch, revision: BigInt(truth.last) };
  for (const host of everyHost) {
    for (const reader of host.readers) {
      const lag = reader.lag(last);
      if (lag !== undefined) verdict.fail('Converged', `${reader.name} ${lag}`);
    }
  }
  for (const conversation of world.halfClosers?.unfinished() ?? []) verdict.fail('Converged', conversation);
  for (const stream of world.relays?.unfinished() ?? []) verdict.fail('Converged', stream);
  const attached = hosts.filter(({ instance }) => instance?.state === 'attached').length;
  if (truth.state.sessions.count !== attached) {
    verdict.fail('Converged', `${truth.state.sessions.count} sessions live; ${attached} instances are attached`);
  }
}

async function leaveNothing(world: World): Promise<void> {
  const { verdict, machine } = world;
  if (verdict.violation !== undefined) return;
  for (const { client } of world.everyHost) void client.close();
  await world.pass(CLEAN_MS);
  const { server } = machine;
  if (verdict.violation !== undefined || server === undefined) return;
  const left = {
    sessions: world.truth.state.sessions.count,
    attachments: server.replica.attachments.count,
    holders: server.shares.holderCount,
    channels: server.relay.channelCount,
    conversations: server.system.connectionCount,
    ...Object.fromEntries(Object.entries(server.feeds).map(([name, feed]) => [name, feed.subscriptionCount])),
  };
  if (Object.values(left).some((count) => count > 0)) verdict.fail('Tidy', `is left: ${JSON.stringify(left)}`);
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
