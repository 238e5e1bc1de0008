/** Identities that are remembered for one connection: more than a gateway of a fleet has, and 1 MiB. */
const PER_CONNECTION_MAX = 16_384;
/** The same on all connections: one for each session there may be by default, 100 MiB. */
const IN_ALL_MAX = 1_048_576;

/**
 * Which identities have shown themselves on which connections, by a proof that was verified there. In the mode `required` a
 * session's token is good on these only, so that whoever has read a token cannot use it.
 */
export class ShownIdentities {
  readonly #byConnection = new Map<string, Set<string>>();
  #count = 0;

  /** How many are remembered. */
  get count(): number {
    return this.#count;
  }

  /** An identity has shown itself on an open connection. False: there is no room to remember it. */
  add(connection: string, uuid: string): boolean {
    const known = this.#byConnection.get(connection) ?? new Set();
    if (known.has(uuid)) return true;
    if (known.size >= PER_CONNECTION_MAX || this.#count >= IN_ALL_MAX) return false;
    known.add(uuid);
    this.#byConnection.set(connection, known);
    this.#count++;
    return true;
  }

  /** Whether an identity has shown itself on a connection. */
  has(connection: string, uuid: string): boolean {
    return this.#byConnection.get(connection)?.has(uuid) === true;
  }

  /** The connection is closed; another one may get its name. */
  forget(connection: string): void {
    this.#count -= this.#byConnection.get(connection)?.size ?? 0;
    this.#byConnection.delete(connection);
  }
}
