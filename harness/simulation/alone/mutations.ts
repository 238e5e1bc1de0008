import type { NetworksTampering } from '../networks/server.js';

/** A fault that lets a network come to something else when others are busy. */
export interface AloneMutation {
  readonly name: string;
  /** A world of this seed and so many minutes meets it. */
  readonly seed: number;
  readonly minutes: number;
  /** Made anew for each server. */
  readonly tamper: () => NetworksTampering;
}

/** Faults that `Alone` finds. */
export const ALONE_MUTATIONS: readonly AloneMutation[] = [
  {
    name: 'show watches of every network the default one',
    seed: 1,
    minutes: 0.5,
    tamper: () => ({ backing: (backing, { feeds }) => ({ ...backing, feeds }) }),
  },
  {
    name: 'list the sessions of the default network in every one',
    seed: 1,
    minutes: 0.5,
    tamper: () => ({ backing: (backing, { replica }) => ({ ...backing, replica }) }),
  },
  {
    name: 'let a command wait for the one before it, of whichever network that is',
    seed: 1,
    minutes: 0.5,
    tamper: () => {
      let before: Promise<unknown> = Promise.resolve();
      return {
        backing: (backing, main) => {
          for (const { replica } of [backing, main]) {
            const submit = replica.submit.bind(replica);
            replica.submit = async (command) => {
              const turn = before;
              before = turn.then(() => new Promise<void>((resolve) => void main.clock.after(1, resolve)));
              await turn;
              return submit(command);
            };
          }
          return backing;
        },
      };
    },
  },
];
