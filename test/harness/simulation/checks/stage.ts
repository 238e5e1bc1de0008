import type { WatchKind } from '../../../../gen/switchyard/v1/network.js';
import { WatchNetworkDeltaResponse } from '../../../../gen/switchyard/v1/network_service.js';
import type { Check } from '../../../../harness/simulation/check.js';
import { Disk } from '../../../../harness/simulation/machine/disk.js';
import { Process } from '../../../../harness/simulation/machine/process.js';
import { SeededRandom } from '../../../../harness/simulation/machine/random.js';
import { Scheduler } from '../../../../harness/simulation/machine/scheduler.js';
import { ServerCall } from '../../../../harness/simulation/machine/server-call.js';
import { planOf } from '../../../../harness/simulation/plan.js';
import type { ServerScene } from '../../../../harness/simulation/scene.js';
import { Truth } from '../../../../harness/simulation/truth.js';
import { Verdict } from '../../../../harness/simulation/verdict.js';
import type { Command } from '../../../../src/core/model/command.js';
import { networkTopic } from '../../../../src/grpc/encode/network-topic.js';
import { encodeRecord } from '../../../../src/journal/format/record.js';
import { openCommand } from '../../../replica/world.js';

/** A scene in which a test plays what a check is to see, word by word. */
export class Stage {
  readonly scheduler = new Scheduler();
  readonly process = new Process(this.scheduler);
  readonly verdict = new Verdict(() => this.scheduler.nowMs);
  readonly truth: Truth;
  readonly scene: ServerScene;
  readonly check: Check;

  constructor(check: (scene: ServerScene) => Check = () => ({})) {
    const { verdict, scheduler } = this;
    const { limits } = planOf(1, 1);
    const nowMs = () => scheduler.nowMs;
    this.truth = new Truth(limits.core, nowMs, (revision) => this.check.durable?.(revision));
    const disk = new Disk(new SeededRandom(1), () => {});
    this.scene = { truth: this.truth, verdict, disk, limits, nowMs, serverRuns: () => true };
    this.check = check(this.scene);
    this.store({ kind: 'FoundNetwork', epoch: 'e', serverUuid: 's', atMs: 0 });
  }

  /** Makes a command durable; answers with its revision. */
  store(command: Command): number {
    const revision = this.truth.last + 1;
    this.truth.take([encodeRecord(revision, command)]);
    return revision;
  }

  /** Opens a session of instance number n; answers with its SID. */
  open(n: number, ttlMs = 60_000): number {
    const command = openCommand(n, ttlMs);
    this.store({ ...command, tokenHash: String.fromCharCode(n, this.truth.last).padEnd(32, 'x') } as Command);
    return [...this.truth.state.sessions.copy()].find(({ openedRevision }) => openedRevision === this.truth.last)!.sid;
  }

  /** Lets time pass, with a sweep at its end. */
  async pass(ms: number): Promise<void> {
    await this.scheduler.run(this.scheduler.nowMs + ms, () => false);
    this.check.swept?.();
  }

  /** A call at the server; what it is told goes to the check. */
  call(method: string, request: unknown = {}, sid?: number): ServerCall {
    const asked = {
      path: `/switchyard.v1.Service/${method}`,
      request: Buffer.of(),
      metadata: {},
      timeoutMs: undefined,
    };
    const nobody = { message: () => {}, end: () => {} };
    const call: ServerCall = new ServerCall(
      { ...asked, peer: 'test:1' },
      request,
      () => Buffer.of(0),
      nobody,
      this.process,
      {
        wrote: (message) => this.check.wrote?.(call, message),
        ended: (said) => this.check.ended?.(call, said),
      },
    );
    this.check.arrived?.(call, sid);
    return call;
  }

  /** The name of the check that has found something. */
  get found(): string | undefined {
    return this.verdict.violation?.check;
  }

  /** One DELTA message with these revisions, as the server would send it. */
  delta(...revisions: number[]): WatchNetworkDeltaResponse {
    const topic = networkTopic(this.truth.state);
    const parts = revisions.map(
      (revision) => topic.encode({ epoch: 'e', revision }, this.truth.at(revision)!.changes)!,
    );
    return WatchNetworkDeltaResponse.decode(Buffer.concat(parts));
  }

  /** A message of another kind, at a position. */
  sign(kind: WatchKind, revision: number): WatchNetworkDeltaResponse {
    return { kind, position: { epoch: 'e', revision: BigInt(revision) }, deltas: [], committedAt: undefined };
  }
}
