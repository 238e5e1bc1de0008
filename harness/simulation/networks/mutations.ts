import type { NetworksTampering } from './server.js';

/** A fault that lets something of one network into another. */
export interface NetworksMutation extends NetworksTampering {
  readonly name: string;
  /** A world of this seed and so many minutes meets it. */
  readonly seed: number;
  readonly minutes: number;
}

/** Faults that `Apart` finds. */
export const NETWORKS_MUTATIONS: readonly NetworksMutation[] = [
  {
    name: 'show watches of every network the default one',
    seed: 1,
    minutes: 1,
    backing: (backing, { feeds }) => ({ ...backing, feeds }),
  },
  {
    name: 'list the sessions of the default network in every one',
    seed: 1,
    minutes: 1,
    backing: (backing, { replica }) => ({ ...backing, replica }),
  },
  {
    name: 'ask peers of the default network for connections of another one',
    seed: 11,
    minutes: 2,
    backing: (backing, { asking }) => ({ ...backing, asking }),
  },
  {
    name: 'lead a call with a token to its network, whichever the call names',
    seed: 1,
    minutes: 1,
    metadata: ({ 'switchyard-network': network, ...rest }) =>
      network === undefined || rest['switchyard-session'] !== undefined
        ? rest
        : { ...rest, 'switchyard-network': network },
  },
];
