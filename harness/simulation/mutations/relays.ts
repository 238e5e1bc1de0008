import { Fault } from '../../../src/core/model/fault.js';
import { SinkEnd, SourceEnd } from '../../../src/relay/end.js';
import type { Relay } from '../../../src/relay/relay.js';
import type { Mutation } from './mutation.js';

/** The ends of streams are handed out changed. */
function everyEnd(relay: Relay, change: (end: SourceEnd | SinkEnd) => void): void {
  const open = relay.open.bind(relay);
  relay.open = (...which) => {
    const opened = open(...which);
    if (!(opened instanceof Fault)) change(opened.end);
    return opened;
  };
}

/** Faults of the data of streams. */
export const RELAYS_MUTATIONS: readonly Mutation[] = [
  {
    name: 'take a call that broke for the end of its data',
    seed: 8,
    minutes: 5,
    finds: 'Carried',
    server: ({ relay }) =>
      everyEnd(relay, (end) => {
        if (!(end instanceof SourceEnd)) return;
        const close = end.close.bind(end);
        end.close = () => {
          end.finish();
          close();
        };
      }),
  },
  {
    name: 'forget where the ends of a stream stand',
    seed: 5,
    minutes: 5,
    finds: 'Carried',
    server: ({ relay }) => {
      const open = relay.open.bind(relay);
      relay.open = (sid, id) => open(sid, id);
    },
  },
  {
    name: 'tell no sink what it lacks',
    seed: 1,
    minutes: 5,
    finds: 'Carried',
    server: ({ relay }) =>
      everyEnd(relay, (end) => {
        if (end instanceof SinkEnd) end.takeLost = () => 0;
      }),
  },
  {
    name: 'confirm to a source what its sinks were only given',
    seed: 1,
    minutes: 5,
    finds: 'Carried',
    server: ({ relay }) =>
      everyEnd(relay, (end) => {
        if (!(end instanceof SinkEnd)) return;
        const next = end.next.bind(end);
        end.next = () => {
          const block = next();
          if (block instanceof Uint8Array) end.confirm(end.takenBlocks);
          return block;
        };
      }),
  },
  {
    name: 'keep the channels of streams that have stopped',
    seed: 9,
    minutes: 5,
    finds: 'Tidy',
    server: ({ relay }) => {
      relay.publish = () => {};
    },
  },
];
