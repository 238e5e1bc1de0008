import { IdentityServiceService } from '../../../gen/switchyard/v1/identity.js';
import { asError } from '../../base/errors.js';
import { isPin } from '../../trust/pin.js';
import { LIMITS } from '../limits.js';

/** The authority in use, and the next one. */
const PINS_MAX = 2;

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

/**
 * The pins by which one client knows its servers: those that it was given, and what each server has told last. Servers are asked in every
 * challenge, and only what comes over a connection that was verified by one of these pins is taken.
 */
export class KnownPins {
  readonly #given: readonly Uint8Array[];
  readonly #onPins: TakePins | undefined;
  /** By server. */
  readonly #told = new Map<string, readonly Uint8Array[]>();

  constructor(given: readonly Uint8Array[], onPins?: TakePins) {
    if (!given.every(isPin)) throw new TypeError('tls.pins: a pin is a SHA-256, 32 bytes');
    this.#given = given;
    this.#onPins = onPins;
  }

  /**
   * By what to know a server now: what it has told goes before what was given, whose authority may have been given up since. An address
   * that has told nothing yet may be another one of a server that has, so that what any has told is good there too.
   */
  of(server: string): readonly Uint8Array[] {
    return this.#told.get(server) ?? [...this.#given, ...[...this.#told.values()].flat()];
  }

  /** Takes what a server has told. Anything but one or two pins is not taken. */
  learn(told: ToldPins): void {
    const { server, pins } = told;
    if (pins.length === 0 || pins.length > PINS_MAX || !pins.every(isPin)) return;
    this.#told.delete(server);
    this.#told.set(server, pins);
    const [oldest] = this.#told.keys();
    if (this.#told.size > LIMITS.serversMax && oldest !== undefined) this.#told.delete(oldest);
    if (this.#onPins !== undefined) void tellLater(this.#onPins, told);
  }
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
export function pinsIn(path: string, answer: unknown): readonly Uint8Array[] {
  if (path !== IdentityServiceService.challenge.path) return [];
  if (typeof answer !== 'object' || answer === null || !('authorityPins' in answer)) return [];
  const { authorityPins } = answer;
  return Array.isArray(authorityPins) ? authorityPins.filter((pin) => pin instanceof Uint8Array) : [];
}
