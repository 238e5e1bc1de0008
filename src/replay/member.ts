import type { Clock } from '../base/clock.js';
import {
  type Instance,
  type InstanceOptions,
  InstanceType,
  type OwnSession,
  type Switchyard,
  type SwitchyardError,
} from '../client/index.js';
import type { Latencies } from './latency.js';
import type { PlannedNode } from './plan.js';

/** How members prove themselves: all by one key. */
export type Proving = Pick<InstanceOptions, 'key' | 'bindProofs'>;

/** What a member tells the replay it belongs to. */
export interface MemberListener {
  /** It has a session: its first, or one in place of another. */
  opened(member: ReplayedMember, session: OwnSession): void;
  /** It has none any more, or is cut off from the server; it comes back by itself. */
  upset(member: ReplayedMember): void;
  /** It is over although nobody in this replay wanted that. */
  failed(member: ReplayedMember, error: SwitchyardError): void;
}

/** One node of a plan on the network: it can join, leave, vanish and join again, each time as the same instance. */
export class ReplayedMember {
  private current: Instance | undefined;
  private cvidNow: number | undefined;
  private isLeaving = false;
  private isUpset = false;

  constructor(
    readonly index: number,
    readonly node: PlannedNode,
    private readonly yard: Switchyard,
    private readonly listener: MemberListener,
    private readonly latencies: Latencies,
    private readonly clock: Clock,
    private readonly proving: Proving = {},
  ) {}

  /** The SID of its session; undefined while it has none. */
  get cvid(): number | undefined {
    return this.cvidNow;
  }

  /** What its calls are made with. Throws while it is away. */
  get instance(): Instance {
    if (this.current === undefined) throw new Error(`${this.node.id} has not joined`);
    return this.current;
  }

  /** Joins, and resolves when it has its session. Rejects when it is refused for good. */
  join(): Promise<void> {
    const { uuid, name, labels } = this.node;
    const startedMs = this.clock.nowMs();
    const instance = this.yard.join({ uuid, name, labels, type: InstanceType.AGENT, ...this.proving });
    this.current = instance;
    this.isLeaving = false;
    this.isUpset = false;
    instance.on('lost', () => {
      if (this.current === instance) this.cvidNow = undefined;
      this.becomeUpset(instance);
    });
    instance.on('broken', () => this.becomeUpset(instance));
    instance.on('attached', () => {
      this.isUpset = false;
    });
    return new Promise((resolve, reject) => {
      let isFirst = true;
      instance.on('opened', (session) => {
        const openedMs = this.clock.nowMs();
        if (isFirst) {
          this.latencies.add('Session', openedMs - startedMs);
          void instance.attached().then(
            () => this.latencies.add('Attach', this.clock.nowMs() - openedMs),
            // It ended before: that is told below.
            () => undefined,
          );
        }
        isFirst = false;
        this.cvidNow = session.cvid;
        this.listener.opened(this, session);
        resolve();
      });
      instance.on('ended', (error) => {
        if (this.current === instance) this.cvidNow = undefined;
        if (error !== undefined && !this.isLeaving) this.listener.failed(this, error);
        reject(error ?? new Error(`${this.node.id} left before it had a session`));
      });
    });
  }

  /** Says goodbye; its node goes at once. Resolves when that was heard, or could not be. */
  async leave(): Promise<void> {
    const startedMs = this.clock.nowMs();
    this.isLeaving = true;
    this.cvidNow = undefined;
    await this.current?.leave();
    this.latencies.add('TerminateSession', this.clock.nowMs() - startedMs);
    this.current = undefined;
  }

  /** Falls silent, as a machine does that loses its power: the server keeps its session for a while. */
  vanish(): void {
    this.isLeaving = true;
    this.cvidNow = undefined;
    this.current?.detach();
    this.current = undefined;
  }

  /** Told once for each time that it is cut off, however many tries it takes to come back. */
  private becomeUpset(instance: Instance): void {
    if (this.current !== instance || this.isUpset) return;
    this.isUpset = true;
    this.listener.upset(this);
  }
}
