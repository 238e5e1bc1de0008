import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bound } from '../parts/children.js';
import type { Started } from '../parts/process.js';
import { startBareRelay, startSwitchyard } from '../parts/servers.js';
import { type Round, type Row, rowOf } from '../row.js';

const MIB = 1_048_576;
/** Some seconds' worth. */
const COPY_BYTES = 128 * MIB;
/** Copies before the first that counts: three processes compile what they run. */
const WARM_UP = 2;
const root = fileURLToPath(new URL('../../..', import.meta.url));

/** What a copy came to. */
interface Copied {
  readonly mibPerSecond: number;
  /** Milliseconds of the server's CPU for each MiB. */
  readonly serverMsPerMib: number;
}

/** A server with a source and a sink, all of them processes of their own. */
class RelayTrio {
  private constructor(
    private readonly server: Started,
    private readonly sink: ChildProcess,
    private readonly source: ChildProcess,
    private readonly which: 'ours' | 'bare',
  ) {}

  static async start(which: 'ours' | 'bare', server: Started): Promise<RelayTrio> {
    const sink = relayEnd(which, 'sink', server.port, '');
    const [sid] = await once(sink, 'message');
    const source = relayEnd(which, 'source', server.port, String(sid));
    await once(source, 'message');
    return new RelayTrio(server, sink, source, which);
  }

  async copy(): Promise<Copied> {
    const before = this.server.cpuSeconds();
    // The bare sink pulls anew after each copy, and says so.
    const isBack = this.which === 'bare' ? once(this.sink, 'message') : undefined;
    this.source.send(COPY_BYTES);
    const [tookMs] = (await once(this.source, 'message')) as [number];
    const usedMs = (this.server.cpuSeconds() - before) * 1_000;
    await isBack;
    return { mibPerSecond: COPY_BYTES / MIB / (tookMs / 1_000), serverMsPerMib: usedMs / (COPY_BYTES / MIB) };
  }

  async stop(): Promise<void> {
    for (const child of [this.source, this.sink]) child.disconnect();
    await this.server.stop();
  }
}

/** An end of a copy, as a process of its own. */
export function relayEnd(which: string, role: string, port: number, sid: string): ChildProcess {
  const args = ['--import', join(root, 'harness/typescript.mjs'), join(root, 'harness/bench/parts/relay-end.ts')];
  const how = { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] as ['ignore', 'ignore', 'inherit', 'ipc'] };
  return bound(spawn(process.execPath, [...args, which, role, String(port), sid], how));
}

/**
 * A copy from one client through a server to another, encrypted between the two, beside the same bytes through a bare relay of
 * grpc-js that neither encrypts nor remembers anything.
 */
export async function benchRelay(rounds: number, progress: (line: string) => void): Promise<Row[]> {
  const ours = await RelayTrio.start('ours', await startSwitchyard(':memory:'));
  const bare = await RelayTrio.start('bare', await startBareRelay());
  const speeds: Round[] = [];
  const costs: Round[] = [];
  try {
    for (let round = -WARM_UP; round < rounds; round++) {
      const [one, other] = [await ours.copy(), await bare.copy()];
      const said = ({ mibPerSecond, serverMsPerMib }: Copied) =>
        `${mibPerSecond.toFixed(0)} MiB/s, ${serverMsPerMib.toFixed(2)} ms/MiB`;
      progress(`${said(one)}; bare grpc-js ${said(other)}`);
      if (round < 0) continue;
      speeds.push({ ours: one.mibPerSecond, rival: other.mibPerSecond });
      costs.push({ ours: one.serverMsPerMib, rival: other.serverMsPerMib });
    }
  } finally {
    await ours.stop();
    await bare.stop();
  }
  const about = { bench: 'relay', rivalName: 'bare grpc-js relay' };
  return [
    rowOf({ ...about, what: 'copy through the server, end-to-end encrypted', unit: 'MiB/s', goal: 0.5 }, speeds),
    rowOf({ ...about, what: "the server's CPU for it", unit: 'ms/MiB', goal: 0.5 }, costs, true),
  ];
}
