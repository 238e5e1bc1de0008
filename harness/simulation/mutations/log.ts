import { type Compare, type EtcdStore, StoreError, type Transaction } from '../../../src/log/etcd/store.js';
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
        return store.commit(isAppend(transaction) ? { ...transaction, compare: [] } : transaction);
      },
    }),
  },
  {
    name: 'take an append of which nothing is known for refused',
    seed: 8,
    minutes: 3,
    isOnEtcd: true,
    finds: 'Refused',
    etcd: (store) =>
      believing(store, async (transaction) => {
        try {
          return await store.commit(transaction);
        } catch (error) {
          throw error instanceof StoreError && error.kind === 'unclear' ? new StoreError('full', error.message) : error;
        }
      }),
  },
  {
    name: 'take an append for refused that landed before its NOSPACE',
    seed: 1,
    minutes: 3,
    isOnEtcd: true,
    finds: 'Refused',
    etcd: (store) => {
      let appends = 0;
      return believing(store, async (transaction) => {
        const committed = await store.commit(transaction);
        if (committed.succeeded && isAppend(transaction) && ++appends === FULL_AT) {
          throw new StoreError('full', 'etcd: space exceeded');
        }
        return committed;
      });
    },
  },
];

/** Which append of a process is answered with NOSPACE after it has landed: sessions are there by then. */
const FULL_AT = 20;

function isAppend({ success }: Transaction): boolean {
  return success.some((one) => one.kind === 'put' && one.key.endsWith('/head'));
}

/**
 * A store whose NOSPACE is believed: the look afterwards at what the transaction compared finds each condition as it was before, as if
 * nobody had looked. Then its connection is lost: a leader that went on would notice by its next append.
 */
function believing(store: EtcdStore, commit: EtcdStore['commit']): EtcdStore {
  let untold: readonly Compare[] = [];
  let isLost = false;
  return {
    ...store,
    commit: async (transaction) => {
      if (isLost) throw new StoreError('refused', 'etcd: the connection is lost');
      try {
        return await commit(transaction);
      } catch (error) {
        if (error instanceof StoreError && error.kind === 'full') untold = transaction.compare;
        throw error;
      }
    },
    read: async (range) => {
      const before = untold.find(({ key }) => key === range.key && range.end === undefined);
      if (before === undefined) return store.read(range);
      untold = untold.filter((one) => one !== before);
      isLost = untold.length === 0;
      const { key, revision } = before;
      return {
        values: [{ key, value: new Uint8Array(), createRevision: revision, modRevision: revision, lease: 1n }],
        more: false,
      };
    },
  };
}
