/** What one member was found to be. `unknown`: it has to be asked before it is used. */
type Standing = 'unknown' | 'ours' | 'foreign';

/** What came of an answer: `ours`; `foreign`: of another cluster, and others may be ours; `replaced`: every member is of another cluster now. */
export type ClusterMembership = 'ours' | 'foreign' | 'replaced';

/**
 * Which members belong to the etcd that this process began with, by the cluster id in their answers. A member of another cluster, as one
 * that was installed alone, has another log: what the one has acknowledged the other has never seen.
 *
 * Two etcds that were begun with the same defaults have the same ids, of the cluster and of the member. So two addresses with one member id
 * are one etcd only once they were compared.
 */
export class SameCluster {
  readonly #addresses: readonly string[];
  readonly #standings: Standing[];
  readonly #ids: bigint[];
  /** The member's id in its last answer; 0: it has not answered. */
  readonly #memberIds: bigint[];
  /** Which addresses are known to be of our cluster: the first of its member id, and those that were compared with one of these. */
  readonly #isProven: boolean[];
  #own: { readonly id: bigint; readonly address: string } | undefined;

  /** The members as they were named. */
  constructor(addresses: readonly string[]) {
    this.#addresses = addresses;
    this.#standings = addresses.map(() => 'unknown');
    this.#ids = addresses.map(() => 0n);
    this.#memberIds = addresses.map(() => 0n);
    this.#isProven = addresses.map(() => false);
  }

  /** Whether a member has answered for our cluster since a request to it last failed. */
  isOurs(at: number): boolean {
    return this.#standings[at] === 'ours';
  }

  /** A member did not answer: another one may be there when it does. */
  forget(at: number): void {
    if (this.#standings[at] === 'ours') this.#standings[at] = 'unknown';
  }

  /** A member has answered with these ids. The first answer says which cluster is ours. */
  heard(at: number, id: bigint, memberId: bigint): ClusterMembership {
    this.#own ??= { id, address: this.#addresses[at] };
    const isAnother = this.#ids[at] !== id || this.#memberIds[at] !== memberId;
    this.#ids[at] = id;
    this.#memberIds[at] = memberId;
    if (id === this.#own.id) return this.#heardOurs(at, isAnother);
    this.#standings[at] = 'foreign';
    return this.#standings.every((standing) => standing === 'foreign') ? 'replaced' : 'foreign';
  }

  #heardOurs(at: number, isAnother: boolean): ClusterMembership {
    if (isAnother) [this.#isProven[at], this.#standings[at]] = [false, 'unknown'];
    if (this.#standings[at] === 'foreign') return 'foreign';
    this.#isProven[at] ||= this.twinOf(at) === undefined;
    this.#standings[at] = this.#isProven[at] ? 'ours' : 'unknown';
    return 'ours';
  }

  /**
   * Another address that says it is the same member, where this one was compared with none: the one or the other may be another etcd. One that
   * answers before one that does not.
   */
  twinOf(at: number): number | undefined {
    const id = this.#memberIds[at];
    if (id === 0n || this.#isProven[at]) return undefined;
    const twins = [...this.#memberIds.keys()].filter(
      (index) => index !== at && this.#memberIds[index] === id && this.#isProven[index],
    );
    return twins.find((index) => this.isOurs(index)) ?? twins[0];
  }

  /** An address was compared with its twin: they are one etcd, or it is another one. */
  compared(at: number, isOne: boolean): void {
    this.#standings[at] = isOne ? 'ours' : 'foreign';
    this.#isProven[at] = isOne;
  }

  /** Which members are of another cluster than ours, in words; undefined where none has said so. */
  get problem(): string | undefined {
    const foreign = this.#addresses.flatMap((address, at) =>
      this.#standings[at] === 'foreign' ? [`${address} of ${this.#clusterOf(at)}`] : [],
    );
    if (this.#own === undefined || foreign.length === 0) return undefined;
    const own = `cluster ${this.#own.id.toString(16)}`;
    if (foreign.length === this.#addresses.length) {
      return `etcd was restored or made anew: this process began with ${own}, and now there is ${foreign.join(', ')}`;
    }
    const advice = '--journal has to name the members of one etcd: compare what etcdctl member list says at each';
    return `${this.#own.address} is a member of ${own}, and ${foreign.join(', ')}: ${advice}`;
  }

  #clusterOf(at: number): string {
    const id = this.#ids[at];
    const isNamesake = id === this.#own?.id;
    return isNamesake
      ? 'another cluster of the same ids (begun without --initial-cluster)'
      : `cluster ${id.toString(16)}`;
  }
}
