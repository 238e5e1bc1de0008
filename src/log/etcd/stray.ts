import type { EtcdStore, KeyValue } from './store.js';

/**
 * Whether a key that a process holds is held by none: every process writes such a key under its lease, and it goes with that. One that stands
 * without a lease was put there by hand or by a tool, such as `etcdctl make-mirror`, and would stay for ever.
 */
export function isStray({ lease }: KeyValue): boolean {
  return lease === 0n;
}

/** Deletes a key, if nothing has written it since it was read. Rejects with a StoreError. */
export async function removeUnchanged(store: EtcdStore, { key, modRevision }: KeyValue): Promise<void> {
  await store.commit({
    compare: [{ key, target: 'modified', revision: modRevision }],
    success: [{ kind: 'delete', range: { key } }],
  });
}
