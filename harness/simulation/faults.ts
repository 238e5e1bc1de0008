import { SeededRandom } from './machine/random.js';
import { changingCores, type Plan } from './plan.js';

/** What a world can be made to have that some seeds have and others have not. */
export const FAULTS = {
  flags: (plan: Plan): Plan =>
    plan.cores.length > 1
      ? plan
      : { ...plan, cores: changingCores(plan.limits.core, new SeededRandom(plan.seed).fork(9)) },
  cancelled: (plan: Plan): Plan => ({ ...plan, isHasty: true }),
  'half-closed': (plan: Plan): Plan => ({ ...plan, isHalfClosed: true }),
} as const;

/** The name of such a fault, as the command line has it. */
export type FaultName = keyof typeof FAULTS;

/** The names in a list with commas. Throws when there is another one. */
export function faultNames(text: string): FaultName[] {
  return text.split(',').map((name) => {
    if (isFaultName(name)) return name;
    throw new Error(`--faults: there is no ${JSON.stringify(name)}; there are ${Object.keys(FAULTS).join(', ')}`);
  });
}

/** A plan in which these faults come for certain. */
export function withFaults(plan: Plan, faults: readonly FaultName[]): Plan {
  if (faults.length === 0) return plan;
  return { ...faults.reduce<Plan>((made, name) => FAULTS[name](made), plan), faults };
}

function isFaultName(name: string): name is FaultName {
  return Object.hasOwn(FAULTS, name);
}
