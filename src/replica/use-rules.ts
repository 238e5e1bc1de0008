import { isFault } from '../core/model/fault.js';
import type { Replica } from './replica.js';

/**
 * Has commands decided by newer rules from now on, where the state has older ones. Everything that applies the journal has to know them. Resolves
 * with whether they hold.
 */
export async function useRules(replica: Pick<Replica, 'state' | 'enforce'>, rules: number): Promise<boolean> {
  if (rules <= replica.state.rules) return true;
  return !isFault(await replica.enforce({ kind: 'UseRules', rules }));
}
