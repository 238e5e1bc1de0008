import type { Session } from '../model/session.js';
import type { Graph } from './graph.js';
import { Instances } from './instances.js';
import { Arena } from './packed/arena.js';
import type { HashKey } from './packed/halfsiphash.js';
import {
  homeIn,
  isOfInstance,
  labelCountOf,
  openedRevisionOf,
  packedBytesMax,
  readSession,
  sidOf,
  ttlOf,
  writeSession,
} from './packed/packed-session.js';

/** A session as it was when it was asked for, to be read later, whatever has come of it since. */
export interface HeldSession {
  readonly sid: number;
  /** Bytes of its texts and numbers, at least. */
  readonly packedBytes: number;
  readonly labelCount: number;
  read(): Session;
}

/**
 * The live sessions, by SID and by instance. A session lies packed in its node's slot of an arena, and is an object only
 * for whoever asks for it.
 */
export class Sessions {
  private readonly arena = new Arena();
  private readonly instances: Instances;
  /** The SIDs of sessions that are another identity's than their instance's, by that identity: 32 of a person at most. */
  private readonly ofOthers = new Map<string, Set<number>>();
  private live = 0;

  constructor(
    private readonly graph: Graph,
    key: HashKey,
  ) {
    this.instances = new Instances(key, (slot, uuid) => isOfInstance(this.arena.entry(slot), uuid));
  }

  /** How many sessions live. */
  get count(): number {
    return this.live;
  }

  /** Whether the session lives. */
  has(sid: number): boolean {
    return this.arena.has(this.graph.slotOf(sid));
  }

  get(sid: number): Session | undefined {
    return this.at(this.graph.slotOf(sid));
  }

  /**
   * A session that is read later: many can be held in no time, where reading a large one takes a tenth of a millisecond. It shares the
   * bytes of the arena: until it is let go, the whole segment of 256 KiB at most that it lies in stays in memory. Hold none beyond a call.
   */
  hold(sid: number): HeldSession | undefined {
    const slot = this.graph.slotOf(sid);
    const entry = this.arena.get(slot);
    if (entry === undefined) return undefined;
    const packedBytes = this.arena.sizeAt(slot);
    return { sid, packedBytes, labelCount: labelCountOf(entry), read: () => readSession(entry) };
  }

  /** A session that is known to live. */
  living(sid: number): Session {
    const session = this.get(sid);
    if (session === undefined) throw new Error(`session ${sid} does not live`);
    return session;
  }

  /** The session of an instance; the UUID in lower case. */
  ofInstance(uuid: string): Session | undefined {
    return this.at(this.instances.get(uuid));
  }

  /** The SID of an instance's session, without reading the rest of it; undefined where it has none. */
  sidOfInstance(uuid: string): number | undefined {
    const entry = this.arena.get(this.instances.get(uuid));
    return entry && sidOf(entry);
  }

  /** The sessions of an identity, its own instance's among them, whoever opened that; by ascending SID. */
  ofIdentity(uuid: string): Session[] {
    const own = this.ofInstance(uuid);
    const others = [...(this.ofOthers.get(uuid) ?? [])].map((sid) => this.living(sid));
    return [...(own === undefined ? [] : [own]), ...others].sort((one, other) => one.sid - other.sid);
  }

  /** The TTL of the session in a slot of the graph; undefined in a free slot and in a server's. */
  ttlAt(slot: number): number | undefined {
    const entry = this.arena.get(slot);
    return entry && ttlOf(entry);
  }

  /** The server that a session is at, by its SID; 0 of the one that founded the network, undefined of a session that does not live. */
  homeOf(sid: number): number | undefined {
    const entry = this.arena.get(this.graph.slotOf(sid));
    return entry && homeIn(entry);
  }

  /** The revision in which a session was opened that lives. */
  openedRevision(sid: number): number {
    return openedRevisionOf(this.arena.entry(this.graph.slotOf(sid)));
  }

  /** All of them as they are now, to be read again and again, whatever comes and goes later. */
  copy(): Iterable<Session> {
    const entries = this.arena.copy();
    return {
      *[Symbol.iterator]() {
        for (const entry of entries) yield readSession(entry);
      },
    };
  }

  /** The SIDs past this one, ascending, those of servers among them; 0 for all. */
  sidsAscending(sid: number): Iterable<number> {
    return this.graph.sidsAscending(sid);
  }

  /** Adds a session whose node is there already. */
  add(session: Session): void {
    const slot = this.graph.slotOf(session.sid);
    this.write(slot, session);
    this.instances.add(session.uuid, slot);
    if (session.identity !== undefined) {
      const sids = this.ofOthers.get(session.identity) ?? new Set();
      this.ofOthers.set(session.identity, sids.add(session.sid));
    }
    this.live++;
  }

  /** A session is at another server: this is how it looks now. */
  move(session: Session): void {
    this.write(this.graph.slotOf(session.sid), session);
  }

  /** The session goes on without the stream that it had from the start. */
  forgetStream(sid: number): void {
    this.write(this.graph.slotOf(sid), { ...this.living(sid), streamId: 0 });
  }

  /** Removes a session whose node is still there. */
  remove({ sid, uuid, identity }: Session): void {
    this.instances.delete(uuid);
    if (identity !== undefined) {
      const sids = this.ofOthers.get(identity);
      sids?.delete(sid);
      if (sids?.size === 0) this.ofOthers.delete(identity);
    }
    this.arena.delete(this.graph.slotOf(sid));
    this.live--;
  }

  private at(slot: number): Session | undefined {
    const entry = this.arena.get(slot);
    return entry && readSession(entry);
  }

  private write(slot: number, session: Session): void {
    this.arena.put(slot, packedBytesMax(session), (to) => writeSession(session, to));
  }
}
