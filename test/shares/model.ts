import { addressKey } from '../../src/base/address.js';
import { apply, decide } from '../../src/core/decide/apply.js';
import type { Command } from '../../src/core/model/command.js';
import { isPending } from '../../src/core/model/connection.js';
import { Fault } from '../../src/core/model/fault.js';
import { DEFAULT_LIMITS } from '../../src/core/model/limits.js';
import type { State } from '../../src/core/store/state.js';
import { isInitialId } from '../../src/core/store/streams.js';
import type { Amounts, Belonging } from '../../src/shares/belongings.js';
import type { ShareLimits } from '../../src/shares/limits.js';
import type { Origin } from '../../src/shares/origin.js';
import { Shares } from '../../src/shares/shares.js';
import { Network, opening } from '../core/network.js';

/** An address that has no share. */
export const EXEMPT = '203.0.113.9';

/** Shares so low that random callers meet every one of them. */
export const LOW_SHARES: ShareLimits = {
  sessionsPerConnectionMax: 2,
  sessionsPerAddressMax: 3,
  connectionsPendingPerConnectionMax: 1,
  connectionsPendingPerAddressMax: 2,
  streamsPerAddressMax: 2,
  branchesPerAddressMax: 3,
  linksPerAddressMax: 2,
  reportsPerAddressMax: 2,
};

interface Waiting {
  readonly command: Command;
  readonly resolve: (outcome: unknown) => void;
}

/** Who has a session, as the model knows it: names of the connection and of the address. */
interface Owner {
  readonly levels: readonly string[];
  readonly address: string;
}

/**
 * Shares over a state, with a journal that takes its time; and beside them what they should count, made anew from
 * everything that there is whenever somebody asks.
 */
export class ModelWorld {
  readonly state: State = new Network({ ...DEFAULT_LIMITS, sidBaseMax: 16 }).state;
  readonly refusals = new Set<string>();
  /** What the shares said that the model did not expect. */
  readonly wrong: string[] = [];
  shares = this.made();
  private readonly owners = new Map<number, Owner>();
  private queue: Waiting[] = [];
  private opening = new Set<Owner & { readonly uuid: string; readonly tokenHash: string }>();
  private holding = new Set<Owner & { readonly sid: number; readonly amounts: Amounts }>();
  private readonly lives = new Map<string, number>();
  private tokens = 0;

  /** The process ends with everything that it knew and had not stored, and another one begins. */
  restart(): void {
    this.queue = [];
    this.opening = new Set();
    this.holding = new Set();
    this.owners.clear();
    this.shares = this.made();
  }

  /** Asks for a session; the model says whether it may be. */
  open(origin: Origin, instance: number): void {
    const tokenHash = `token ${this.tokens++}`;
    const command = opening(instance, { tokenHash });
    const owner = { ...this.ownerAt(origin), uuid: command.uuid, tokenHash };
    const fits = this.fits(owner, command.uuid, origin);
    if (fits) this.opening.add(owner);
    const outcome = this.shares.open(origin, { uuid: command.uuid, tokenHash }, () => this.submit(command));
    void this.expectRefusal(outcome, !fits, () => this.opening.delete(owner));
  }

  /** Does something for a session that makes it hold more. */
  hold(sid: number, origin: Origin, amounts: Amounts, command: Command): void {
    if (!this.owners.has(sid)) this.attached(sid, origin);
    const owner = this.owners.get(sid);
    const at = owner ?? this.ownerAt(origin);
    const isUnowned = owner === undefined && this.state.sessions.has(sid);
    const fits = !isUnowned && this.hasRoom(at, amounts, origin);
    const held = { sid, ...at, amounts };
    if (fits) this.holding.add(held);
    const outcome = this.shares.hold(sid, origin, amounts, () => this.submit(command));
    void this.expectRefusal(outcome, !fits, () => this.holding.delete(held));
  }

  attach(sid: number, origin: Origin): void {
    this.shares.attached(sid, origin);
    this.attached(sid, origin);
  }

  /** What should come of that. */
  private attached(sid: number, origin: Origin): void {
    const session = this.state.sessions.get(sid);
    if (session === undefined || [...this.holding].some((one) => one.sid === sid)) return;
    const owner = this.ownerAt(origin);
    const before = this.owners.get(sid);
    if (before?.levels[0] === owner.levels[0]) return;
    const amounts = this.amountsOf(sid);
    const moved = before?.address === owner.address ? ofConnections(amounts) : amounts;
    if (this.fits(owner, session.uuid, origin) && this.hasRoom(owner, moved, origin)) this.owners.set(sid, owner);
  }

  renew(sid: number, origin: Origin): void {
    this.shares.renewed(sid, origin);
    if (!this.owners.has(sid)) this.attached(sid, origin);
  }

  disconnect(connection: string): void {
    this.shares.disconnected(connection);
    this.lives.set(connection, (this.lives.get(connection) ?? 0) + 1);
  }

  /** Stores a command that nobody's share has to do with. */
  enforce(command: Command): void {
    void this.submit(command);
  }

  /** So many of what waits are stored and applied, in one batch; then those who wait hear of it. */
  async applyNext(count: number): Promise<void> {
    const batch = this.queue.splice(0, count);
    const outcomes = batch.map(({ command }) => {
      const outcome = apply(this.state, command);
      const changes = outcome instanceof Fault ? [] : outcome.changes;
      for (const change of changes) {
        if (change.kind === 'SessionOpened') this.own(change.session.sid, change.session.tokenHash);
        if (change.kind === 'SessionClosed') this.owners.delete(change.session.sid);
      }
      this.shares.publish({ epoch: '', revision: this.state.revision }, changes);
      return outcome;
    });
    batch.forEach(({ resolve }, at) => void resolve(outcomes[at]));
    await settled();
  }

  /** The journal takes nothing of what waits. */
  async failAll(): Promise<void> {
    for (const { resolve } of this.queue.splice(0)) resolve(new Fault('JOURNAL_UNAVAILABLE', 'no space left'));
    await settled();
  }

  /** What an origin has, counted anew. */
  used(origin: Origin): Record<keyof ShareLimits, number> {
    const { levels, address } = this.ownerAt(origin);
    return {
      sessionsPerConnectionMax: this.instancesAt(levels[0]).size,
      sessionsPerAddressMax: this.instancesAt(address).size,
      ...this.amountsAt(address),
      ...ofConnections(levels.length > 1 ? this.amountsAt(levels[0]) : {}),
    };
  }

  /** Live sessions of an origin's address, and what they hold, without what is on its way. */
  stands(origin: Origin): Record<keyof ShareLimits, number> {
    const { levels, address } = this.ownerAt(origin);
    const own = (level: string) => [...this.owners].filter(([, owner]) => owner.levels.includes(level));
    const held = (level: string) => sum(own(level).map(([sid]) => this.amountsOf(sid)));
    return {
      sessionsPerConnectionMax: own(levels[0]).length,
      sessionsPerAddressMax: own(address).length,
      ...held(address),
      ...ofConnections(levels.length > 1 ? held(levels[0]) : {}),
    };
  }

  /** The address that a session counts for, if it counts anywhere. */
  addressOf(sid: number): string | undefined {
    return this.owners.get(sid)?.address;
  }

  private made(): Shares {
    return new Shares({
      state: this.state,
      limits: LOW_SHARES,
      key: [1, 2],
      isExempt: (address) => address === EXEMPT,
      refused: (share) => this.refusals.add(share),
    });
  }

  private submit(command: Command): Promise<unknown> {
    const decided = decide(this.state, command);
    if (decided instanceof Fault) return Promise.resolve(decided);
    return new Promise((resolve) => void this.queue.push({ command, resolve }));
  }

  private async expectRefusal(outcome: Promise<unknown>, isExpected: boolean, over: () => void): Promise<void> {
    const answer = await outcome;
    over();
    const isShare = answer instanceof Fault && answer.message.includes('(--');
    if (isShare !== isExpected) this.wrong.push(`${isExpected ? 'not refused' : 'refused'}: ${String(answer)}`);
    if (isShare && (answer.retryAfterMs ?? 0) <= 0) this.wrong.push('refused without a time to try again');
  }

  private own(sid: number, tokenHash: string): void {
    const owner = [...this.opening].find((one) => one.tokenHash === tokenHash);
    if (owner === undefined) return;
    this.opening.delete(owner);
    this.owners.set(sid, owner);
  }

  private ownerAt({ address, connection }: Origin): Owner {
    const key = addressKey(address);
    if (connection === undefined) return { levels: [key], address: key };
    return { levels: [`${connection} of life ${this.lives.get(connection) ?? 0}`, key], address: key };
  }

  private fits({ levels, address }: Owner, uuid: string, origin: Origin): boolean {
    return levels.every((level) => {
      const instances = this.instancesAt(level);
      if (instances.has(uuid) || (level === address && this.isExempt(origin))) return true;
      const { sessionsPerAddressMax, sessionsPerConnectionMax } = LOW_SHARES;
      return instances.size < (level === address ? sessionsPerAddressMax : sessionsPerConnectionMax);
    });
  }

  private hasRoom({ levels, address }: Owner, amounts: Amounts, origin: Origin): boolean {
    return BELONGINGS.every((what) => {
      const isOfConnection = what === 'connectionsPendingPerConnectionMax';
      if (isOfConnection ? levels.length === 1 : this.isExempt(origin)) return true;
      const used = this.amountsAt(isOfConnection ? levels[0] : address)[what];
      return (amounts[what] ?? 0) === 0 || used + amounts[what]! <= LOW_SHARES[what];
    });
  }

  private isExempt({ address }: Origin): boolean {
    return address === EXEMPT;
  }

  private instancesAt(level: string): Set<string> {
    const live = [...this.owners].filter(([, { levels }]) => levels.includes(level));
    const coming = [...this.opening].filter(({ levels }) => levels.includes(level));
    return new Set([...live.map(([sid]) => this.state.sessions.get(sid)!.uuid), ...coming.map(({ uuid }) => uuid)]);
  }

  private amountsAt(level: string): Record<Belonging, number> {
    const live = [...this.owners].filter(([, { levels }]) => levels.includes(level));
    const coming = [...this.holding].filter(({ levels }) => levels.includes(level));
    return sum([...live.map(([sid]) => this.amountsOf(sid)), ...coming.map(({ amounts }) => amounts)]);
  }

  private amountsOf(sid: number): Record<Belonging, number> {
    const { streams, connections, reports, graph, serverSid } = this.state;
    const owned = [...streams.all()].filter(({ id, owner }) => !isInitialId(id) && owner === sid);
    const pending = [...connections.all()].filter((one) => isPending(one) && one.caller.sid === sid);
    return {
      connectionsPendingPerConnectionMax: pending.length,
      connectionsPendingPerAddressMax: pending.length,
      streamsPerAddressMax: owned.length,
      branchesPerAddressMax: owned.reduce((count, { sinks }) => count + sinks.length, 0),
      linksPerAddressMax: [...graph.linksOf(sid)].filter(({ a, b }) => a !== serverSid && b !== serverSid).length,
      reportsPerAddressMax: [...reports.all()].filter((report) => report.sid === sid).length,
    };
  }
}

/** What of it connections hold, too. */
function ofConnections({ connectionsPendingPerConnectionMax = 0 }: Amounts): Amounts {
  return { connectionsPendingPerConnectionMax };
}

const BELONGINGS: readonly Belonging[] = [
  'connectionsPendingPerConnectionMax',
  'connectionsPendingPerAddressMax',
  'streamsPerAddressMax',
  'branchesPerAddressMax',
  'linksPerAddressMax',
  'reportsPerAddressMax',
];

function sum(all: readonly Amounts[]): Record<Belonging, number> {
  const entries = BELONGINGS.map((what) => [what, all.reduce((total, one) => total + (one[what] ?? 0), 0)]);
  return Object.fromEntries(entries) as Record<Belonging, number>;
}

/** Resolves when whoever waited for a promise that is resolved now has heard of it. */
async function settled(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}
