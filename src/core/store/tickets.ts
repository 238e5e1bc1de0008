import { type Ticket, ticketId } from '../model/trust/ticket.js';

/** The tickets that are remembered, by id, the oldest first. */
export class Tickets {
  readonly #byId = new Map<string, Ticket>();

  /** How many there are. */
  get count(): number {
    return this.#byId.size;
  }

  /** The ticket of an id. */
  get(id: string): Ticket | undefined {
    return this.#byId.get(id);
  }

  /** The ticket whose secret has this hash. */
  ofHash(hash: string): Ticket | undefined {
    const found = this.#byId.get(ticketId({ hash }));
    return found?.hash === hash ? found : undefined;
  }

  /** All of them, the oldest first. */
  all(): Iterable<Ticket> {
    return this.#byId.values();
  }

  /** Adds a ticket, or puts it in the place of what it was. */
  put(ticket: Ticket): void {
    this.#byId.set(ticketId(ticket), ticket);
  }

  /** Removes a ticket. */
  delete(ticket: Ticket): void {
    this.#byId.delete(ticketId(ticket));
  }
}
