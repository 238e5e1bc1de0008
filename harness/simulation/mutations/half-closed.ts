import type { SystemDoor } from '../../../src/system/door.js';
import type { Pipe, Receiver } from '../../../src/transport/pipe.js';
import type { Mutation } from './mutation.js';

/** Clients that end their side are heard in another way. */
function everyEnd(door: SystemDoor, ended: (pipe: Pipe) => void): void {
  const { accept } = door;
  const changed = (pipe: Pipe): Receiver | undefined => {
    const receiver = accept(pipe);
    if (receiver !== undefined) receiver.ended = () => ended(pipe);
    return receiver;
  };
  Object.assign(door, { accept: changed });
}

/** Faults that clients of system events meet that end their side and still listen. */
export const HALF_CLOSED_MUTATIONS: readonly Mutation[] = [
  {
    name: 'close on a client that has ended its side, whatever it waits for',
    seed: 6,
    minutes: 3,
    finds: 'Answered',
    server: ({ system }) => everyEnd(system, (pipe) => pipe.end()),
  },
  {
    name: 'keep the call of a client that has ended its side',
    seed: 7,
    minutes: 3,
    finds: 'Converged',
    server: ({ system }) => everyEnd(system, () => {}),
  },
];
