import type { Mutation } from './mutation.js';

/** So long a line is in memory only, where it should be on the disk. */
const LATE_MS = 90_000;

/** Faults that would let somebody cut an audit log short, or say of a whole one that somebody did. */
export const AUDIT_MUTATIONS: readonly Mutation[] = [
  {
    name: 'anchor lines of the audit log that are not on the disk',
    seed: 41,
    minutes: 5,
    isAudited: true,
    finds: 'Anchored',
    audit: (store, { after }) => ({ ...store, append: (text) => void after(LATE_MS, () => store.append(text)) }),
  },
  {
    name: 'go on with an audit log that was cut short',
    seed: 41,
    minutes: 5,
    isAudited: true,
    finds: 'Anchored',
    audit: (store) => ({ ...store, holds: () => true }),
  },
  {
    name: 'keep no anchor of the audit log',
    seed: 41,
    minutes: 5,
    isAudited: true,
    finds: 'Replayed',
    parts: ({ state }) => {
      state.auditAnchors.put = () => {};
    },
  },
];
