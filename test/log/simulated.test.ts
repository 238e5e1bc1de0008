import { describe } from '@jest/globals';
import { SimulatedEtcd } from '../../harness/simulation/machine/etcd.js';
import { systemClock } from '../../src/client/system.js';
import { journalContract } from '../journal/contract.js';
import { survivesFullDisk } from '../journal/full.js';
import { logContract } from './contract.js';
import { etcdDisk, openLog } from './etcd-disk.js';
import { fencedContract } from './fenced.js';
import { sharedSnapshotsContract } from './shared-snapshots.js';

/** Enough for some appends of the workload, and not for many. */
const FULL_AT_BYTES = 100_000;

describe('the journal of a term in a simulated etcd', () => {
  journalContract(async () => {
    const etcd = new SimulatedEtcd(systemClock);
    const connect = () => etcd.connect();
    const fill = async () => {
      const small = new SimulatedEtcd(systemClock);
      small.quotaBytes = FULL_AT_BYTES;
      await survivesFullDisk(
        async () => (await openLog(small.connect(), 'full').lead()).journal,
        () => {
          small.quotaBytes = Number.POSITIVE_INFINITY;
        },
      );
    };
    return etcdDisk(connect, 'yard', fill, false);
  });
});

describe('the log in a simulated etcd', () => {
  const world = async () => {
    const etcd = new SimulatedEtcd(systemClock);
    return { connect: (ways?: Parameters<typeof etcd.connect>[0]) => etcd.connect(ways) };
  };
  logContract(async () => {
    const { connect } = await world();
    return { open: (name) => openLog(connect(), 'yard', name), remove: async () => undefined };
  });
  fencedContract(world);
  sharedSnapshotsContract(world);
});
