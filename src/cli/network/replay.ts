import { asError } from '../../base/errors.js';
import { parseNetworkGraph } from '../../netjson/parse.js';
import { Churn, type ChurnSummary, describeChurn } from '../../replay/churn.js';
import { PlanError, planReplay, type ReplayPlan } from '../../replay/plan.js';
import { Replay, type Verdict } from '../../replay/replay.js';
import { answering, connector, connectorOfEach, serverOf, withServer } from '../connection.js';
import { diagnose } from '../operate/diagnose.js';
import { writeTable } from '../output/table.js';
import { withProgress } from '../progress.js';
import { Failure, type Surroundings } from '../surroundings.js';
import { type KeyFlags, ownKey } from '../trust/own-key.js';
import { counted } from '../words.js';

/** What is to be replayed, and how. */
export interface ReplayFlags extends KeyFlags {
  readonly json?: boolean;
  /** Nodes that leave each second, once all are there. */
  readonly churn?: number;
  /** For how long, in milliseconds. */
  readonly for?: number;
  /** Keep the network up until interrupted. */
  readonly stay?: boolean;
}

/** More differences than this only scroll the first ones off the screen. */
const DIFFERENCES_SHOWN_MAX = 20;

/**
 * Brings a topology up on a real server, lets it churn, and compares what an independent watcher at each server saw with the file.
 * All sessions end at the end. Rejects when a link or node is not as the file says.
 */
export async function replayFile(path: string, flags: ReplayFlags, surroundings: Surroundings): Promise<void> {
  const { clock, signal, terminal } = surroundings;
  surroundings.outliveOutput?.();
  const plan = readPlan(path, surroundings);
  const connect = connector(flags, surroundings);
  const connectEach = connectorOfEach(flags, surroundings);
  const { key, bindProofs } = await ownKey('replay', flags, surroundings);
  const replay = new Replay(plan, { ...surroundings, connect, connectEach, key, bindProofs });
  let isBegun = false;
  try {
    await withServer(flags, surroundings, (yard) => answering(yard, signal));
    await replay.begin();
    isBegun = true;
    await terminal.err.writeLines(describePlan(path, plan));
    const startedMs = clock.nowMs();
    await withProgress(
      surroundings,
      () => bringUpProgress(replay),
      () => replay.bringUp(),
    );
    const upMs = clock.nowMs() - startedMs;
    await judge(await replay.verify(), replay, 'after everybody joined', surroundings);
    const churned = await churnIfAsked(replay, flags, surroundings);
    await printSummary({ replay, upMs, churned, totalMs: clock.nowMs() - startedMs }, flags, surroundings);
    if (flags.stay) await stay(surroundings);
  } catch (error) {
    throw await diagnose(error, serverOf(flags, surroundings), clock);
  } finally {
    if (isBegun && !signal.aborted) await terminal.err.write('everybody leaves\n');
    await replay.close();
  }
}

function readPlan(path: string, { readFile }: Surroundings): ReplayPlan {
  let text: string;
  try {
    text = readFile(path);
  } catch (error) {
    throw new Failure(`${path} cannot be read: ${asError(error).message}`);
  }
  try {
    const plan = planReplay(parseNetworkGraph(text));
    if (plan.nodes.length === 0) throw new PlanError('no node in it is online');
    return plan;
  } catch (error) {
    const lines = (error as PlanError).message.split('\n');
    throw new Failure(`${path} is not a topology that can be replayed:`, lines);
  }
}

async function churnIfAsked(
  replay: Replay,
  flags: ReplayFlags,
  surroundings: Surroundings,
): Promise<ChurnSummary | undefined> {
  const { clock, random, signal } = surroundings;
  const { churn: ratePerS = 0, for: forMs = 0 } = flags;
  if (forMs === 0) return undefined;
  const startedMs = clock.nowMs();
  const progress = () => {
    const elapsedMs = Math.min(forMs, clock.nowMs() - startedMs);
    const { sessions, links, upsets } = replay.status;
    const back = upsets === 0 ? '' : `, ${upsets} cut off and back`;
    const text = `${Math.round(elapsedMs / 1000)} of ${forMs / 1000} s: ${sessions} sessions, ${links} links${back}`;
    return { fraction: elapsedMs / forMs, text };
  };
  const request = { ratePerS, forMs };
  const summary = await withProgress(surroundings, progress, () =>
    new Churn(replay.members, { clock, random, signal }).run(request),
  );
  await judge(await replay.verify(), replay, 'after the churn', surroundings);
  return summary;
}

/** Says what the watchers saw, or rejects when it is not what the file says. */
async function judge(found: Verdict, { problems }: Replay, when: string, { terminal }: Surroundings): Promise<void> {
  const { differences, nodes, links, position, watchers } = found;
  const wrong = [...problems, ...differences];
  if (wrong.length > 0) {
    const shown = wrong.slice(0, DIFFERENCES_SHOWN_MAX);
    const more = wrong.length > DIFFERENCES_SHOWN_MAX ? [`… and ${wrong.length - DIFFERENCES_SHOWN_MAX} more`] : [];
    const whose = watchers === 1 ? "the watcher's graph" : 'the graph of a watcher';
    const message = `${when} ${whose} is not the file's, at revision ${position.revision}:`;
    throw new Failure(message, [...shown, ...more]);
  }
  const what = `${counted(nodes, 'node')} and ${counted(links, 'link')}, all as in the file`;
  const who = watchers === 1 ? 'an independent watcher has' : `independent watchers at ${watchers} servers each have`;
  await terminal.err.write(`${when}, at revision ${position.revision}, ${who} ${what}\n`);
}

function bringUpProgress({ status, plan }: Replay): { fraction: number; text: string } {
  const { sessions, links } = status;
  const [nodeCount, linkCount] = [plan.nodes.length, plan.links.length];
  const text = `${sessions} of ${nodeCount} sessions, ${links} of ${linkCount} links`;
  return { fraction: (sessions + links) / Math.max(1, nodeCount + linkCount), text };
}

function describePlan(path: string, { nodes, links, left }: ReplayPlan): string[] {
  const { offlineNodes, offlineLinks, repeatedLinks, otherDirections, costs, properties } = left;
  const apart = [
    ...(offlineNodes > 0 ? [`${counted(offlineNodes, 'node')} offline`] : []),
    ...(offlineLinks > 0 ? [`${counted(offlineLinks, 'link')} to nodes that do not join`] : []),
    ...(repeatedLinks > 0 ? [`${counted(repeatedLinks, 'link')} listed twice`] : []),
    ...(costs > 0 ? [`the cost of ${counted(costs, 'link')}`] : []),
    ...(properties.size > 0 ? [`properties that a network has no place for: ${propertiesWord(properties)}`] : []),
  ];
  return [
    `${path}: ${counted(nodes.length, 'node')}, ${counted(links.length, 'link')}`,
    ...(otherDirections > 0
      ? [
          `${counted(otherDirections, 'link')} the other way between two nodes: links here have no direction, so a pair is one`,
        ]
      : []),
    `left out: ${apart.join('; ') || 'nothing'}`,
  ];
}

/** More names than this are only counted. */
const PROPERTIES_SHOWN_MAX = 8;

/** The names of properties, with how often they stand there. */
function propertiesWord(properties: ReadonlyMap<string, number>): string {
  const names = [...properties].sort(([, one], [, other]) => other - one);
  const shown = names.slice(0, PROPERTIES_SHOWN_MAX).map(([name, count]) => `${name} (${count})`);
  const more = names.length - shown.length;
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** What a replay did, and how long it took. */
interface Outcome {
  readonly replay: Replay;
  readonly upMs: number;
  readonly totalMs: number;
  readonly churned: ChurnSummary | undefined;
}

async function printSummary(outcome: Outcome, flags: ReplayFlags, { terminal }: Surroundings): Promise<void> {
  const { replay, upMs, totalMs, churned } = outcome;
  const { sessions, links, upsets } = replay.status;
  const calls = replay.latencies.summaries();
  if (flags.json) {
    const facts = { sessions, links, upSeconds: upMs / 1000, seconds: totalMs / 1000, upsets, churn: churned, calls };
    await terminal.out.json(facts);
    return;
  }
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  const lines = [
    `${counted(sessions, 'session')} and ${counted(links, 'link')} in ${seconds(upMs)}, ${seconds(totalMs)} in all`,
  ];
  if (churned !== undefined) lines.push(describeChurn(churned));
  if (upsets > 0) lines.push(`${counted(upsets, 'time')} a session was cut off or lost, and came back by itself`);
  const ms = (value: number) => value.toFixed(1);
  await terminal.out.writeLines(lines);
  await writeTable(
    terminal.out,
    [
      { heading: 'CALL', value: (call) => call.call },
      { heading: 'COUNT', value: (call) => call.count, right: true },
      { heading: 'P50 ms', value: (call) => ms(call.p50Ms), right: true },
      { heading: 'P99 ms', value: (call) => ms(call.p99Ms), right: true },
      { heading: 'MAX ms', value: (call) => ms(call.maxMs), right: true },
    ],
    calls,
  );
}

async function stay({ terminal, signal }: Surroundings): Promise<void> {
  await terminal.err.write('the network stays up until Ctrl-C\n');
  await new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
