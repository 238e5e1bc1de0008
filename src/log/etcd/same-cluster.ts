/** What one member was found to be. `unknown`: it has to be asked before it is used. */
type Standing = 'unknown' | 'ours' | 'foreign';

/** What came of an answer: `ours`; `foreign`: of another cluster, and others may be ours; `replaced`: every member is of another cluster now. */
export type Membership = 'ours' | 'foreign' | 'replaced';

/**
 * Which members belong to the etcd that this process began with, by the cluster id in their answers. A member of another cluster, as one
 * that was installed alone, has another log: what the one has acknowledged the other has never seen.
 */
export class SameCluster {
  readonly #addresses: readonly string[];
  readonly #standings: Standing[];
  readonly #ids: bigint[];
  #own: { readonly id: bigint; readonly address: string } | undefined;

  /** The members as they were named. */
  constructor(addresses: readonly string[]) {
    this.#addresses = addresses;
    this.#standings = addresses.map(() => 'unknown');
    this.#ids = addresses.map(() => 0n);
  }

  /** Whether a member has answered for our cluster since a request to it last failed. */
  isOurs(at: number): boolean {
    return this.#standings[at] === 'ours';
  }

  /** A member did not answer: another one may be there when it does. */
  forget(at: number): void {
    if (this.#standings[at] === 'ours') this.#standings[at] = 'unknown';
  }

  /** A member has answered with this cluster id. The first answer says which cluster is ours. */
  heard(at: number, id: bigint): Membership {
    this.#own ??= { id, address: this.#addresses[at] };
    this.#ids[at] = id;
    this.#standings[at] = id === this.#own.id ? 'ours' : 'foreign';
    if (id === this.#own.id) return 'ours';
    return this.#standings.every((standing) => standing === 'foreign') ? 'replaced' : 'foreign';
  }

  /** Which members are of another cluster than ours, in words; undefined where none has said so. */
  get problem(): string | undefined {
    const foreign = this.#addresses.flatMap((address, at) =>
      this.#standings[at] === 'foreign' ? [`${address} of cluster ${this.#ids[at].toString(16)}`] : [],
    );
    if (this.#own === undefined || foreign.length === 0) return undefined;
    const own = `cluster ${this.#own.id.toString(16)}`;
    if (foreign.length === this.#addresses.length) {
      return `etcd was restored or made anew: this process began with ${own}, and now there is ${foreign.join(', ')}`;
    }
    const advice = '--journal has to name the members of one etcd: compare what etcdctl member list says at each';
    return `${this.#own.address} is a member of ${own}, and ${foreign.join(', ')}: ${advice}`;
  }
}
