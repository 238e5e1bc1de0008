/** A server of the network, as the others hear of it. */
export interface RosterServer {
  readonly name: string;
  /** Where other servers reach it, HOST:PORT. */
  readonly peerAddress: string;
  /** At which addresses clients reach it, HOST:PORT; none where a balancer is the only way in. */
  readonly addresses: readonly string[];
  /** How many sessions are attached there. */
  readonly attachedCount: number;
}

/** The servers that live, as this one heard last. It outlives the leader that said it. */
export class ServerAddresses {
  readonly #self: () => RosterServer;
  #heard: readonly RosterServer[] = [];
  #addresses: readonly string[] = [];

  constructor(self: () => RosterServer) {
    this.#self = self;
  }

  /** What this server is to the others. */
  get self(): RosterServer {
    return this.#self();
  }

  /** Takes what the leader has heard. Undefined: it says nothing. */
  learn(servers: readonly RosterServer[] | undefined): void {
    if (servers !== undefined) this.#heard = servers;
  }

  /** All of them, this one first. */
  get servers(): readonly RosterServer[] {
    const { self } = this;
    return [self, ...this.#heard.filter(({ name }) => name !== self.name)];
  }

  /** All others, those that are heard and not known yet too, and whether each is heard. */
  whoIsHeard(heard: readonly string[]): ReadonlyMap<string, boolean> {
    const { self, servers } = this;
    const names = [...servers.map(({ name }) => name), ...heard].filter((name) => name !== self.name);
    return new Map(names.map((name) => [name, heard.includes(name)]));
  }

  /** At which addresses clients reach them. The same array for as long as these are the same. */
  get addresses(): readonly string[] {
    const addresses = [...new Set(this.servers.flatMap((server) => server.addresses))].sort();
    if (addresses.join() !== this.#addresses.join()) this.#addresses = addresses;
    return this.#addresses;
  }

  /** The same of the others. */
  get others(): readonly string[] {
    const own = this.self.addresses;
    return this.addresses.filter((address) => !own.includes(address));
  }

  /** How many sessions are attached at one server, by the mean of all to which clients may go. Undefined: to no other one. */
  get meanAttached(): number | undefined {
    const open = this.servers.filter(({ addresses }) => addresses.length > 0);
    if (open.length < 2) return undefined;
    return open.reduce((sum, { attachedCount }) => sum + attachedCount, 0) / open.length;
  }
}
