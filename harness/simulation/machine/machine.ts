import type { CallStatus } from '../../../src/client/error.js';
import type { Limits } from '../../../src/core/model/limits.js';
import { SESSION_METADATA } from '../../../src/grpc/caller.js';
import { type Journal, JournalError } from '../../../src/journal/journal.js';
import { authenticate } from '../../../src/replica/access/token.js';
import type { Panel } from '../panel.js';
import type { Trace } from '../trace.js';
import type { Verdict } from '../verdict.js';
import type { AuditDisk } from './audit-disk.js';
import type { Disk } from './disk.js';
import { StaleMutationError } from './inside.js';
import type { Network } from './network.js';
import { Process } from './process.js';
import type { SeededRandom } from './random.js';
import type { Scheduler } from './scheduler.js';
import { type ServerLimits, SimulatedServer, type Tampering } from './server.js';
import type { Ear, ServerCall } from './server-call.js';

/** How long a server that goes down waits for its calls. */
const DRAIN_DEADLINE_MS = 10_000;

/** For so long a process whose journal is lost goes on to say so. */
const GOODBYE_MS = 100;

/** How a start ends that could not name its network, or store its limits. */
const START_REFUSED = /could not be (founded|stored)/;

/** What a machine is part of. */
export interface MachineSurroundings {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly disk: Disk;
  readonly random: SeededRandom;
  readonly limits: ServerLimits;
  /** See `Plan.cores`. */
  readonly cores: readonly Limits[];
  readonly panel: Panel;
  readonly verdict: Verdict;
  readonly trace: Trace;
  readonly tamper: Tampering;
  /** Where each process keeps its audit log; absent: nowhere. */
  readonly auditDisk?: AuditDisk | undefined;
}

/** The server's machine: one process after the other on one disk, at one address. */
export class Machine {
  process!: Process;
  /** Who answers; undefined while it is down or has not recovered yet. */
  server: SimulatedServer | undefined;
  /** How much it may still say before it dies. */
  private outputsLeft = Number.POSITIVE_INFINITY;
  private downForMs = 0;
  private isDraining = false;
  private stoodSinceMs = 0;
  private starts = 0;

  constructor(private readonly world: MachineSurroundings) {
    this.begin();
  }

  /** Whether it answers. */
  get runs(): boolean {
    return this.server !== undefined && this.process.isAlive && !this.process.isStopped;
  }

  /** The process is killed; another one begins after a while. */
  die(loudly: boolean, downForMs: number): void {
    if (!this.process.isAlive) return;
    const { trace, panel, network, disk, scheduler } = this.world;
    trace.note(`the server dies ${loudly ? 'loudly' : 'silently'} for ${downForMs.toFixed(0)} ms`);
    this.process.kill();
    this.server = undefined;
    this.outputsLeft = Number.POSITIVE_INFINITY;
    this.isDraining = false;
    panel.tell('died');
    network.serverDied(loudly);
    void disk.lose();
    scheduler.after(downForMs, () => this.begin());
  }

  /** The process is killed in the moment in which it has said so many things more. */
  dieAfter(outputs: number, downForMs: number): void {
    if (!this.runs) return;
    this.outputsLeft = outputs;
    this.downForMs = downForMs;
  }

  /** The process stands still for a while. */
  standStill(forMs: number): void {
    const { process } = this;
    if (!this.runs) return;
    this.world.trace.note(`the server stands still for ${forMs.toFixed(0)} ms`);
    process.stop();
    this.world.network.serverStopped(true);
    this.stoodSinceMs = this.world.scheduler.nowMs;
    this.world.scheduler.after(forMs, () => {
      if (this.process === process) this.proceed();
    });
  }

  /** The process goes on, if it stands still. */
  proceed(): void {
    const { trace, panel, network, scheduler } = this.world;
    if (!this.process.isAlive || !this.process.isStopped) return;
    trace.note('the server goes on');
    panel.tell('proceeded', scheduler.nowMs - this.stoodSinceMs);
    network.serverStopped(false);
    this.process.proceed();
  }

  /** Goes down in order, and comes back after a while. */
  drain(downForMs: number): void {
    const { server, process } = this;
    if (server === undefined || !this.runs || this.isDraining) return;
    this.isDraining = true;
    this.world.trace.note('the server drains');
    this.world.panel.tell('died');
    server.drain();
    const exit = () => {
      if (this.process === process) this.die(true, downForMs);
    };
    process.clock.after(DRAIN_DEADLINE_MS, () => void server.replica.close().then(exit));
  }

  private begin(): void {
    const { scheduler, disk, random, cores, tamper, verdict, trace, auditDisk } = this.world;
    const limits = { ...this.world.limits, core: cores[this.starts++ % cores.length] };
    const process = new Process(scheduler);
    this.process = process;
    trace.note('the server begins');
    const fatal = (error: unknown) => {
      if (!process.isAlive) return;
      // Nobody knows what is on the disk: such a process ends, and its supervisor starts it anew.
      if (error instanceof JournalError) this.die(true, 1_000);
      else if (error instanceof StaleMutationError) verdict.fail('Stale', error.message);
      else verdict.fail('Sound', `the server gave itself up: ${stackOf(error)}`);
    };
    const lost = (error: unknown) => {
      // As `src/server/server.ts` does it: what is known is said, and then the process ends.
      this.server?.replica.abandon();
      process.clock.after(GOODBYE_MS, () => fatal(error));
    };
    const start = (journal: Journal) =>
      SimulatedServer.start({
        process,
        journal,
        random,
        limits,
        tamper,
        auditDisk,
        onCall: (call) => this.listen(call),
        problem: (check, text) => verdict.fail(check, text),
        fatal,
      });
    const journal = disk.open(process, lost);
    (journal instanceof Promise ? journal.then(start) : start(journal)).then(
      (server) => {
        if (process.isAlive) this.open(server);
      },
      (error: unknown) => {
        // What a start writes itself could not be written: such a server gives up, and is started again.
        if (process.isAlive && START_REFUSED.test(String(error))) this.die(true, 1_000);
        else fatal(error);
      },
    );
  }

  private open(server: SimulatedServer): void {
    const { panel, network, trace } = this.world;
    const { replica } = server;
    for (const name of ['submit', 'enforce'] as const) {
      const take = replica[name].bind(replica);
      replica[name] = (command) => {
        panel.tell('submitted', command);
        return take(command);
      };
    }
    this.server = server;
    network.listener = server;
    trace.note(`the server is up at revision ${server.state.revision}`);
    panel.tell('started', server);
  }

  private listen(call: ServerCall): Ear {
    const { panel, trace } = this.world;
    const [token] = call.metadata.get(SESSION_METADATA);
    // Only a good token renews: that of a session whose SID has been handed out again is not.
    const proven = token === undefined ? undefined : authenticate(this.server!.state, String(token));
    const sid = typeof proven === 'number' ? proven : undefined;
    const name = `${call.getPeer()} ${call.getPath().split('/').at(-1)}`;
    trace.note(`> ${name} of ${sid ?? 'nobody'}`);
    panel.tell('arrived', call, sid);
    return {
      wrote: (message, bytes) => {
        trace.bytes(`< ${name}`, bytes);
        panel.tell('wrote', call, message);
        if (--this.outputsLeft < 0) this.die(true, this.downForMs);
      },
      ended: (said: CallStatus | undefined) => {
        trace.note(`< ${name} ends: ${said === undefined ? 'cancelled' : `${said.code} ${said.message}`}`);
        panel.tell('ended', call, said);
      },
    };
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
