import { IdentityServiceService as Identities } from '../../../gen/switchyard/v1/identity.js';
import { MemoryDisk } from '../../../src/journal/storage/memory.js';
import { Process } from '../machine/process.js';
import { SeededRandom } from '../machine/random.js';
import { Scheduler } from '../machine/scheduler.js';
import { NetworksCaller } from '../networks/caller.js';
import { ADMIN_TOKEN, NetworksServer, type NetworksTampering } from '../networks/server.js';
import { NETWORKS } from '../principals/member.js';
import { Verdict, type Violation } from '../verdict.js';
import { Tenant } from './tenant.js';

/** Between the moments of two networks' calls. All waiting is in whole milliseconds, so they stay apart. */
const APART_MS = 0.25;
/** Characters of a difference that are printed. */
const PRINTED = 200;

/** What came of one network in a world: two of these must be the same, byte for byte. */
interface History {
  /** Its journal, record by record, in hexadecimal digits. */
  readonly journal: readonly string[];
  /** All that its members were told, with the time. */
  readonly heard: readonly string[];
}

/** How it went. */
export interface AloneResult {
  readonly seed: number;
  readonly violation: Violation | undefined;
  /** What each network came to where all were busy: so many records, and so many messages. */
  readonly counts: Readonly<Record<string, { readonly records: number; readonly messages: number }>>;
}

/**
 * **Alone**: a network whose members are busy while those of other networks are, on the same server, has exactly the history that it has
 * when the others are silent: the same records in its journal, and the same messages to its members in the same moments.
 */
export async function compareAlone(
  seed: number,
  minutes: number,
  tamper: () => NetworksTampering = () => ({}),
): Promise<AloneResult> {
  const together = await playWorld({ seed, minutes, busy: NETWORKS, tamper: tamper() });
  const counts: Record<string, { records: number; messages: number }> = {};
  let { violation } = together;
  for (const network of NETWORKS) {
    const alone = await playWorld({ seed, minutes, busy: [network], tamper: tamper() });
    const [one, other] = [together.histories.get(network)!, alone.histories.get(network)!];
    counts[network] = { records: one.journal.length, messages: one.heard.length };
    const text = differenceOf('record', one.journal, other.journal) ?? differenceOf('message', one.heard, other.heard);
    if (text !== undefined) violation ??= { check: 'Alone', text: `${network}: ${text}`, atMs: 0 };
    violation ??= alone.violation;
  }
  return { seed, violation, counts };
}

interface WorldParts {
  readonly seed: number;
  readonly minutes: number;
  /** The networks whose members do something. */
  readonly busy: readonly string[];
  readonly tamper: NetworksTampering;
}

async function playWorld({ seed, minutes, busy, tamper }: WorldParts) {
  const scheduler = new Scheduler();
  const process = new Process(scheduler);
  const verdict = new Verdict(() => scheduler.nowMs);
  const disk = new MemoryDisk();
  const tenants = new Map<string, Tenant>();
  const unsound = (error: unknown) => verdict.fail('Sound', String(error));
  const play = async () => {
    const randoms = NETWORKS.map((_name, at) => new SeededRandom(seed).fork(10 + at));
    const parts = { disk, tamper, fatal: unsound, clock: process.clock, flags: { auth: 'required' } };
    const random = new SeededRandom(seed);
    const server = await NetworksServer.start({ ...parts, random, randomOf: (network) => randoms[network] });
    await createNetworks(new NetworksCaller({ server, process, tamper, unsound }));
    for (const [at, network] of NETWORKS.entries()) {
      if (!busy.includes(network)) continue;
      const own = { random: new SeededRandom(seed).fork(20 + at), offsetMs: (at + 1) * APART_MS };
      const tenant = new Tenant({ server, process, tamper, unsound, network, ...own });
      tenants.set(network, tenant);
      tenant.play().catch(unsound);
    }
  };
  play().catch(unsound);
  await scheduler.run(minutes * 60_000, () => verdict.violation !== undefined);
  process.kill();
  const histories = new Map(
    [...tenants].map(([network, { heard }]) => [network, { heard, journal: journalOf(disk, network) }] as const),
  );
  return { histories, violation: verdict.violation };
}

async function createNetworks(caller: NetworksCaller): Promise<void> {
  for (const name of NETWORKS.slice(1)) {
    await new Promise<void>((resolve, reject) => {
      const ended = (reason: string) => (reason === '' ? resolve() : reject(new Error(reason)));
      caller.call(
        Identities.createNetwork,
        { name, sessionsMax: 0 },
        { admin: ADMIN_TOKEN },
        { told: () => {}, ended },
      );
    });
  }
}

function journalOf(disk: MemoryDisk, network: string): History['journal'] {
  const others = [...disk.networks.values()].find((one) => one.network.name === network);
  const { records } = others?.disk ?? disk;
  return [...records.values()].map((bytes) => Buffer.from(bytes).toString('hex'));
}

function differenceOf(what: string, together: readonly string[], alone: readonly string[]): string | undefined {
  const length = Math.max(together.length, alone.length);
  for (let at = 0; at < length; at++) {
    if (together[at] === alone[at]) continue;
    const [one, other] = [together[at], alone[at]].map((line) => line?.slice(0, PRINTED) ?? 'nothing');
    return `${what} ${at + 1} is ${one} beside other networks, and ${other} alone`;
  }
  return undefined;
}
