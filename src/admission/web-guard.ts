import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { type Address, isLoopback } from '../base/address.js';
import { ValueError } from '../base/value-error.js';

/** An origin (RFC 6454): what a browser says of the page that asks. */
export interface WebOrigin {
  /** As a browser writes it: lower case, without the port that its scheme has anyway. */
  readonly text: string;
  /** The host, without brackets. */
  readonly host: string;
}

/** Why a request of a browser is refused. */
export type WebCause = 'origin' | 'host';

/** A refusal, with what to do about it for whoever reads it. */
export interface WebRefusal {
  readonly cause: WebCause;
  readonly message: string;
}

/** Reads origins, separated by commas. Throws a {@link ValueError} that names the one that is wrong. */
export function parseOrigins(text: string): readonly WebOrigin[] {
  return text.split(',').map(readOrigin);
}

/**
 * Decides which requests of browsers a port answers. A browser lets every page in the world connect to whatever its user
 * can reach, loopback and all, and only says where the page is from. So:
 *
 * - `Origin` must be absent, as programs send none, or one of those that are allowed.
 * - `Host` must not be a strange name where the port listens on loopback. A page whose own name is made to lead here (DNS
 *   rebinding) is of one origin with this server for its browser, which then reads answers to it without saying `Origin`.
 *   Its name is in `Host`. An IP address cannot be made to lead elsewhere, so all of them pass, and so does the name
 *   that the port was told to listen on. A port that others can reach is given names that nobody here knows.
 */
export class WebGuard {
  readonly #origins: readonly WebOrigin[];
  readonly #host: string;
  readonly #bound: () => readonly Address[];
  readonly #option: string;

  /** `host` is what the port was told to listen on, and `bound` says on which addresses it does; `option` allows more origins. */
  constructor(origins: readonly WebOrigin[], host: string, bound: () => readonly Address[], option = '--ws-origin') {
    this.#origins = origins;
    this.#host = host.toLowerCase().replace(/\.$/, '');
    this.#bound = bound;
    this.#option = option;
  }

  /** Why a request is refused; undefined when it is not. */
  refuses({ headers }: Pick<IncomingMessage, 'headers'>): WebRefusal | undefined {
    const { origin, host } = headers;
    if (origin !== undefined && !this.#origins.some(({ text }) => text === origin.toLowerCase())) {
      return { cause: 'origin', message: `pages of ${shown(origin)} may not connect: see ${this.#option}` };
    }
    if (host === undefined || this.#isOurs(host)) return undefined;
    return { cause: 'host', message: `this server is not ${shown(host)}: use its address, or see ${this.#option}` };
  }

  #isOurs(text: string): boolean {
    // Others reach the port unless it listens on loopback alone, by whatever name it was told to.
    if (!this.#bound().every(isLoopback)) return true;
    const host = hostOf(text);
    if (host === undefined) return false;
    if (isIP(host) !== 0 || host === 'localhost' || host.endsWith('.localhost') || host === this.#host) return true;
    return this.#origins.some((origin) => origin.host === host);
  }
}

/** The host of a Host header, in lower case and without brackets; undefined when it is none. */
function hostOf(text: string): string | undefined {
  const found = /^(?:\[([0-9a-f:.]+)\]|([^\s:[\]/@?#]+))(?::\d{1,5})?$/i.exec(text);
  return (found?.[1] ?? found?.[2])?.toLowerCase();
}

function readOrigin(text: string): WebOrigin {
  if (text === '*') {
    throw new ValueError('"*" is not offered, as every page that somebody here visits could act in this network');
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isBare = url !== undefined && `${url.protocol}//${url.host}` === withoutDefaultPort(text.toLowerCase());
  if (!isBare || !/^https?:$/.test(url.protocol)) {
    const wanted = 'write http:// or https://, HOST and perhaps :PORT, and nothing behind';
    throw new ValueError(`${JSON.stringify(text)} is no origin: ${wanted}`);
  }
  return { text: url.origin, host: url.hostname.replace(/^\[|\]$/g, '') };
}

/** Browsers leave the port out that a scheme has anyway. */
function withoutDefaultPort(origin: string): string {
  return origin.replace(/^(http:.*):80$/, '$1').replace(/^(https:.*):443$/, '$1');
}

/** What somebody has sent, short enough for a line. */
function shown(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
