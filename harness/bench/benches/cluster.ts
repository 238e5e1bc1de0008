import { BenchCluster, STORED_IN } from '../cluster/bench-cluster.js';
import { COST_CALLS, type Cost, projectedRate, sessionCost } from '../cluster/cost.js';
import { arrivalTimes, commandTimes, longestSilence, type Times } from '../cluster/moments.js';
import { loseOne, type Returned } from '../cluster/returning.js';
import { spreadMicros } from '../cluster/spread.js';
import { type Figure, figureOf } from '../figure.js';
import type { Started } from '../parts/process.js';
import { dataFolder, startSwitchyard } from '../parts/servers.js';
import { type Row, rowOf } from '../row.js';

/** What several servers are to do more than one with its journal in its folder, each on a core of its own. */
const GOALS: ReadonlyMap<number, number> = new Map([
  [3, 1.8],
  [5, 2.4],
]);
/** How long a leader that says nothing is waited for where that is measured, as in the prototype's figures. */
const LEADER_TTL_MS = 2_000;
/** More than a term's end, for an election that a busy machine is late for. */
const SILENT_MS_MAX = LEADER_TTL_MS + 1_000;
const BENCH = 'cluster';
const COMMAND = 'a command at any of three servers, 12 clients';

/** One round: everything after each other, on servers that are started for it. */
interface ClusterRound {
  readonly alone: Cost;
  readonly shared: ReadonlyMap<number, Cost>;
  readonly bytesPerCommand: number;
  readonly commands: Times;
  readonly commandsAtOne: Times;
  readonly arrivals: Times;
  readonly spread: { readonly ours: number; readonly rival: number };
  readonly killedMs: number;
  readonly silentMs: number;
  readonly returned: Returned;
}

/**
 * Three and five servers that share a network beside one with its journal in its folder. This machine has fewer cores than they have
 * processes, so what is compared is the CPU that each takes for an acknowledged Session, and the rate that the busiest of them would
 * come to on a core of its own.
 */
export async function benchCluster(rounds: number, progress: (line: string) => void): Promise<(Row | Figure)[]> {
  const all: ClusterRound[] = [];
  for (let round = 0; round < rounds; round++) {
    const tell = (line: string) => progress(`round ${round + 1} of ${rounds}: ${line}`);
    all.push(await oneRound(tell));
  }
  return [...rateRows(all), ...timeRows(all), ...figures(all)];
}

async function oneRound(tell: (line: string) => void): Promise<ClusterRound> {
  const data = dataFolder(STORED_IN);
  const one = await startSwitchyard(data.path);
  try {
    const alone = await warmCost([one]);
    tell(`one server: ${textOf(alone)}`);
    const five = await withCluster(5, ({ servers }) => warmCost(servers));
    tell(`five servers: ${textOf(five)}`);
    const commandsAtOne = await withCluster(1, ({ servers }) => commandTimes(servers));
    const { three, ...rest } = await withCluster(3, (cluster) => threeServers(cluster, one, tell));
    const killedMs = await silenceOf((leader) => leader.stop());
    const silentMs = await silenceOf((leader) => leader.signal('SIGSTOP'));
    tell(
      `nothing acknowledged: ${killedMs.toFixed(0)} ms after a kill of the leader, ${silentMs.toFixed(0)} ms when it stands still`,
    );
    const shared = new Map([
      [3, three],
      [5, five],
    ]);
    return { alone, shared, commandsAtOne, killedMs, silentMs, ...rest };
  } finally {
    await one.stop();
    data.remove();
  }
}

async function threeServers(cluster: BenchCluster, one: Started, tell: (line: string) => void) {
  const { servers } = cluster;
  const three = await warmCost(servers);
  tell(`three servers: ${textOf(three)}`);
  const fromBytes = await cluster.storedBytes();
  await sessionCost(servers);
  const bytesPerCommand = ((await cluster.storedBytes()) - fromBytes) / COST_CALLS;
  const commands = await commandTimes(servers);
  const arrivals = await arrivalTimes(servers[0], servers[1]);
  tell(`a command: ${commands.p50.toFixed(1)} ms; a change at another server: p99 ${arrivals.p99.toFixed(1)} ms`);
  const spread = { ours: await spreadMicros(servers), rival: await spreadMicros([one]) };
  tell(`watchers: ${spread.ours.toFixed(2)} µs at the busiest of three, ${spread.rival.toFixed(2)} µs at one`);
  const returned = await loseOne(servers, servers[2]);
  tell(`2,000 sessions lose a server: all back after ${returned.backMs.toFixed(0)} ms`);
  return { three, bytesPerCommand, commands, arrivals, spread, returned };
}

/** How long nothing is acknowledged at the server that follows when something happens to the one that leads. */
function silenceOf(happen: (leader: Started) => unknown): Promise<number> {
  const strike = ({ servers: [leader, other] }: BenchCluster) => longestSilence([other], () => happen(leader));
  return withCluster(2, strike, LEADER_TTL_MS);
}

async function withCluster<Result>(
  count: number,
  run: (cluster: BenchCluster) => Promise<Result>,
  leaderTtlMs?: number,
): Promise<Result> {
  const cluster = await BenchCluster.start(count, leaderTtlMs);
  try {
    return await run(cluster);
  } finally {
    await cluster.stop();
  }
}

/** The second time: the first compiles. */
async function warmCost(servers: readonly Started[]): Promise<Cost> {
  await sessionCost(servers);
  return sessionCost(servers);
}

function rateRows(all: readonly ClusterRound[]): (Row | Figure)[] {
  const rows: (Row | Figure)[] = [];
  for (const [count, goal] of GOALS) {
    const costs = all.map(({ shared }) => shared.get(count)!);
    const rounds = all.map(({ alone }, at) => ({ ours: projectedRate(costs[at]), rival: projectedRate(alone) }));
    const about = { bench: BENCH, rivalName: 'one server' };
    rows.push(
      rowOf({ ...about, what: `${count} servers, a core each: Session`, unit: 'calls/s projected', goal }, rounds),
    );
    const both = all.map(({ alone }, at) => ({ ours: costs[at].callsPerSecond, rival: alone.callsPerSecond }));
    rows.push(rowOf({ ...about, what: `${count} servers and etcd on this machine: Session`, unit: 'calls/s' }, both));
    const unit = 'µs of CPU a call of any client';
    rows.push(
      figureOf(
        { bench: BENCH, what: `${count} servers: the leader`, unit },
        costs.map(({ micros: [leader] }) => leader),
      ),
    );
    const followers = costs.map(({ micros }) => Math.max(...micros.slice(1)));
    rows.push(figureOf({ bench: BENCH, what: `${count} servers: the busiest follower`, unit }, followers));
  }
  return rows;
}

function timeRows(all: readonly ClusterRound[]): Row[] {
  const rivalName = 'one server on the same etcd';
  const taken = (name: keyof Times) =>
    all.map(({ commands, commandsAtOne }) => ({ ours: commands[name], rival: commandsAtOne[name] }));
  const spread = all.map(({ spread: one }) => one);
  const unit = 'µs of CPU a delivered change, at the busiest';
  return [
    rowOf({ bench: BENCH, what: COMMAND, rivalName, unit: 'ms, p50' }, taken('p50'), true),
    rowOf({ bench: BENCH, what: COMMAND, rivalName, unit: 'ms, p99' }, taken('p99'), true),
    rowOf({ bench: BENCH, what: '900 watchers spread over three', rivalName: 'one server', unit }, spread, true),
  ];
}

function figures(all: readonly ClusterRound[]): Figure[] {
  const figure = (what: string, unit: string, goal: string | undefined, pick: (round: ClusterRound) => number) =>
    figureOf({ bench: BENCH, what, unit, goal }, all.map(pick));
  const longer = ({ commands, commandsAtOne }: ClusterRound) => commands.p50 - commandsAtOne.p50;
  return [
    figure('a command takes longer at three servers than at one on the same etcd', 'ms, p50', '<= 2', longer),
    figure(
      'a change at a watcher of another server, 100/s',
      'ms after its answer, p99',
      '<= 50',
      ({ arrivals }) => arrivals.p99,
    ),
    figure('nothing is acknowledged when the leader is killed', 'ms', '<= 300', ({ killedMs }) => killedMs),
    figure(
      'nothing is acknowledged when the leader stands still',
      'ms',
      `<= ${SILENT_MS_MAX}`,
      ({ silentMs }) => silentMs,
    ),
    figure('2,000 sessions lose one server of three: all are back', 'ms', '<= 5000', ({ returned }) => returned.backMs),
    figure('of them lost', 'sessions', '<= 0', ({ returned }) => returned.lost),
    figure('space in etcd at full load', 'bytes a command', undefined, ({ bytesPerCommand }) => bytesPerCommand),
  ];
}

function textOf(cost: Cost): string {
  const micros = cost.micros.map((one) => one.toFixed(0)).join(', ');
  return `${micros} µs a call, ${cost.callsPerSecond.toFixed(0)} calls/s here, ${projectedRate(cost).toFixed(0)} projected`;
}
