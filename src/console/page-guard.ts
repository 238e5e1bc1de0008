import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { WebOrigin, WebRefusal } from '../admission/web-guard.js';

/**
 * Decides which requests the console's port answers: those of its own page, and of no other page that its user visits.
 *
 * - `Host` must be a loopback name, the address that the port was told to listen on, an IP address, or the host of an
 *   origin that was allowed: a page whose own name is made to lead here (DNS rebinding) comes with its name.
 * - Where something is changed or opened, `Origin` must be there, and be the page's own or one that was allowed.
 */
export class PageGuard {
  readonly #origins: readonly WebOrigin[];
  readonly #listens: string;
  readonly #scheme: 'http' | 'https';

  constructor(origins: readonly WebOrigin[], listens: string, isSecure: boolean) {
    this.#origins = origins;
    this.#listens = listens.toLowerCase();
    this.#scheme = isSecure ? 'https' : 'http';
  }

  /** Why a request that only reads is refused; undefined when it is not. */
  refusesHost({ headers }: Pick<IncomingMessage, 'headers'>): WebRefusal | undefined {
    const host = hostOf(headers.host ?? '');
    if (host !== undefined && this.#isOurs(host)) return undefined;
    const shown = JSON.stringify((headers.host ?? '').slice(0, 100));
    return { cause: 'host', message: `this console is not ${shown}: use its address, or see --console-origin` };
  }

  /** Why a request that changes or opens something is refused; undefined when it is not. */
  refuses(request: Pick<IncomingMessage, 'headers'>): WebRefusal | undefined {
    const refusal = this.refusesHost(request);
    if (refusal !== undefined) return refusal;
    const { origin, host } = request.headers;
    const given = origin?.toLowerCase();
    if (given === `${this.#scheme}://${host?.toLowerCase()}`) return undefined;
    if (this.#origins.some(({ text }) => text === given)) return undefined;
    const shown = JSON.stringify((origin ?? '').slice(0, 100));
    return { cause: 'origin', message: `pages of ${shown} may not act here: see --console-origin` };
  }

  #isOurs(host: string): boolean {
    if (isIP(host) !== 0 || host === 'localhost' || host.endsWith('.localhost')) return true;
    return host === this.#listens || this.#origins.some((origin) => origin.host === host);
  }
}

/** The host of a Host header, in lower case and without brackets; undefined when it is none. */
function hostOf(text: string): string | undefined {
  const found = /^(?:\[([0-9a-f:.]+)\]|([^\s:[\]/@?#]+))(?::\d{1,5})?$/i.exec(text);
  return (found?.[1] ?? found?.[2])?.toLowerCase();
}
