import type { Link } from '../model/link.js';
import type { NetworkServer } from '../model/server.js';

/** A server, and how many sessions are at home there. */
interface Entry {
  server: NetworkServer;
  sessions: number;
  /** The servers that it has a link to. A server has a link to each of its sessions too: looking for these among those is long. */
  readonly peers: Set<number>;
}

/** The servers of the network, by SID and by UUID. */
export class Servers {
  readonly #bySid = new Map<number, Entry>();

  /** How many there are, the lost ones included. */
  get count(): number {
    return this.#bySid.size;
  }

  /** Whether the node is a server's. */
  has(sid: number): boolean {
    return this.#bySid.has(sid);
  }

  get(sid: number): NetworkServer | undefined {
    return this.#bySid.get(sid)?.server;
  }

  /** Whether a server is there and serves. */
  isLive(sid: number): boolean {
    return this.#bySid.get(sid)?.server.isLive ?? false;
  }

  /** The server of a UUID in lower case. There are few, and this is not asked often. */
  ofUuid(uuid: string): NetworkServer | undefined {
    for (const { server } of this.#bySid.values()) if (server.uuid === uuid) return server;
    return undefined;
  }

  /** The server that serves under a name; the youngest, should two have the same. */
  named(name: string): NetworkServer | undefined {
    let found: NetworkServer | undefined;
    for (const { server } of this.#bySid.values()) if (server.isLive && server.name === name) found = server;
    return found;
  }

  /** All of them, the oldest first. */
  *all(): Iterable<NetworkServer> {
    for (const { server } of this.#bySid.values()) yield server;
  }

  /** How many sessions are at home at a server. */
  sessionsAt(sid: number): number {
    return this.#bySid.get(sid)?.sessions ?? 0;
  }

  /** The servers that a server has a link to, ascending. */
  peersOf(sid: number): number[] {
    return [...(this.#bySid.get(sid)?.peers ?? [])].sort((one, other) => one - other);
  }

  /** A server is there, or looks like this now. */
  put(server: NetworkServer): void {
    const entry = this.#bySid.get(server.sid);
    if (entry === undefined) this.#bySid.set(server.sid, { server, sessions: 0, peers: new Set() });
    else entry.server = server;
  }

  /** A server without sessions and links is there no more. */
  delete(sid: number): void {
    this.#bySid.delete(sid);
  }

  /** A session is at home at a server from now on. */
  arrived(sid: number): void {
    this.#at(sid).sessions++;
  }

  /** A session is at home there no more. */
  left(sid: number): void {
    this.#at(sid).sessions--;
  }

  /** A link came. Between two servers it is noted. */
  linked({ a, b }: Link): void {
    if (this.#bySid.size < 2) return;
    const [one, other] = [this.#bySid.get(a), this.#bySid.get(b)];
    if (one === undefined || other === undefined) return;
    one.peers.add(b);
    other.peers.add(a);
  }

  /** A link went. */
  unlinked({ a, b }: Link): void {
    if (this.#bySid.size < 2) return;
    this.#bySid.get(a)?.peers.delete(b);
    this.#bySid.get(b)?.peers.delete(a);
  }

  #at(sid: number): Entry {
    const entry = this.#bySid.get(sid);
    if (entry === undefined) throw new Error(`there is no server ${sid}`);
    return entry;
  }
}
