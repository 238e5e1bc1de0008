import { IdentityServiceService } from '../../../gen/switchyard/v1/identity.js';
import { StatusCode, SwitchyardError } from '../../../src/client/index.js';
import { foundingDocument } from '../../../src/core/model/trust/policy.js';
import { ProofPurpose, signedBytes } from '../../../src/trust/signed-bytes.js';
import { decodeTicket } from '../../../src/trust/ticket.js';
import { SimulatedChannel } from '../machine/channel.js';
import { type Network, Route } from '../machine/network.js';
import { Process } from '../machine/process.js';
import type { SeededRandom } from '../machine/random.js';
import type { Scheduler } from '../machine/scheduler.js';
import { ADMIN_TOKEN } from '../machine/server.js';
import type { Truth } from '../truth.js';
import type { Verdict } from '../verdict.js';
import { keyNamed } from './keys.js';

/** Where they come from. No host of a world has it. */
const ADDRESS = '198.51.100.78';
/** A ticket so often. */
const PACE_MS = 8_000;
/** A call waits so long, and its answer is lost where that is too short. */
const TIMEOUT_MS = 900;
const TRIES = 12;

/** What enrollers find in a world. */
export interface EnrollersScene {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly random: SeededRandom;
  readonly verdict: Verdict;
  readonly truth: Truth;
}

/** What became of one that redeemed: nobody told it, it was let in, or it was told that the ticket lets nobody in. */
type Outcome = 'untold' | 'in' | 'out';

/**
 * Newcomers that redeem one ticket at once, more of them than it has uses, and ask again when their answers are lost.
 *
 * **Redeemed**: a ticket lets in as many as it has uses and no more; who was told that it is in, is, with its key; and who is in is never
 * told that the ticket lets nobody in.
 */
export class Enrollers {
  private readonly process: Process;
  private readonly route: Route;
  private readonly channel: SimulatedChannel;
  private newcomers = 0;
  private isOver = false;
  private isOpen = false;

  constructor(private readonly scene: EnrollersScene) {
    const { scheduler, network, random } = scene;
    this.process = new Process(scheduler);
    this.route = new Route(ADDRESS, network, random.fork(1));
    this.channel = new SimulatedChannel(this.route, this.process, () => {});
  }

  begin(): void {
    if (this.isOver) return;
    void this.redeemOne().catch(() => {});
    this.process.clock.after(PACE_MS, () => this.begin());
  }

  end(): void {
    this.isOver = true;
    this.route.heal();
  }

  private async redeemOne(): Promise<void> {
    const { random } = this.scene;
    const uses = random.between(1, 3);
    const request = {
      kind: 1,
      roles: ['agent'],
      uses,
      validFor: undefined,
      names: '',
      identityUuid: '',
      addresses: [],
    };
    await this.stayOpen();
    const issued = await this.channel.unary(IdentityServiceService.issueTicket, request, this.call(ADMIN_TOKEN));
    const { secret } = decodeTicket(issued.text);
    const uuids = Array.from({ length: uses + random.between(1, 4) }, () => this.newcomer());
    if (random.chance(1 / 2)) this.cutOff();
    const outcomes = await Promise.all(uuids.map((uuid) => this.redeem(Buffer.from(secret), uuid)));
    this.judge(issued.ticket!.ticketId, uses, uuids, outcomes);
  }

  /** The first ticket would make callers prove who they are, and most of a world's have no key: a policy comes before it. */
  private async stayOpen(): Promise<void> {
    if (this.isOpen) return;
    const request = { document: foundingDocument('open'), validateOnly: false, ifRevision: undefined };
    await this.channel.unary(IdentityServiceService.putPolicy, request, this.call(ADMIN_TOKEN));
    this.isOpen = true;
  }

  /** The connection breaks while calls are under way, and heals. */
  private cutOff(): void {
    const { random } = this.scene;
    const { clock } = this.process;
    clock.after(random.between(1, 40), () => this.route.partition());
    clock.after(random.between(100, 4_000), () => this.route.heal());
  }

  private async redeem(secret: Buffer, uuid: string): Promise<Outcome> {
    for (let tried = 0; tried < TRIES; tried++) {
      try {
        await this.enroll(secret, uuid);
        this.mustBeIn(uuid);
        return 'in';
      } catch (error) {
        if (!(error instanceof SwitchyardError)) throw error;
        if (error.reason === 'TICKET_INVALID') {
          this.mustBeOut(uuid);
          return 'out';
        }
        if (error.code === StatusCode.CANCELLED) return 'untold';
      }
      await new Promise<void>((resolve) => this.process.clock.after(500, resolve));
    }
    return 'untold';
  }

  private async enroll(secret: Buffer, uuid: string): Promise<void> {
    const challenged = await this.channel.unary(IdentityServiceService.challenge, { network: '' }, this.call());
    const { nonce, serverUuid } = challenged;
    const key = keyNamed(uuid);
    const plain = { purpose: ProofPurpose.ENROLL, nonce, bindingKind: 0, binding: Buffer.alloc(0) };
    const who = { identityUuid: uuid, instanceUuid: uuid, keyId: key.keyId, network: 'default', serverUuid };
    const signature = key.sign(signedBytes({ ...plain, ...who }));
    const proof = { ...plain, publicKey: key.publicKey, signature, identityUuid: uuid };
    await this.channel.unary(IdentityServiceService.enroll, { secret, proof, name: '' }, this.call());
  }

  private mustBeIn(uuid: string): void {
    if (this.isIn(uuid)) return;
    this.scene.verdict.fail('Redeemed', `${uuid} was told that it is enrolled, and is not`);
  }

  private mustBeOut(uuid: string): void {
    if (!this.isIn(uuid)) return;
    this.scene.verdict.fail('Redeemed', `${uuid} is enrolled, and was told that its ticket lets nobody in`);
  }

  private isIn(uuid: string): boolean {
    const identity = this.scene.truth.state.identities.get(uuid);
    return identity?.keys.some(({ id }) => id === keyNamed(uuid).keyId.toString('latin1')) ?? false;
  }

  private judge(ticket: string, uses: number, uuids: readonly string[], outcomes: readonly Outcome[]): void {
    const { truth, verdict } = this.scene;
    const enrolled = uuids.filter((uuid) => truth.state.identities.get(uuid)?.ticket === ticket);
    if (enrolled.length > uses) {
      verdict.fail('Redeemed', `ticket ${ticket} has ${uses} uses, and let in ${enrolled.join(', ')}`);
    }
    const isSettled = outcomes.every((outcome) => outcome !== 'untold');
    if (isSettled && enrolled.length < uses) {
      verdict.fail('Redeemed', `all were told, and ticket ${ticket} of ${uses} uses let in ${enrolled.length}`);
    }
  }

  private newcomer(): string {
    this.newcomers++;
    return `00000000-0000-4000-9000-${String(this.newcomers).padStart(12, '0')}`;
  }

  private call(adminToken?: string) {
    const metadata: Record<string, string> = adminToken === undefined ? {} : { 'switchyard-admin': adminToken };
    return { metadata, timeoutMs: TIMEOUT_MS, signal: new AbortController().signal };
  }
}
