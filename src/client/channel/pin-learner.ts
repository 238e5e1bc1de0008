import type { Client } from '@grpc/grpc-js';
import { IdentityServiceService } from '../../../gen/switchyard/v1/identity.js';
import { type KnownPins, pinsIn } from './known-pins.js';

/** What grpc-js says of the connection that a call went over: one object for each connection. */
type Connection = NonNullable<ReturnType<ReturnType<Client['makeUnaryRequest']>['getAuthContext']>>;

/** What a {@link PinLearner} is made of. */
export interface PinLearnerDeps {
  /** As it was named: HOST:PORT. */
  readonly server: string;
  readonly known: KnownPins;
  /** Asks the server for its pins; false: it is away. Never rejects. */
  readonly ask?: (() => Promise<boolean>) | undefined;
}

/**
 * Learns the pins that one server tells, over the connections of one channel. Asks for them once at its first call, unless that asks itself:
 * a program that makes no proof would not hear of the next authority within its first hour.
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
    if (this.#hasAsked) return;
    this.#hasAsked = true;
    if (path === IdentityServiceService.challenge.path) return;
    void this.#deps.ask?.().then((isThere) => {
      // The next call asks again where there was no server.
      this.#hasAsked = isThere;
    });
  }

  /** Takes the pins of an answer. Those of one that came over an earlier connection are left: its root may be another one. */
  answered(path: string, answer: unknown, connection: Connection | null): void {
    const { server, known } = this.#deps;
    if (connection === null || this.#seen === undefined) return;
    // Where there was one connection only, it was that one: Node does not always say the certificate.
    const certificate = connection.sslPeerCertificate?.raw;
    const isLast = certificate !== undefined && this.#seen.certificate.equals(certificate);
    if (!isLast && this.#connections > 1) return;
    known.learn({ server, pins: pinsIn(path, answer), authority: this.#seen.root }, connection);
  }
}
