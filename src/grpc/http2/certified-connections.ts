import type { TLSSocket } from 'node:tls';
import type { CertificateClaim } from '../../core/model/trust/certificate.js';

interface Entry {
  readonly claim: CertificateClaim | undefined;
}

/** What each TLS connection has shown, by the name that grpc-js has for it. As many are remembered as are open. */
export class CertifiedConnections {
  readonly #byName = new Map<string, Set<Entry>>();

  /** Remembers a connection, with or without a certificate, until it is closed. */
  add(socket: Pick<TLSSocket, 'remoteAddress' | 'remotePort' | 'once'>, claim: CertificateClaim | undefined): void {
    const name = `${socket.remoteAddress}:${socket.remotePort}`;
    const entry = { claim };
    const entries = this.#byName.get(name) ?? new Set();
    this.#byName.set(name, entries.add(entry));
    socket.once('close', () => {
      entries.delete(entry);
      if (entries.size === 0 && this.#byName.get(name) === entries) this.#byName.delete(name);
    });
  }

  /**
   * What the connection of that name has shown. Of two that share a name, as behind a proxy with several addresses, nobody can say whose
   * call it is: their certificates prove nothing.
   */
  of(name: string): CertificateClaim | undefined {
    const entries = this.#byName.get(name);
    if (entries === undefined || entries.size !== 1) return undefined;
    const [{ claim }] = entries;
    return claim;
  }
}
