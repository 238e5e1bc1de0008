import { StoreError } from '../../../src/log/etcd/store.js';
import type { Mutation } from './mutation.js';

/** Faults of who appends to a log that several processes can have in common. */
export const LOG_MUTATIONS: readonly Mutation[] = [
  {
    name: 'append to the log without its fence',
    seed: 210,
    minutes: 3,
    isOnEtcd: true,
    finds: 'Fenced',
    etcd: (store) => ({
      ...store,
      commit: (transaction) => {
        const isAppend = transaction.success.some((one) => one.kind === 'put' && one.key.endsWith('/head'));
        return store.commit(isAppend ? { ...transaction, compare: [] } : transaction);
      },
    }),
  },
  {
    name: 'take an append of which nothing is known for refused',
    seed: 210,
    minutes: 3,
    isOnEtcd: true,
    finds: 'Refused',
    etcd: (store) => ({
      ...store,
      commit: (transaction) =>
        store.commit(transaction).catch((error: unknown) => {
          throw error instanceof StoreError ? new StoreError('full', error.message) : error;
        }),
    }),
  },
];
