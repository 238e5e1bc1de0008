import { Fault } from '../../../src/core/model/fault.js';
import type { Mutation } from './mutation.js';

/** Faults that would let a ticket be redeemed more often than it may, or brick a device whose answer was lost. */
export const TICKET_MUTATIONS: readonly Mutation[] = [
  {
    name: 'count no use of a ticket',
    seed: 1,
    minutes: 5,
    finds: 'Redeemed',
    parts: ({ state }) => {
      const put = state.tickets.put.bind(state.tickets);
      state.tickets.put = (ticket) => put({ ...ticket, used: 0 });
    },
  },
  {
    name: 'refuse a ticket to an identity that has redeemed it, and lost the answer',
    seed: 1,
    minutes: 5,
    finds: 'Redeemed',
    server: ({ replica }) => {
      const submit = replica.submit.bind(replica);
      replica.submit = async (command) => {
        const isAgain = command.kind === 'Enroll' && replica.state.identities.get(command.uuid) !== undefined;
        return isAgain ? new Fault('TICKET_INVALID', 'all uses of the ticket are spent') : submit(command);
      };
    },
  },
  {
    name: 'spend the use of a ticket and forget to bind the key',
    seed: 1,
    minutes: 5,
    finds: 'Redeemed',
    server: ({ replica }) => {
      const submit = replica.submit.bind(replica);
      replica.submit = async (command) => {
        if (command.kind !== 'Enroll') return submit(command);
        return { revision: replica.state.revision, changes: [] };
      };
    },
  },
];
