import { Fault } from '../../../src/core/model/fault.js';
import type { Mutation } from './mutation.js';

/** Faults of what one address may hold. */
export const SHARES_MUTATIONS: readonly Mutation[] = [
  {
    name: 'let one address open as many sessions as it wants',
    seed: 3,
    minutes: 3,
    finds: 'Shared',
    server: ({ shares }) => {
      shares.open = (_origin, _newcomer, work) => work();
    },
  },
  {
    name: 'count sessions that have ended',
    seed: 1,
    minutes: 3,
    finds: 'Shared',
    server: ({ shares }) => {
      const publish = shares.publish.bind(shares);
      shares.publish = (position, changes) =>
        publish(
          position,
          changes.filter(({ kind }) => kind !== 'SessionClosed'),
        );
    },
  },
  {
    name: 'keep room for sessions that were refused',
    seed: 8,
    minutes: 3,
    finds: 'Tidy',
    server: ({ shares, replica }) => {
      const open = shares.open.bind(shares);
      shares.open = (origin, newcomer, work) =>
        open(origin, newcomer, async () => {
          const outcome = await work();
          return outcome instanceof Fault && replica.state.sessions.count > 0 ? new Promise(() => {}) : outcome;
        });
    },
  },
];
