import { DEFAULT_LIMITS, type Limits } from '../../src/core/model/limits.js';
import { DEFAULT_FEED_LIMITS } from '../../src/feed/limits.js';
import { DEFAULT_REPLICA_LIMITS } from '../../src/replica/limits.js';
import { defaultShares } from '../../src/shares/limits.js';
import type { Keyed } from './clients/keys.js';
import type { FaultName } from './faults.js';
import { SeededRandom } from './machine/random.js';
import type { ServerLimits } from './machine/server.js';
import { CLIENT_STEPS } from './steps/clients.js';
import { FAULT_STEPS } from './steps/faults.js';
import { MACHINE_STEPS } from './steps/machines.js';
import { WATCH_STEPS } from './steps/watches.js';

/** Something that is done to the world: what kind of thing, and three numbers that say to whom and how. */
export interface Step {
  readonly atMs: number;
  readonly kind: string;
  readonly picks: readonly [number, number, number];
}

/** Everything that decides a run. The same plan is the same run; one with fewer steps is a smaller one. */
export interface Plan {
  readonly seed: number;
  readonly minutes: number;
  readonly instances: number;
  /** How many of the instances have the UUID of another. */
  readonly clones: number;
  readonly watchers: number;
  readonly limits: ServerLimits;
  /** The core's limits of one start after the other, round and round: its flags are changed between them. */
  readonly cores: readonly Limits[];
  /** Whether somebody opens sessions without end. */
  readonly isFlooded: boolean;
  /** Whether there are callers that give up before they are answered. */
  readonly isHasty: boolean;
  /** Whether instances send each other data of streams. */
  readonly isRelayed: boolean;
  /** Which instances have keys; where some do, there is a thief. */
  readonly keyed: Keyed;
  /** Whether newcomers redeem tickets, more of them than a ticket has uses. */
  readonly isTicketed: boolean;
  /** Whether the journal is in an etcd instead of on the disk. */
  readonly isOnEtcd?: boolean;
  /** Whether the server keeps an audit log, which somebody cuts short now and then. */
  readonly isAudited?: boolean;
  /** Whether clients of system events end their side as soon as they have asked. */
  readonly isHalfClosed: boolean;
  /** What the command line asked for beyond what the seed made. */
  readonly faults?: readonly FaultName[];
  readonly steps: readonly Step[];
}

/** Every kind of step with how often it comes when nothing says otherwise. */
export const STEPS = { ...CLIENT_STEPS, ...MACHINE_STEPS, ...WATCH_STEPS, ...FAULT_STEPS };
/** Each run has kinds of steps that it favours and others that it does without: so odd mixtures are met. */
const FAVOURS = [0, 0.3, 1, 1, 3];
/** How rough a run is: where everything breaks all the time, nobody gets anything done that could be lost. */
const ROUGHNESS = [0.05, 0.2, 1];

/** Makes the plan of a seed. */
export function planOf(seed: number, minutes: number): Plan {
  const random = new SeededRandom(seed).fork(0);
  const shares = new SeededRandom(seed).fork(3);
  const instances = random.between(4, 24);
  const limits = limitsOf(random, shares);
  return {
    seed,
    minutes,
    instances,
    clones: random.between(0, Math.ceil(instances / 4)),
    watchers: random.between(2, 8),
    limits,
    cores: coresOf(limits.core, new SeededRandom(seed).fork(4)),
    isFlooded: shares.chance(1 / 3),
    isHasty: new SeededRandom(seed).fork(5).chance(1 / 2),
    isRelayed: new SeededRandom(seed).fork(7).chance(1 / 2),
    keyed: new SeededRandom(seed).fork(6).pick(['none', 'half', 'all']),
    isTicketed: new SeededRandom(seed).fork(7).chance(1 / 2),
    isHalfClosed: new SeededRandom(seed).fork(8).chance(1 / 2),
    steps: stepsOf(random, minutes * 60_000),
  };
}

/** A plan that was written down: bounds that did not exist then are at their defaults. */
export function writtenPlan(text: string): Plan {
  const plan = JSON.parse(text).plan as Plan;
  const { core, feed, replica, shares } = plan.limits;
  const allCore = { ...DEFAULT_LIMITS, ...core };
  const limits = {
    core: allCore,
    shares: { ...defaultShares(allCore), ...shares },
    feed: { ...DEFAULT_FEED_LIMITS, ...feed },
    replica: { ...DEFAULT_REPLICA_LIMITS, ...replica },
  };
  return {
    ...plan,
    isFlooded: plan.isFlooded ?? false,
    isHasty: plan.isHasty ?? false,
    isRelayed: plan.isRelayed ?? false,
    keyed: plan.keyed ?? 'none',
    isTicketed: plan.isTicketed ?? false,
    isHalfClosed: plan.isHalfClosed ?? false,
    limits,
    cores: plan.cores ?? [allCore],
  };
}

/** Bounds that a run meets: a history of a few revisions, a snapshot every few commands, SIDs that run out. */
function limitsOf(random: SeededRandom, shares: SeededRandom): ServerLimits {
  const core = coreLimitsOf(random);
  return {
    core,
    // An address has one instance, and so one session at a time.
    shares: { ...defaultShares(core), sessionsPerAddressMax: shares.pick([2, 10]) },
    feed: {
      ...DEFAULT_FEED_LIMITS,
      historyBytesMax: random.pick([1_024, 8_192, 65_536]),
      historyRevisionsMax: random.pick([8, 48, 512]),
      touchesMax: random.pick([16, 128, 2_048]),
      netTouchesMax: random.pick([8, 64, 1_024]),
      messageBytesMax: random.pick([64, 512, 8_192]),
      snapshotsMax: random.between(1, 4),
      snapshotAgeMax: random.pick([0, 4, 64]),
    },
    replica: {
      ...DEFAULT_REPLICA_LIMITS,
      pendingMax: random.pick([3, 64]),
      batchMax: random.pick([1, 4, 64]),
      snapshotEvery: random.pick([8, 40, 200]),
      ttlDefaultMs: random.pick([10_000, 60_000]),
      graceMs: random.pick([5_000, 30_000]),
      orderDeadlineMs: random.pick([3_000, 10_000]),
      unreadMax: random.pick([4, 64]),
    },
  };
}

/** What the starts of a run are given: the same each time, or now more and now less than what is there. */
function coresOf(core: Limits, random: SeededRandom): Limits[] {
  return random.chance(1 / 2) ? [core] : changingCores(core, random);
}

/** The core's limits of two to four starts, each with flags of its own. */
export function changingCores(core: Limits, random: SeededRandom): Limits[] {
  return Array.from({ length: random.between(2, 4) }, () => ({
    ...core,
    // The server has to be able to come to rest, and SIDs are judged by one bound: those stay as they are.
    linksPerNodeMax: random.pick([2, 4, 64]),
    reportsPerNodeMax: random.pick([1, 3, 64]),
    streamsPerSessionMax: random.pick([0, 2, 16]),
    streamsMax: random.pick([8, 48, 4096]),
    ordersPerSessionMax: random.pick([1, 32]),
    connectionsFinishedMax: random.pick([0, 4, 1_024]),
    attemptsPerConnectionMax: random.pick([1, 3]),
    endedMax: random.pick([0, 8, 4096]),
  }));
}

function coreLimitsOf(random: SeededRandom): Limits {
  return {
    ...DEFAULT_LIMITS,
    sidBaseMax: random.pick([24, 64, 1024]),
    sessionsMax: random.pick([20, 1000]),
    linksPerNodeMax: random.pick([4, 64]),
    reportsPerNodeMax: random.pick([3, 64]),
    streamsPerSessionMax: random.pick([2, 16]),
    streamsMax: random.pick([48, 4096]),
    sinksPerStreamMax: 4,
    endedMax: random.pick([8, 4096]),
  };
}

/** Busy spells of a minute or so, and long quiet ones between them: most of what goes wrong needs one or the other. */
function stepsOf(random: SeededRandom, untilMs: number): Step[] {
  const roughness = random.pick(ROUGHNESS);
  const weights = Object.entries(STEPS).map(([kind, { weight }]) => {
    const scale = kind in FAULT_STEPS ? roughness : 1;
    return { kind, weight: weight * scale * random.pick(FAVOURS) };
  });
  const quietMsMax = random.pick([60_000, 600_000, 3_600_000]);
  const sum = weights.reduce((total, { weight }) => total + weight, 0);
  const draw = (): string => {
    let left = random.fraction() * sum;
    for (const { kind, weight } of weights) {
      left -= weight;
      if (left < 0) return kind;
    }
    return weights[0].kind;
  };
  const steps: Step[] = [];
  for (let nowMs = 3_000; nowMs < untilMs; ) {
    const busyUntilMs = nowMs + random.between(10_000, 90_000);
    const paceMs = random.pick([150, 500, 2_000]);
    for (; nowMs < Math.min(busyUntilMs, untilMs); nowMs += Math.ceil(random.fraction() * 2 * paceMs)) {
      steps.push({ atMs: nowMs, kind: draw(), picks: [random.word(), random.word(), random.word()] });
    }
    nowMs += random.between(10_000, quietMsMax);
  }
  return steps;
}
