import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { systemClock, systemRandom } from '../../../src/client/system.js';
import { JournalError } from '../../../src/journal/journal.js';
import { EtcdClient } from '../../../src/log/etcd/client.js';
import { EtcdLog } from '../../../src/log/etcd/log.js';
import type { LogTail, SeenLeader } from '../../../src/log/shared-log.js';
import { MEMBERS } from './etcd.js';
import { addressOf } from './ground.js';
import type { ClusterLedger } from './ledger.js';

const CLIENT_PORT = 2379;
const LOOK_MS = 100;
const PATIENCE_MS = 60_000;
/** It never leads. */
const TTL_MS = 5_000;

/** Reads the log of a cluster into a ledger, for as long as it is there. */
export class LogWatcher {
  leader: SeenLeader | undefined;
  readonly #ledger: ClusterLedger;
  readonly #log: EtcdLog;
  readonly #tail: LogTail;
  #isOver = false;
  /** The log was read to its end so often. */
  #wholes = 0;
  #failure: unknown;
  #running: Promise<void> | undefined;

  constructor(ledger: ClusterLedger, network: string, silent: Logger) {
    this.#ledger = ledger;
    const store = new EtcdClient(
      MEMBERS.map((member) => ({ host: addressOf(member), port: CLIENT_PORT })),
      systemClock,
    );
    this.#log = new EtcdLog({
      ...{ store, clock: systemClock, random: systemRandom, log: silent, network, name: 'judge' },
      // Who only reads looks after no quota.
      ...{ leaderTtlMs: TTL_MS, compactsHistory: false, quotaBytes: Number.POSITIVE_INFINITY },
    });
    this.#tail = this.#log.tail(0);
  }

  /** Begins to read. */
  begin(): void {
    this.#running = this.#run();
  }

  /** Waits until everything is read that was in the log when this was called. */
  async caughtUp(): Promise<void> {
    const wanted = this.#wholes + 2;
    const startMs = performance.now();
    while (this.#wholes < wanted) {
      if (this.#failure !== undefined) throw this.#failure;
      if (performance.now() - startMs > PATIENCE_MS) throw new Error('the log cannot be read to its end');
      await sleep(LOOK_MS / 2);
    }
  }

  async close(): Promise<void> {
    this.#isOver = true;
    await this.#running;
    await this.#log.close();
  }

  async #run(): Promise<void> {
    let wholeMs = performance.now();
    while (!this.#isOver) {
      const beganMs = performance.now();
      try {
        const { batches, leader, isWhole } = await this.#tail.read();
        this.#ledger.take(batches, [wholeMs, performance.now()]);
        this.leader = leader;
        if (!isWhole) continue;
        wholeMs = beganMs;
        this.#wholes++;
      } catch (error) {
        if (!(error instanceof JournalError) || error.kind !== 'failed') {
          this.#failure = error;
          return;
        }
      }
      await sleep(LOOK_MS);
    }
  }
}
