import type { Socket } from 'node:net';

/** Why a connection is refused or closed at a gate. */
export type GateCause =
  /** All places are taken, and everybody there works or has shown a credential. */
  | 'full'
  /** All places of its address are taken. */
  | 'address'
  /** It had no call for longest when another needed its place. */
  | 'silent'
  /** It did not finish its handshake in time. */
  | 'handshake'
  /** It stood in a place that is kept for connections with a credential, and had not shown one in time, or when a newcomer came. */
  | 'unproven';

/** The gate, as a place needs it. */
export interface PlaceOwner {
  /** What is known of the connection has changed. */
  changed(place: Place): void;
  /** The connection is over. */
  leave(place: Place): void;
}

/** What is known of a connection when it takes its place. */
export interface PlaceFacts {
  /** Its address, plain. */
  readonly address: string;
  /** What the address counts as; undefined for one without a bound. */
  readonly key: string | undefined;
  /** By the time of the gate. */
  readonly enteredMs: number;
  /** Whether this is one of the places that are kept for connections with a credential. */
  readonly isKept: boolean;
  readonly close: (cause: GateCause) => void;
}

const PLACE = Symbol('place');

/** A socket, or the TLS that is spoken over one, knows its place. */
interface PlacedSocket {
  [PLACE]?: Place | undefined;
}

/**
 * The place of one connection at its door. The door says here what it learns of the connection, and the gate decides by it.
 */
export class Place {
  readonly address: string;
  readonly key: string | undefined;
  readonly enteredMs: number;
  /** Since when the gate waits for its handshake or credential: later than it entered when its client had to wait for the server. */
  awaitedMs: number;
  readonly isKept: boolean;
  /**
   * Whether its client waits for the server: what it has sent is not read, or waits for the turn of its address. A door that
   * makes its clients wait puts its own answer in here.
   */
  isHeld: () => boolean = () => false;
  /** Ends the connection. A door that can say why to the client puts its own way in here. */
  close: (cause: GateCause) => void;
  readonly #gate: PlaceOwner;
  #isEstablished = false;
  #isVouched = false;
  #isBusy = false;

  constructor(gate: PlaceOwner, { address, key, enteredMs, isKept, close }: PlaceFacts) {
    this.#gate = gate;
    this.address = address;
    this.key = key;
    this.enteredMs = enteredMs;
    this.awaitedMs = enteredMs;
    this.isKept = isKept;
    this.close = close;
  }

  /** The place of the connection that a socket is of; undefined for a socket that came past every gate. */
  static of(socket: object | undefined): Place | undefined {
    return (socket as PlacedSocket | undefined)?.[PLACE];
  }

  /** Whether its handshake is over. */
  get isEstablished(): boolean {
    return this.#isEstablished;
  }

  /** Whether it has shown a credential. */
  get isVouched(): boolean {
    return this.#isVouched;
  }

  /** Whether it has a call, or a session. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** From now on this socket is known to have this place. */
  attachTo(socket: Socket): void {
    (socket as PlacedSocket)[PLACE] = this;
  }

  /** Its handshake is over: it speaks what this door speaks. */
  establish(): void {
    if (this.#isEstablished) return;
    this.#isEstablished = true;
    this.#gate.changed(this);
  }

  /** It has shown a valid credential: a session's token, an administrator's, a client certificate. */
  vouch(): void {
    if (this.#isVouched) return;
    this.#isVouched = true;
    this.#gate.changed(this);
  }

  /** Its first call has begun, or its last has ended. */
  setBusy(isBusy: boolean): void {
    if (this.#isBusy === isBusy) return;
    this.#isBusy = isBusy;
    this.#gate.changed(this);
  }

  /** Its connection is over. */
  leave(): void {
    this.#gate.leave(this);
  }
}
