import { IdentityServiceService, type Proof } from '../../../gen/switchyard/v1/identity.js';
import { type SessionRequest, SessionServiceService } from '../../../gen/switchyard/v1/session_service.js';
import { ProofPurpose, signedBytes } from '../../../src/trust/signed-bytes.js';
import { SimulatedChannel } from '../machine/channel.js';
import { type Network, Route } from '../machine/network.js';
import { Process } from '../machine/process.js';
import type { SeededRandom } from '../machine/random.js';
import type { Scheduler } from '../machine/scheduler.js';
import type { Verdict } from '../verdict.js';
import { keyNamed } from './keys.js';

/** Where a thief comes from. No host of a world has it. */
const ADDRESS = '198.51.100.77';
const PACE_MS = 3_000;
/** Proofs that are remembered: those of the last minute, about. */
const OVERHEARD_MAX = 16;

/** What a thief finds in a world. */
export interface ThiefScene {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly random: SeededRandom;
  readonly verdict: Verdict;
  /** Instances whose UUIDs are bound, durably. */
  readonly bound: () => readonly string[];
}

/** The ways to take an instance's place without its key. */
const WAYS = [
  'no proof',
  'another key',
  'the right key and a wrong signature',
  'an overheard proof',
  'a proof of another',
] as const;

/** A client that tries to take the places of instances that have shown a key, in every way that it knows. */
export class Thief {
  private readonly process: Process;
  private readonly channel: SimulatedChannel;
  private readonly overheard: { readonly uuid: string; readonly proof: Proof }[] = [];
  private isOver = false;

  constructor(private readonly scene: ThiefScene) {
    const { scheduler, network, random } = scene;
    this.process = new Process(scheduler);
    this.channel = new SimulatedChannel(new Route(ADDRESS, network, random.fork(1)), this.process, () => {});
  }

  /** A Session call of somebody was answered: its proof is used, and good for nothing more. */
  overhear({ instanceUuid: uuid, proof }: SessionRequest): void {
    if (proof === undefined) return;
    this.overheard.push({ uuid, proof });
    if (this.overheard.length > OVERHEARD_MAX) this.overheard.shift();
  }

  begin(): void {
    if (this.isOver) return;
    void this.steal().catch(() => {});
    this.process.clock.after(PACE_MS, () => this.begin());
  }

  end(): void {
    this.isOver = true;
  }

  private async steal(): Promise<void> {
    const { random, verdict } = this.scene;
    const bound = this.scene.bound();
    if (bound.length === 0) return;
    const way = random.pick(WAYS);
    const victim = random.pick(bound);
    const uuid = way === 'an overheard proof' ? (this.overheard.at(-1)?.uuid ?? victim) : victim;
    const proof = await this.prove(way, uuid);
    const request = {
      instanceUuid: uuid,
      instanceType: 2,
      instanceFlavor: 0,
      ttl: undefined,
      name: '',
      labels: {},
      proof,
    };
    const { instanceSid } = await this.channel.unary(SessionServiceService.session, request, this.call());
    verdict.fail('Owned', `${way} of a thief opened session ${instanceSid} of ${uuid}, which is bound`);
  }

  private async prove(way: (typeof WAYS)[number], uuid: string): Promise<Proof | undefined> {
    if (way === 'no proof') return undefined;
    if (way === 'an overheard proof') return this.overheard.at(-1)?.proof;
    if (way === 'a proof of another') {
      const other = this.overheard.find((one) => one.uuid !== uuid);
      return other && { ...other.proof, identityUuid: uuid };
    }
    const challenged = await this.channel.unary(IdentityServiceService.challenge, { network: '' }, this.call());
    const { nonce, serverUuid } = challenged;
    const own = keyNamed('a thief');
    const named = way === 'another key' ? own : keyNamed(uuid);
    const binding = Buffer.alloc(0);
    const plain = { purpose: ProofPurpose.SESSION, nonce, bindingKind: 0, binding };
    const who = { identityUuid: uuid, instanceUuid: uuid, keyId: named.keyId, network: 'default', serverUuid };
    const signature = own.sign(signedBytes({ ...plain, ...who }));
    return { ...plain, publicKey: named.publicKey, signature, identityUuid: uuid };
  }

  private call() {
    return { metadata: {}, timeoutMs: 10_000, signal: new AbortController().signal };
  }
}
