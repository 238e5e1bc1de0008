import { X509Certificate } from 'node:crypto';
import type { Client } from '@grpc/grpc-js';
import { IdentityServiceService } from '../../../gen/switchyard/v1/identity.js';
import { asError } from '../../base/errors.js';
import { holdsPin, isPin, pinOf } from '../../trust/pin.js';
import { LIMITS } from '../limits.js';

/** The authority in use, and the next one. */
const PINS_MAX = 2;

/** Those of the last two or more changes of authority at other addresses: a client of months asks each hour where it is in use. */
const ALSO_MAX = 4;

/** What a server has told of its authorities, over a connection that was verified by a pin. */
export interface ToldPins {
  /** As it was named: HOST:PORT. */
  readonly server: string;
  /** One or two: of the authority in use, then of the next one. They take the place of those that were known of this server. */
  readonly pins: readonly Uint8Array[];
  /** The certificate by which the connection was verified, PEM. */
  readonly authority: Buffer;
}

/** Gets what a server has told of its authorities. */
export type TakePins = (told: ToldPins) => void | Promise<void>;

/** What one server has told last. */
interface ToldEntry {
  readonly pins: readonly Uint8Array[];
  /** Those of `pins` by which this server was verified: one that it tells no more was replaced. */
  readonly roots: readonly Uint8Array[];
  /** What other servers have told since, over connections that were verified by one of these; the latest last. */
  readonly also: readonly Uint8Array[];
  /** Whether `pins` are good at other addresses: they came by an authority that was good at any. */
  readonly isShared: boolean;
  readonly connection: object;
}

/**
 * The pins by which one client knows its servers: those that it was given, and what each server has told last. Only what comes over a
 * connection that was verified by one of these pins is taken.
 */
export class KnownPins {
  readonly #onPins: TakePins | undefined;
  /** Without those that a server has replaced since: their authority was given up. */
  #given: readonly Uint8Array[];
  /** By server. */
  readonly #told = new Map<string, ToldEntry>();
  /** Pins that a server has replaced and that are known of another one on: as many as those that are told. They are good there alone. */
  #replaced: readonly Uint8Array[] = [];

  constructor(given: readonly Uint8Array[], onPins?: TakePins) {
    if (!given.every(isPin)) throw new TypeError('tls.pins: a pin is a SHA-256, 32 bytes');
    this.#given = given;
    this.#onPins = onPins;
  }

  /**
   * By what to know a server now: what it has told goes before what was given. An address that has told nothing yet may be another one of a
   * server that has, so that what any has told is good there too, but for what one has replaced since. So is, at one that was not asked since,
   * what another of the same authority has told.
   */
  of(server: string): readonly Uint8Array[] {
    const told = this.#told.get(server);
    if (told !== undefined) return [...told.pins, ...without(told.also, told.pins)];
    return this.#shared();
  }

  /** Whether an authority, PEM, is one by which a server is known now. */
  holds(server: string, authority: Buffer): boolean {
    return holdsPin(this.of(server), pinOf(new X509Certificate(authority)));
  }

  /**
   * Takes what a server has told over a connection, which is any object that stands for it. Anything but one or two pins is not taken, nor what
   * comes over a connection that was verified by an authority that was given up, unless the pins that are known came over the same one. What
   * comes by an authority that was replaced elsewhere is good for this server alone, and takes nothing away that others have told.
   */
  learn(told: ToldPins, connection: object): void {
    const { server, pins } = told;
    if (pins.length === 0 || pins.length > PINS_MAX || !pins.every(isPin)) return;
    const root = pinOf(new X509Certificate(told.authority));
    const former = this.#told.get(server);
    const isStanding = former?.connection === connection;
    if (!holdsPin(this.of(server), root) && !isStanding) return;
    const isPresent = holdsPin(this.#shared(), root);
    // Replaced by this server, over this connection: what that tells goes on being good.
    const isShared = isPresent || (isStanding && former.isShared && !holdsPin(former.pins, root));
    const roots = [root, ...without(former?.roots ?? [], [root])];
    if (isPresent) this.#tellOthers(server, root, pins);
    this.#told.delete(server);
    const also = isPresent ? [] : (former?.also ?? []);
    this.#told.set(server, { pins, roots: pins.filter((pin) => holdsPin(roots, pin)), also, isShared, connection });
    if (isShared) this.#replace(without(roots, pins), pins);
    const [oldest] = this.#told.keys();
    if (this.#told.size > LIMITS.serversMax && oldest !== undefined) this.#told.delete(oldest);
    if (this.#onPins !== undefined) void tellLater(this.#onPins, told);
  }

  /** The pins that are good at any address. */
  #shared(): readonly Uint8Array[] {
    const pins = [...this.#told.values()].flatMap((entry) => (entry.isShared ? entry.pins : []));
    return [...this.#given, ...without(pins, this.#replaced)];
  }

  /** Adds pins at the other servers that are known by an authority. */
  #tellOthers(server: string, root: Uint8Array, pins: readonly Uint8Array[]): void {
    for (const [other, entry] of this.#told) {
      if (other === server || !holdsPin(this.of(other), root)) continue;
      const also = [...without(entry.also, pins), ...without(pins, entry.pins)].slice(-ALSO_MAX);
      this.#told.set(other, { ...entry, also });
    }
  }

  /** Gives pins up in favour of others, which are good again where they had been given up. */
  #replace(gone: readonly Uint8Array[], pins: readonly Uint8Array[]): void {
    this.#given = without(this.#given, gone);
    const replaced = [...without(this.#replaced, [...gone, ...pins]), ...gone];
    const entries = [...this.#told.values()];
    this.#replaced = replaced.filter((pin) => entries.some((entry) => holdsPin(entry.pins, pin)));
  }
}

function without(pins: readonly Uint8Array[], gone: readonly Uint8Array[]): Uint8Array[] {
  return pins.filter((pin) => !holdsPin(gone, pin));
}

/** Tells pins after the call that brought them has resolved: keeping them neither delays nor fails it. */
async function tellLater(take: TakePins, told: ToldPins): Promise<void> {
  try {
    await undefined;
    await take(told);
  } catch (error) {
    process.emitWarning(
      `tls.onPins: what ${told.server} tells of its authorities was not kept: ${asError(error).message}`,
    );
  }
}

/** The pins that an answer tells; none in any other answer than to Challenge. */
function pinsIn(path: string, answer: unknown): readonly Uint8Array[] {
  if (path !== IdentityServiceService.challenge.path) return [];
  if (typeof answer !== 'object' || answer === null || !('authorityPins' in answer)) return [];
  const { authorityPins } = answer;
  return Array.isArray(authorityPins) ? authorityPins.filter((pin) => pin instanceof Uint8Array) : [];
}

/** What grpc-js says of the connection that a call went over: one object for each connection. */
type Connection = NonNullable<ReturnType<ReturnType<Client['makeUnaryRequest']>['getAuthContext']>>;

/** What a {@link PinLearner} is made of. */
interface PinLearnerDeps {
  /** As it was named: HOST:PORT. */
  readonly server: string;
  readonly known: KnownPins;
  /** Asks the server for its pins; false: it was away, and may be asked again now. Never rejects. */
  readonly ask?: (() => Promise<boolean>) | undefined;
}

/**
 * Learns the pins that one server tells, over the connections of one channel. Asks for them beside its first call, unless a call has asked
 * itself: a program that makes no proof would not hear of the next authority within its first hour.
 */
export class PinLearner {
  readonly #deps: PinLearnerDeps;
  /** The server's certificate on the last connection, and the root by which it was verified. */
  #seen: { readonly certificate: Buffer; readonly root: Buffer } | undefined;
  #connections = 0;
  #hasAsked = false;

  constructor(deps: PinLearnerDeps) {
    this.#deps = deps;
  }

  /** Whether the last connection was verified by an authority that was given up since. */
  get isGivenUp(): boolean {
    const { server, known } = this.#deps;
    return this.#seen !== undefined && !known.holds(server, this.#seen.root);
  }

  /** Takes the server's certificate of a new connection, and the root by which it was verified. */
  seen(certificate: Buffer, root: Buffer): void {
    this.#seen = { certificate, root };
    this.#connections++;
  }

  /** A call is about to be made. */
  calling(path: string): void {
    if (this.#hasAsked || path === IdentityServiceService.challenge.path) return;
    this.#hasAsked = true;
    void this.#deps.ask?.().then((isThere) => {
      // The next call asks again where there was no server.
      this.#hasAsked = isThere;
    });
  }

  /** Takes the pins of an answer. Those of one that came over an earlier connection are left: its root may be another one. */
  answered(path: string, answer: unknown, connection: Connection | null): void {
    const { server, known } = this.#deps;
    if (path === IdentityServiceService.challenge.path) this.#hasAsked = true;
    if (connection === null || this.#seen === undefined) return;
    // Where there was one connection only, it was that one: Node does not always say the certificate.
    const certificate = connection.sslPeerCertificate?.raw;
    const isLast = certificate !== undefined && this.#seen.certificate.equals(certificate);
    if (!isLast && this.#connections > 1) return;
    known.learn({ server, pins: pinsIn(path, answer), authority: this.#seen.root }, connection);
  }
}
