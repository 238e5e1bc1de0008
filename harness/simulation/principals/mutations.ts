import type { Backing } from '../../../src/grpc/backing.js';
import type { NetworksTampering } from '../networks/server.js';

/** A fault that lets somebody do what is another's to do. */
export interface PrincipalsMutation extends NetworksTampering {
  readonly name: string;
  /** A world of this seed and so many minutes meets it. */
  readonly seed: number;
  readonly minutes: number;
}

/** Faults that `Owned` finds, each a guard that is taken out. */
export const PRINCIPALS_MUTATIONS: readonly PrincipalsMutation[] = [
  {
    name: 'believe every proof that is of the right form',
    seed: 1,
    minutes: 3,
    shared: ({ proofs }) => {
      proofs.check = async () => undefined;
    },
  },
  {
    name: 'take a session token on connections where its identity has not shown itself',
    seed: 1,
    minutes: 3,
    backing: (backing) => {
      backing.gatekeeper.shown.has = () => true;
      return backing;
    },
  },
  {
    name: 'ask no caller for the permission that a method needs',
    seed: 1,
    minutes: 3,
    backing: (backing) => {
      backing.gatekeeper.admit = () => undefined;
      return backing;
    },
  },
  {
    name: 'open a session without the proof that came with it',
    seed: 1,
    minutes: 3,
    backing: (backing) =>
      submitting(backing, (command) => {
        if (command.kind !== 'OpenSession') return command;
        const { proven: _, ...plain } = command;
        return plain;
      }),
  },
  {
    name: 'let every session change every stream',
    seed: 1,
    minutes: 3,
    backing: (backing) =>
      submitting(backing, (command) => {
        if (command.kind !== 'UpdateStreamParams') return command;
        const owner = backing.replica.state.streams.get(command.id)?.owner;
        return owner === undefined ? command : { ...command, sid: owner };
      }),
  },
  {
    name: 'store what operators ask for as asked for by another',
    seed: 1,
    minutes: 3,
    backing: (backing) =>
      submitting(backing, (command) =>
        command.kind === 'RequestTermination' ? { ...command, by: 'administrator' } : command,
      ),
  },
];

type Submitted = Parameters<Backing['replica']['submit']>[0];

/** With commands changed on their way to the journal. */
function submitting(backing: Backing, change: (command: Submitted) => Submitted): Backing {
  const { replica } = backing;
  const submit = replica.submit.bind(replica);
  replica.submit = (command) => submit(change(command));
  return backing;
}
