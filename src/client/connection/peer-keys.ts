import type { Connection } from '../../../gen/switchyard/v1/connection.js';
import type { PeerKeyCheck } from './peer-key-check.js';

/** Why the key of an order is not taken. */
export interface KeyProblem {
  /** For the program of this end. */
  readonly problem: string;
  /** For the server and the peer. */
  readonly refusal: string;
}

/**
 * Which keys of the peer one end of a connection takes: the first one that it has taken, on every later path too, and only one that is
 * endorsed as each of its programs asks. A peer keeps its key for as long as it lives, so another one is another peer's.
 */
export class PeerKeys {
  readonly #checks: PeerKeyCheck[];
  #taken: Buffer | undefined;
  /** The last order that was looked at. */
  #order: Connection | undefined;

  constructor(check: PeerKeyCheck | undefined) {
    this.#checks = check === undefined ? [] : [check];
  }

  /** Whether an endorsement is asked for. */
  get areChecked(): boolean {
    return this.#checks.length > 0;
  }

  /** Asks for these endorsements, too. Answers with why the key that is in use is not taken any more. */
  pin(check: PeerKeyCheck): KeyProblem | undefined {
    this.#checks.push(check);
    return this.#order && this.problemOf(this.#order);
  }

  /** Why the key of an order is not taken; undefined for one that is. */
  problemOf(order: Connection): KeyProblem | undefined {
    this.#order = order;
    const { peerPublicKey } = order;
    if (this.#taken !== undefined && !this.#taken.equals(peerPublicKey)) {
      const problem = 'its key is another one than that with which the connection was made';
      return { problem, refusal: 'your key is another one than that with which the connection was made' };
    }
    const problem = this.#checks.map((check) => check.problemOf(order)).find((one) => one !== undefined);
    if (problem !== undefined) return { problem, refusal: 'your key is not endorsed as this end asks' };
    // A peer that relays without encryption may have none.
    if (peerPublicKey.length > 0) this.#taken = Buffer.from(peerPublicKey);
    return undefined;
  }
}
