import type { Tampering } from './machine/server.js';
import type { Plan, Step } from './plan.js';
import { type Result, simulate } from './run.js';

/** How many runs may be spent on making a plan smaller, and how much real time. */
const RUNS_MAX = 200;
const SPENT_MS_MAX = 90_000;

/**
 * A smaller plan that fails by the same check: without what came after the failure, and then without ever smaller runs of
 * steps, as long as it still fails (delta debugging; Zeller and Hildebrandt, 2002).
 */
export async function shrink(failed: Result, tamper: Tampering = {}): Promise<Result> {
  const check = failed.violation!.check;
  let best = failed;
  let runs = 0;
  const from = performance.now();
  const isSpent = () => runs >= RUNS_MAX || performance.now() - from > SPENT_MS_MAX;
  const tryWith = async (plan: Plan): Promise<boolean> => {
    if (isSpent()) return false;
    runs++;
    const result = await simulate(plan, tamper);
    if (result.violation?.check !== check) return false;
    best = result;
    return true;
  };
  const { atMs } = failed.violation!;
  const steps = failed.plan.steps.filter((step) => step.atMs <= atMs);
  await tryWith({ ...failed.plan, steps, minutes: Math.min(failed.plan.minutes, Math.ceil(atMs / 60_000)) });
  for (let size = Math.ceil(best.plan.steps.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < best.plan.steps.length && !isSpent(); ) {
      if (!(await tryWith({ ...best.plan, steps: without(best.plan.steps, at, size) }))) at += size;
    }
  }
  return best;
}

function without(steps: readonly Step[], at: number, count: number): Step[] {
  return [...steps.slice(0, at), ...steps.slice(at + count)];
}
