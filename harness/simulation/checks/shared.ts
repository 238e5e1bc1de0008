import type { CallStatus } from '../../../src/client/error.js';
import { SwitchyardError } from '../../../src/client/error.js';
import { StatusCode } from '../../../src/client/status.js';
import type { Check } from '../check.js';
import { FLOOD_ADDRESS, isOfFlood } from '../clients/flood.js';
import { HALF_CLOSERS_ADDRESS } from '../clients/half-closers.js';
import { HASTY_ADDRESS } from '../clients/hasty.js';
import type { ServerLimits, SimulatedServer } from '../machine/server.js';
import type { ServerCall } from '../machine/server-call.js';
import type { Scene } from '../scene.js';
import type { Revision } from '../truth.js';

/** A refusal for a share names its option. */
const NAMES_A_SHARE = /\(--[a-z-]+-per-(address|connection)\)/;

/**
 * **Shared**: one address has no more sessions than its share of them, and nobody else is refused because of what it has.
 *
 * Sessions from before the server began belong to nobody until they show themselves, so they are nobody's share.
 */
export class Shared implements Check {
  /** Sessions of a flood: in this life of the server, and from before. */
  private readonly own = new Set<number>();
  private readonly earlier = new Set<number>();
  private others = 0;
  /** Calls that open a session, each with the most that the others had while it ran. */
  private readonly opening = new Map<ServerCall, number>();
  private server: SimulatedServer | undefined;

  constructor(private readonly scene: Scene & { readonly limits: ServerLimits }) {}

  started(server: SimulatedServer): void {
    this.server = server;
    for (const sid of this.own) this.earlier.add(sid);
    this.own.clear();
  }

  died(): void {
    this.opening.clear();
  }

  durable({ changes }: Revision): void {
    for (const change of changes) {
      if (change.kind === 'SessionOpened') this.opened(change.session.sid, change.session.uuid);
      if (change.kind !== 'SessionClosed') continue;
      const { sid, uuid } = change.session;
      if (!isOfFlood(uuid)) this.others--;
      else if (!this.own.delete(sid)) this.earlier.delete(sid);
    }
    for (const [call, most] of this.opening) this.opening.set(call, Math.max(most, this.others));
  }

  arrived(call: ServerCall): void {
    if (isOpening(call)) this.opening.set(call, Math.max(this.others, this.othersAtServer()));
  }

  ended(call: ServerCall, said: CallStatus | undefined): void {
    const most = Math.max(this.opening.get(call) ?? 0, this.othersAtServer());
    this.opening.delete(call);
    if (said?.code !== StatusCode.RESOURCE_EXHAUSTED || isOfMany(call.getPeer())) return;
    const { sessionsPerAddressMax } = this.scene.limits.shares;
    const { sessionsMax } = this.scene.truth.state.limits;
    if (NAMES_A_SHARE.test(said.message)) this.fail(`${call.getPeer()} was refused for a share: ${said.message}`);
    else if (
      SwitchyardError.of(said).reason === 'SESSION_LIMIT' &&
      most + this.earlier.size + sessionsPerAddressMax < sessionsMax
    ) {
      this.fail(`${call.getPeer()} was refused for the flood: ${said.message}, and the others have ${most}`);
    }
  }

  private opened(sid: number, uuid: string): void {
    if (!isOfFlood(uuid)) {
      this.others++;
      return;
    }
    this.own.add(sid);
    const { sessionsPerAddressMax } = this.scene.limits.shares;
    if (this.own.size > sessionsPerAddressMax) {
      this.fail(`${FLOOD_ADDRESS} has ${this.own.size} sessions; ${sessionsPerAddressMax} are its share`);
    }
  }

  /** What is durable is applied a little later, and refused is by what is applied. */
  private othersAtServer(): number {
    let count = 0;
    for (const { uuid } of this.server?.state.sessions.copy() ?? []) if (!isOfFlood(uuid)) count++;
    return count;
  }

  private fail(text: string): void {
    this.scene.verdict.fail('Shared', text);
  }
}

/** Whether many instances have the address, so that its share may be used up. */
function isOfMany(peer: string): boolean {
  return [FLOOD_ADDRESS, HASTY_ADDRESS, HALF_CLOSERS_ADDRESS].some((address) => peer.startsWith(address));
}

function isOpening(call: ServerCall): boolean {
  return call.getPath().endsWith('/Session');
}
