import { afterAll, beforeAll, describe, jest } from '@jest/globals';
import type { EtcdStore } from '../../src/log/etcd/store.js';
import { journalContract } from '../journal/contract.js';
import { survivesFullDisk } from '../journal/full.js';
import { IS_LONG } from '../long.js';
import { logContract } from './contract.js';
import { etcdDisk, openLog } from './etcd-disk.js';
import { EtcdProcess, lacksEtcd } from './etcd-process.js';
import { fencedContract } from './fenced.js';
import { sharedSnapshotsContract } from './shared-snapshots.js';

const lacks = lacksEtcd();
if (lacks) process.stderr.write(`not checked: the log in a real etcd: ${lacks}\n`);

// etcd syncs for every append, and a lease runs out while a test waits.
jest.setTimeout(60_000);

/** What is put aside in an etcd with little room, so that there is some to make. */
const JUNK_BYTES = 1_000_000;
const JUNK_KEYS = 4;
const QUOTA_BYTES = 16 * 1_048_576;

(lacks ? describe.skip : describe)('in a real etcd', () => {
  let etcd: EtcdProcess;
  let count = 0;

  beforeAll(async () => {
    etcd = await EtcdProcess.start();
  });
  afterAll(() => etcd.remove());

  const connect = (): EtcdStore => etcd.connect();

  // A minute and more where a disk is slow; the simulated etcd plays the same in `npm test`.
  if (IS_LONG) {
    describe('the journal of a term', () => {
      journalContract(async () => etcdDisk(connect, `yard-${count++}`, fillEtcd, true));
    });
  }

  describe('the log', () => {
    logContract(async () => {
      const network = `shared-${count++}`;
      return { open: (name) => openLog(connect(), network, name), remove: async () => undefined };
    });
    fencedContract(async () => ({ connect }));
    sharedSnapshotsContract(async () => ({ connect }));
  });
});

/** Fills an etcd to its quota, and makes room as an operator would: deletes, compacts, defragments and disarms the alarm. */
async function fillEtcd(): Promise<void> {
  const etcd = await EtcdProcess.start({ quotaBytes: QUOTA_BYTES });
  const key = (text: string) => Buffer.from(text).toString('base64');
  try {
    for (let at = 0; at < JUNK_KEYS; at++) {
      await etcd.gateway('kv/put', { key: key(`junk/${at}`), value: Buffer.alloc(JUNK_BYTES).toString('base64') });
    }
    await survivesFullDisk(
      async () => (await openLog(etcd.connect(), 'full').lead()).journal,
      async () => {
        await etcd.gateway('kv/deleterange', { key: key('junk/'), range_end: key('junk0') });
        const { header } = (await etcd.gateway('kv/range', { key: key('x') })) as { header: { revision: string } };
        await etcd.gateway('kv/compaction', { revision: header.revision, physical: true });
        await etcd.gateway('maintenance/defragment', {});
        // Of each member its own.
        const { alarms = [] } = (await etcd.gateway('maintenance/alarm', { action: 'GET' })) as { alarms?: object[] };
        for (const alarm of alarms) await etcd.gateway('maintenance/alarm', { action: 'DEACTIVATE', ...alarm });
      },
    );
  } finally {
    await etcd.remove();
  }
}
