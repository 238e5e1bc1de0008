import { ManualClock } from '../../harness/manual-clock.js';
import type { Clock, Random } from '../../src/base/clock.js';
import type { Applied } from '../../src/core/decide/apply.js';
import type { Change } from '../../src/core/model/change.js';
import type { Command } from '../../src/core/model/command.js';
import { type Fault, isFault } from '../../src/core/model/fault.js';
import { DEFAULT_LIMITS } from '../../src/core/model/limits.js';
import type { Position } from '../../src/core/model/position.js';
import type { Journal } from '../../src/journal/journal.js';
import { MemoryJournal } from '../../src/journal/storage/memory.js';
import { DEFAULT_REPLICA_LIMITS, type ReplicaLimits } from '../../src/replica/limits.js';
import { recover } from '../../src/replica/recover.js';
import { Replica } from '../../src/replica/replica.js';

/** Numbers that are the same in every run. */
const COUNTING: Random = { bytes: (count) => new Uint8Array(count).fill(7), fraction: () => 0.5 };

/** A replica over a memory journal, under a clock that the test moves. */
export class World {
  readonly published: { position: Position; changes: readonly Change[] }[] = [];
  readonly warnings: string[] = [];
  readonly fatal: unknown[] = [];
  /** What was told of whether the journal can be written. */
  readonly writable: boolean[] = [];
  replica!: Replica;

  private constructor(
    readonly clock: ManualClock,
    readonly journal: Journal,
    readonly limits: ReplicaLimits,
  ) {}

  static async start(limits: Partial<ReplicaLimits> = {}, journal: Journal = new MemoryJournal()): Promise<World> {
    const world = new World(new ManualClock(), journal, { ...DEFAULT_REPLICA_LIMITS, ...limits });
    await world.restart();
    return world;
  }

  /** Recovers from the journal, as a new process would, and lets leases run. */
  async restart(clock: Clock = this.clock): Promise<void> {
    await this.recover(clock);
    this.replica.opened();
  }

  /** The same, as far as before the doors of the process are open. */
  async recover(clock: Clock = this.clock): Promise<void> {
    const recovery = await recover(this.journal, DEFAULT_LIMITS);
    this.published.length = 0;
    const publish = (position: Position, changes: readonly Change[]): void => {
      this.published.push({ position, changes });
    };
    await recovery.replay(publish);
    this.replica = new Replica({
      state: recovery.state,
      journal: this.journal,
      clock,
      random: COUNTING,
      limits: this.limits,
      snapshotAtMs: recovery.snapshotAtMs,
      warn: (message) => this.warnings.push(message),
      fatal: (error) => this.fatal.push(error),
      writable: (isWritable) => this.writable.push(isWritable),
    });
    const { leases, deadlines, attachments } = this.replica;
    this.replica.publishTo(leases, deadlines, attachments, { publish });
    await this.settle(this.replica.found('00000000-0000-4000-8000-00000000ffff'));
  }

  /** Lets the replica work until a promise is done. */
  async settle<T>(promise: Promise<T>): Promise<T> {
    let done = false;
    const watched = promise.finally(() => {
      done = true;
    });
    watched.catch(() => {});
    for (let round = 0; !done && round < 10_000; round++) {
      this.clock.turn();
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    return watched;
  }

  submit(command: Command): Promise<Applied | Fault> {
    return this.settle(this.replica.submit(command));
  }

  /** Moves time on, and lets what that brings be stored. */
  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
    for (let round = 0; round < 8; round++) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      this.clock.turn();
    }
  }

  /** Opens a session of instance number n. */
  async open(n: number, ttlMs = 60_000): Promise<number> {
    const outcome = await this.submit(openCommand(n, ttlMs));
    if (isFault(outcome)) throw new Error(outcome.message);
    return this.replica.state.sessions.ofInstance(uuidOf(n))!.sid;
  }

  /** Whether the session lives. */
  lives(sid: number): boolean {
    return this.replica.state.sessions.get(sid) !== undefined;
  }
}

/** The UUID of instance number n. */
export function uuidOf(n: number): string {
  return `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
}

/** The command that opens a session of instance number n. */
export function openCommand(n: number, ttlMs = 60_000): Command {
  const tokenHash = '\u0001'.repeat(32);
  return { kind: 'OpenSession', uuid: uuidOf(n), type: 2, flavor: 0, ttlMs, name: '', labels: {}, tokenHash, atMs: 0 };
}
