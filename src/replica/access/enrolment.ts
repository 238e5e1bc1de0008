import { hash } from 'node:crypto';
import type { Clock } from '../../base/clock.js';
import { FailedAttempts } from '../../base/failed-attempts.js';
import { Checked } from '../../core/decide/check.js';
import { replacerFault } from '../../core/decide/ticket.js';
import { Fault } from '../../core/model/fault.js';
import type { Position } from '../../core/model/position.js';
import type { Origin } from '../../shares/origin.js';
import type { ProofMessage } from '../../trust/server/proofs.js';
import { ProofPurpose } from '../../trust/signed-bytes.js';
import { TICKET_SECRET_BYTES } from '../../trust/ticket.js';
import type { Replica } from '../replica.js';
import type { KeyProver } from './key-prover.js';

/**
 * Tickets of one address that nobody issued, in a minute: a person mistypes some, and a fleet behind one address has good ones, which do
 * not count. Secrets have 256 bits, so this only saves the log and the event loop.
 */
const WRONG_PER_MINUTE_MAX = 20;
/** Addresses that are remembered for it, at some 100 B each. */
const ADDRESSES_MAX = 65_536;
const RETRY_MS = 60_000;

/** What an {@link EnrolmentDesk} stands on. */
export interface EnrolmentDeps {
  readonly replica: Replica;
  readonly prover: KeyProver;
  readonly clock: Clock;
}

/** A ticket, and who redeems it, as a door read it. Faults name its fields as the protos do. */
export interface EnrolmentRequest {
  readonly secret: Uint8Array;
  readonly proof: ProofMessage | undefined;
  readonly name: string;
  readonly origin: Origin;
}

/** Who is enrolled. */
export interface Enrolled {
  /** The identity, in lower case. */
  readonly uuid: string;
  readonly position: Position;
}

/** Redeems tickets, in the same steps for every door. */
export class EnrolmentDesk {
  readonly #deps: EnrolmentDeps;
  readonly #attempts: FailedAttempts;

  constructor(deps: EnrolmentDeps) {
    this.#deps = deps;
    const limits = { perMinuteMax: WRONG_PER_MINUTE_MAX, addressesMax: ADDRESSES_MAX };
    this.#attempts = new FailedAttempts(deps.clock, limits);
  }

  /** Enrols a caller, or returns a fault that names every wrong field of the request. */
  async enroll(request: EnrolmentRequest): Promise<Enrolled | Fault> {
    const { replica, prover, clock } = this.#deps;
    const { secret, proof, name, origin } = request;
    const checked = new Checked(replica.state.limits);
    if (secret.length !== TICKET_SECRET_BYTES) {
      checked.wrong('secret', `${secret.length} bytes; the secret of a ticket has ${TICKET_SECRET_BYTES}`);
    }
    if (proof === undefined) checked.wrong('proof', 'a proof by the key that the identity is to have is needed');
    const uuid = proof === undefined ? '' : checked.uuid('proof.identity_uuid', proof.identityUuid);
    if (name !== '' && !IDENTITY_NAME.test(name)) checked.wrong('name', NAME_RULE);
    const wrong = Fault.fields(checked.violations);
    if (wrong !== undefined || proof === undefined) return wrong!;
    const ticketHash = hash('sha256', secret, 'buffer').toString('latin1');
    const unknown = this.#unknownTicket(ticketHash, origin);
    if (unknown !== undefined) return unknown;
    const wanted = { field: 'proof', purpose: ProofPurpose.ENROLL, uuid, origin, keys: 'any' } as const;
    const proven = await prover.prove(proof, wanted);
    if (proven instanceof Fault) return proven;
    const key = Buffer.from(proof.publicKey).toString('latin1');
    const redeemed = { ticketHash, uuid, key, keyId: proven.keyId, name, atMs: clock.wallMs() };
    const taken = replacerFault(replica.state, redeemed);
    if (taken !== undefined) return taken;
    const applied = await replica.submit({ kind: 'Enroll', ...redeemed });
    if (applied instanceof Fault) return applied;
    return { uuid, position: { epoch: replica.state.epoch, revision: applied.revision } };
  }

  #unknownTicket(ticketHash: string, { address }: Origin): Fault | undefined {
    if (this.#attempts.isBarred(address)) {
      const often = `${WRONG_PER_MINUTE_MAX} tickets that nobody issued have come from this address within a minute`;
      return new Fault('RATE_LIMITED', often, [], RETRY_MS);
    }
    if (this.#deps.replica.state.tickets.ofHash(ticketHash) !== undefined) return undefined;
    this.#attempts.count(address);
    return new Fault('TICKET_INVALID', 'there is no such ticket');
  }
}

/** What the name of an identity may be. */
export const IDENTITY_NAME = /^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/;
/** The same in words. */
export const NAME_RULE = '1-63 of a-z, 0-9, . and - are allowed, with a letter or digit at both ends';
