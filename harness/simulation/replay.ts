import type { Plan } from './plan.js';
import type { Result } from './run.js';

/** How many lines of the trace are printed of a run that failed. */
const TRACE_LINES = 60;

/** The command that runs a plan again: from its file, or from its seed, which is the whole plan as long as no step was left out. */
export function replayCommand(plan: Pick<Plan, 'seed' | 'minutes' | 'isOnEtcd' | 'faults'>, file?: string): string {
  if (file !== undefined) return `npm run simulate -- --plan ${file}`;
  const faults = plan.faults === undefined ? '' : ` --faults ${plan.faults.join(',')}`;
  return `npm run simulate -- --seed ${plan.seed} --minutes ${plan.minutes}${plan.isOnEtcd ? ' --etcd' : ''}${faults}`;
}

/** The command that runs a world of several servers, or one of several networks, again. */
export function replayWorld(world: '--networks' | `--servers ${number}`, seed: number, minutes: number): string {
  return `npm run simulate -- ${world} --seed ${seed} --minutes ${minutes}`;
}

/** What is printed of a run that failed: the end of its trace, what went wrong, and the command that replays it. */
export function failureLines({ plan, violation, tail }: Result, file?: string): string[] {
  const { check, text, atMs } = violation!;
  return [
    ...tail.slice(-TRACE_LINES),
    `${check} at ${atMs.toFixed(0)} ms: ${text}`,
    `again: ${replayCommand(plan, file)}`,
  ];
}
