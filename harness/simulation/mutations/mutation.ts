import type { Tampering } from '../machine/server.js';
import { type Plan, planOf } from '../plan.js';

/** A fault that somebody could have made, put into the parts of a server from outside. */
export interface Mutation extends Tampering {
  readonly name: string;
  /** A world of so many minutes, made of this seed, meets it within some seconds of real time. */
  readonly seed: number;
  readonly minutes: number;
  /** Whether that world has its journal in an etcd. */
  readonly isOnEtcd?: boolean;
  /** Whether the server of that world keeps an audit log. */
  readonly isAudited?: boolean;
  /** The check that finds it there. Another one would say that the mutation does something else than its name says. */
  readonly finds: string;
}

/** The world that meets a mutation. */
export function worldOf({ seed, minutes, isOnEtcd = false, isAudited = false }: WorldOfMutation): Plan {
  return { ...planOf(seed, minutes), ...(isOnEtcd && { isOnEtcd }), ...(isAudited && { isAudited }) };
}

type WorldOfMutation = Pick<Mutation, 'seed' | 'minutes' | 'isOnEtcd' | 'isAudited'>;
