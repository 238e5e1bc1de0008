import { AttendedTime } from '../base/attended-time.js';
import type { Timer } from '../base/clock.js';
import { Fence } from '../base/fence.js';
import { Holdings } from '../base/holdings.js';
import { SharedBytes } from '../base/shared-bytes.js';
import type { Change } from '../core/model/change.js';
import { draining } from '../core/model/draining.js';
import type { Fault } from '../core/model/fault.js';
import { type NetworkRef, namesOf } from '../core/model/network.js';
import type { Position } from '../core/model/position.js';
import type { Pipe, Receiver } from '../transport/pipe.js';
import type { Answers } from './conversation/answers.js';
import type { SystemBacking } from './conversation/backing.js';
import { SystemPeer } from './conversation/peer.js';
import { SystemNetwork } from './network.js';

/** How often connections are looked at: a bound in time is kept to this. */
const LOOK_MS = 1_000;

/**
 * The door of system events: all connections, whichever adapter brought them.
 *
 * It is a publisher of the replica, told of every change after the feeds: so that a session's end closes its connection, and the
 * sinks of a new stream are opened for the clients that have asked for the data of all their branches (Open without an id).
 */
export class SystemDoor {
  private readonly peers = new Set<SystemPeer>();
  /** By name and by number. */
  private readonly networks = new Map<string | number, SystemNetwork>();
  /** The network of each connection. */
  private readonly places = new Map<SystemPeer, SystemNetwork>();
  private readonly main: SystemNetwork;
  private readonly time: AttendedTime;
  private timer: Timer | undefined;
  private isClosing = false;
  private emptied: (() => void) | undefined;
  /** What each connection is told while the server goes down, the next one its own turn to come back in. */
  private drained: (() => Fault) | undefined;

  private readonly fence: Fence;
  private readonly partials: Holdings<SystemPeer>;
  private readonly unsent: Holdings<SystemPeer>;
  private readonly sharedUnsent: SharedBytes<SystemPeer>;
  private readonly remembered: Holdings<Answers>;
  /** Looks whether a connection has passed a bound by doing nothing. */
  private readonly look: (peer: SystemPeer, nowMs: number) => void;

  constructor(private readonly backing: SystemBacking) {
    this.fence = new Fence(backing);
    this.time = new AttendedTime(backing.clock, 2 * LOOK_MS);
    const { partialBytesMax, outBytesInAllMax, answersBytesInAllMax } = backing.limits;
    this.partials = new Holdings({ bytesMax: partialBytesMax, expel: (peer) => peer.expel('partial') });
    this.unsent = new Holdings({ bytesMax: outBytesInAllMax, expel: (peer) => peer.expel('untaken') });
    this.sharedUnsent = new SharedBytes(this.unsent);
    this.remembered = new Holdings({ bytesMax: answersBytesInAllMax, expel: (answers) => answers.forgetDone() });
    this.look = this.fence.around(
      'system',
      (peer: SystemPeer, nowMs: number) => peer.check(nowMs),
      (peer) => peer.destroy(),
    );
    this.main = this.addNetwork(backing);
    this.scheduleLook();
  }

  /** Lets connections be about one more network. Answers with what is to be told of its changes. */
  addNetwork(backing: SystemBacking): SystemNetwork {
    const { network: ref } = backing.gatekeeper;
    const network = new SystemNetwork(backing, this.remembered);
    for (const key of [ref.number, ...namesOf(ref)]) this.networks.set(key, network);
    return network;
  }

  /** There is no such network any more: its connections are told so, and closed. */
  removeNetwork(ref: NetworkRef, why: Fault): void {
    const network = this.networks.get(ref.number);
    for (const key of [ref.number, ...namesOf(ref)]) this.networks.delete(key);
    for (const [peer, place] of this.places) if (place === network) peer.drain(why);
    network?.forget();
  }

  /** How many connections are open. */
  get connectionCount(): number {
    return this.peers.size;
  }

  /** Bytes that are held for clients: what they do not take, packets that are not complete, and remembered answers. */
  heldBytes(): { readonly out: number; readonly partial: number; readonly remembered: number } {
    return { out: this.unsent.total, partial: this.partials.total, remembered: this.remembered.total };
  }

  /** Takes over a connection, or refuses it where there are too many. */
  readonly accept = (pipe: Pipe): Receiver | undefined => this.acceptIn(this.main, pipe);

  /**
   * The same for one in plain text from another machine: it is closed when it is to be about a network where callers have to prove who
   * they are, as what is on its way could take it over after a proof.
   */
  readonly acceptFar = (pipe: Pipe): Receiver | undefined => this.acceptIn(this.main, pipe, true);

  /** The same for a connection that is about one network, unless it says otherwise. It is closed where that is gone. */
  acceptFor({ number }: NetworkRef): (pipe: Pipe) => Receiver | undefined {
    return (pipe) => {
      const network = this.networks.get(number);
      if (network !== undefined) return this.acceptIn(network, pipe);
      pipe.destroy();
      return undefined;
    };
  }

  private acceptIn(network: SystemNetwork, pipe: Pipe, isExposed = false): Receiver | undefined {
    // What comes inside of gRPC has come through another door's gate, and takes a place here besides.
    const place = pipe.place ?? this.backing.gate.enter(pipe.remote, () => pipe.destroy());
    if (place === undefined) {
      pipe.destroy();
      return undefined;
    }
    place.establish();
    let at = network;
    const peer: SystemPeer = new SystemPeer(
      {
        get backing() {
          return at.backing;
        },
        time: this.time,
        moveTo: (wanted) => {
          const found = this.networks.get(wanted);
          if (isExposed && found?.backing.gatekeeper.mode === 'required') {
            pipe.destroy();
            return false;
          }
          at = found ?? this.main;
          this.places.set(peer, at);
          return found !== undefined;
        },
        entered: (entered, sid) => {
          at.entered(entered, sid);
          place.setBusy(true);
        },
        vouch: () => {
          place.vouch();
          pipe.vouched?.();
        },
        answersOf: (sid) => at.answersOf(sid),
        partials: this.partials,
        unsent: this.unsent,
        sharedUnsent: this.sharedUnsent,
        guard: (part) => this.fence.around('system', part, () => pipe.destroy()),
        left: (left) => {
          place.leave();
          this.forget(left);
        },
      },
      pipe,
    );
    this.peers.add(peer);
    this.places.set(peer, at);
    if (this.drained !== undefined) peer.drain(this.drained());
    return this.fenced(peer, pipe);
  }

  /** The same, and what it does with what comes never throws: a fault closes this connection and no other. */
  private fenced(peer: SystemPeer, pipe: Pipe): Receiver {
    const end = () => pipe.destroy();
    const around = <A extends readonly unknown[]>(part: (...args: A) => void) => this.fence.around('system', part, end);
    return {
      packet: around((bytes: Uint8Array) => peer.packet(bytes)),
      garbled: around((fault: Fault) => peer.garbled(fault)),
      partial: around((bytes: number) => peer.partial(bytes)),
      ended: around(() => peer.ended()),
      drained: around(() => peer.drained()),
      closed: around(() => peer.closed()),
    };
  }

  /** Told of every command that was applied to the default network. */
  publish(position: Position, changes: readonly Change[]): void {
    this.main.publish(position, changes);
  }

  /**
   * Tells every client that the server goes down, once what it has asked is answered. Resolves when all connections are closed, or the
   * deadline has passed and they were cut off.
   */
  async close(deadlineMs: number): Promise<void> {
    this.isClosing = true;
    this.timer?.cancel();
    let nth = 0;
    const livesMs = this.backing.replica.leases.livesMs();
    const drained = () => draining(nth++, livesMs);
    this.drained = drained;
    for (const peer of this.peers) peer.drain(drained());
    if (this.peers.size === 0) return;
    await new Promise<void>((resolve) => {
      this.emptied = resolve;
      this.timer = this.backing.clock.after(deadlineMs, resolve);
    });
    this.timer?.cancel();
    for (const peer of this.peers) peer.giveUp();
    for (const peer of this.peers) peer.destroy();
  }

  private forget(peer: SystemPeer): void {
    this.peers.delete(peer);
    if (this.peers.size === 0) this.emptied?.();
    this.places.get(peer)?.left(peer);
    this.places.delete(peer);
  }

  private scheduleLook(): void {
    const { clock } = this.backing;
    // After what the kernel has got was read: when the process was stopped, the timer goes off first.
    this.timer = clock.after(LOOK_MS, () => clock.soon(() => this.lookAtAll()));
  }

  private lookAtAll(): void {
    if (this.isClosing) return;
    const nowMs = this.time.look();
    for (const peer of this.peers) this.look(peer, nowMs);
    this.scheduleLook();
  }
}
