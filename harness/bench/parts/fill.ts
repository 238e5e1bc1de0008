/*
 * Fills a data folder, for benches of the server that starts from it; nothing of it is made by another way than the
 * server's own replica and journal. The steps are done in their order:
 *
 *   node --import ./harness/typescript.mjs harness/bench/parts/fill.ts DIR STEP...
 *
 *   sessions=COUNT   so many sessions more, a day's TTL each
 *   large=COUNT      the same, each with as many labels, as long, as a session may have
 *   links=COUNT      so many links more between them
 *   halves=COUNT     so many links more, none of them between the first half of the sessions and the second
 *   snapshot         a snapshot, and nothing before it
 */
import { createHash } from 'node:crypto';
import { systemClock as clock, systemRandom as random } from '../../../src/client/system.js';
import type { Command } from '../../../src/core/model/command.js';
import { isFault } from '../../../src/core/model/fault.js';
import { DEFAULT_LIMITS } from '../../../src/core/model/limits.js';
import { LinkType } from '../../../src/core/model/link.js';
import { capture, rowsOf } from '../../../src/core/store/snapshot.js';
import type { State } from '../../../src/core/store/state.js';
import { encodeChunks } from '../../../src/journal/format/chunk.js';
import { LmdbJournal } from '../../../src/journal/storage/lmdb.js';
import { DEFAULT_REPLICA_LIMITS } from '../../../src/replica/limits.js';
import { recover } from '../../../src/replica/recover.js';
import { Replica } from '../../../src/replica/replica.js';
import { seeded } from './seeded.js';

const DAY_MS = 86_400_000;
/** Commands handed over at once: large appends, so that filling does not take longer than measuring. */
const BATCH = 16_384;

const [folder, ...steps] = process.argv.slice(2);
const journal = await LmdbJournal.open(folder);
const { state, replay } = await recover(journal, DEFAULT_LIMITS);
await replay(() => {});
for (const step of steps) {
  const [what, count] = step.split('=');
  if (what === 'snapshot') await snapshot(state);
  else await submitAll(commandsOf(what, Number(count)));
}
await journal.close();

function commandsOf(what: string, count: number): Iterable<Command> {
  switch (what) {
    case 'sessions':
      return sessions(count, {});
    case 'large':
      return sessions(count, largestLabels());
    case 'links':
      return links(state, count, false);
    case 'halves':
      return links(state, count, true);
  }
  throw new Error(`no step ${what}`);
}

function largestLabels(): Record<string, string> {
  const { labelsMax, labelKeyBytesMax, labelValueBytesMax } = DEFAULT_LIMITS;
  const entry = (at: number) => [`label-${at}`.padEnd(labelKeyBytesMax, 'x'), 'y'.repeat(labelValueBytesMax)];
  return Object.fromEntries(Array.from({ length: labelsMax }, (_, at) => entry(at)));
}

async function snapshot(now: State): Promise<void> {
  await journal.writeSnapshot(now.revision, encodeChunks(now.revision, rowsOf(capture(now))));
  await journal.compact(now.revision);
}

async function submitAll(commands: Iterable<Command>): Promise<void> {
  const limits = {
    ...DEFAULT_REPLICA_LIMITS,
    snapshotEvery: Number.POSITIVE_INFINITY,
    batchMax: BATCH,
    pendingMax: BATCH,
  };
  const fatal = (error: unknown) => {
    throw error;
  };
  const warn = (_message: string, error: unknown) => fatal(error);
  const replica = new Replica({ state, journal, clock, random, limits, warn, fatal });
  replica.publishTo(replica.leases, replica.deadlines, replica.attachments);
  await replica.found('00000000-0000-4000-8000-000000000000');
  let batch: Promise<unknown>[] = [];
  const settle = async () => {
    for (const outcome of await Promise.all(batch)) if (isFault(outcome)) throw outcome;
    batch = [];
  };
  for (const command of commands) {
    batch.push(replica.submit(command));
    if (batch.length === BATCH) await settle();
  }
  await settle();
  await replica.close();
}

function* sessions(number: number, labels: Record<string, string>): Iterable<Command> {
  for (let n = 0; n < number; n++) {
    const digest = createHash('sha256').update(`instance ${n}`).digest('hex');
    const uuid = `${digest.slice(0, 8)}-${digest.slice(8, 12)}-4${digest.slice(13, 16)}-8${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
    const tokenHash = Buffer.from(digest, 'hex').toString('latin1');
    const about = { type: 2, flavor: 1, ttlMs: DAY_MS, name: `node-${n}`, labels };
    yield { kind: 'OpenSession', uuid, ...about, tokenHash, atMs: Date.now() };
  }
}

/** Each is reported by both of its ends. */
function* links(now: State, number: number, inHalves: boolean): Iterable<Command> {
  const fraction = seeded(1);
  const sids = [...now.sessions.copy()].map(({ sid }) => sid).sort((x, y) => x - y);
  const part = inHalves ? sids.length >> 1 : sids.length;
  const any = (from: number) => sids[from + Math.floor(fraction() * part)];
  for (let n = 0; n < number; n++) {
    const from = inHalves && n % 2 === 1 ? part : 0;
    const sid = any(from);
    let peer = any(from);
    while (peer === sid) peer = any(from);
    const about = { kind: 'ReportLink', link: LinkType.TRANSPORT_UDP, established: true } as const;
    yield { ...about, sid, peer };
    yield { ...about, sid: peer, peer: sid };
  }
}
