import type { Mutation } from './mutation.js';

/** Faults that would let somebody take the place of an instance whose key he lacks. */
export const KEY_MUTATIONS: readonly Mutation[] = [
  {
    name: 'believe every proof that is of the right form',
    seed: 4,
    minutes: 3,
    finds: 'Owned',
    server: ({ proofs }) => {
      proofs.check = async () => undefined;
    },
  },
  {
    name: 'forget the keys of instances with a restart',
    seed: 8,
    minutes: 3,
    finds: 'Replayed',
    parts: ({ state }) => {
      for (const identity of [...state.identities.after(0)]) state.identities.delete(identity);
    },
  },
  {
    name: 'open a session without the proof that came with it',
    seed: 4,
    minutes: 3,
    finds: 'Owned',
    server: ({ replica }) => {
      const submit = replica.submit.bind(replica);
      replica.submit = (command) => {
        if (command.kind !== 'OpenSession') return submit(command);
        const { proven: _, ...plain } = command;
        return submit(plain);
      };
    },
  },
];
