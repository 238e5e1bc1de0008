import { type Connection, ConnectionRole } from '../../../gen/switchyard/v1/connection.js';

/** What an order came to: the answer's data, if there is any. */
type Answer = Promise<Uint8Array | undefined>;

/**
 * The orders about one connection that were carried out. One that is given again, after its answer was forgotten, has the same answer: a
 * second relay or attempt would leave the one that the connection stands on.
 */
export class CarriedOrders {
  /** Of each role the last one, which names its streams or its attempt. */
  readonly #last = new Map<ConnectionRole, { readonly which: number; readonly answer: Answer }>();

  #relayAnswered: () => Promise<void> = async () => {};

  /** Resolves once the server has the answer to the last order to relay. Before that it takes what is said of a direct path for old. */
  get relayAnswered(): Promise<void> {
    return this.#relayAnswered();
  }

  /** An order is about to be carried out, or answered as before. */
  note({ role }: Pick<Connection, 'role'>, answered: () => Promise<void>): void {
    if (role === ConnectionRole.RELAY) this.#relayAnswered = answered;
  }

  /** Carries out an order, unless it is the last one of its role. */
  once({ role, relayStreamId, attempt }: Connection, carryOut: () => Answer): Answer {
    const which = role === ConnectionRole.RELAY ? relayStreamId : attempt;
    const last = this.#last.get(role);
    if (last?.which === which) return last.answer;
    const answer = carryOut();
    this.#last.set(role, { which, answer });
    return answer;
  }
}
