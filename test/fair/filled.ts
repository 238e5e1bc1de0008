import { systemClock as clock, systemRandom as random } from '../../src/client/system.js';
import { isFault } from '../../src/core/model/fault.js';
import { DEFAULT_LIMITS } from '../../src/core/model/limits.js';
import { LinkType } from '../../src/core/model/link.js';
import type { Journal } from '../../src/journal/journal.js';
import { MemoryJournal } from '../../src/journal/storage/memory.js';
import { DEFAULT_REPLICA_LIMITS } from '../../src/replica/limits.js';
import { recover } from '../../src/replica/recover.js';
import { Replica } from '../../src/replica/replica.js';

/** A journal of so many sessions, each linked with the next; and their SIDs along that chain. */
export async function chain(length: number): Promise<{ readonly journal: Journal; readonly sids: readonly number[] }> {
  const journal = new MemoryJournal();
  const { state } = await recover(journal, DEFAULT_LIMITS);
  const fatal = (error: unknown) => {
    throw error;
  };
  const limits = { ...DEFAULT_REPLICA_LIMITS, snapshotEvery: Number.POSITIVE_INFINITY, pendingMax: 4 * length };
  const warn = (_message: string, error: unknown) => fatal(error);
  const replica = new Replica({ state, journal, clock, random, limits, warn, fatal });
  replica.publishTo(replica.leases, replica.deadlines, replica.attachments);
  await replica.found('00000000-0000-4000-8000-0000000000ff');
  const submit = async (commands: readonly Parameters<Replica['submit']>[0][]) => {
    for (const outcome of await Promise.all(commands.map((one) => replica.submit(one)))) {
      if (isFault(outcome)) throw outcome;
    }
  };
  await submit(
    Array.from({ length }, (_, at) => ({
      kind: 'OpenSession',
      uuid: `00000000-0000-4000-8000-${String(at + 1).padStart(12, '0')}`,
      ...{ type: 2, flavor: 0, ttlMs: 86_400_000, name: '', labels: {} },
      tokenHash: String(at).padStart(32, '0'),
      atMs: 1_700_000_000_000,
    })),
  );
  const sids = [...state.sessions.copy()].map(({ sid }) => sid).sort((x, y) => x - y);
  const report = (sid: number, peer: number) =>
    ({ kind: 'ReportLink', link: LinkType.TRANSPORT_UDP, established: true, sid, peer }) as const;
  await submit(sids.slice(1).flatMap((sid, at) => [report(sid, sids[at]), report(sids[at], sid)]));
  await replica.close();
  return { journal, sids };
}
