import type { Fault } from '../fault.js';

/** Whom a client certificate is of: a URI `spiffe://TRUST-DOMAIN/network/NETWORK/instance/UUID`, and until when it is good. */
export interface ShownCertificate {
  readonly uri: string;
  readonly trustDomain: string;
  readonly network: string;
  /** In lower case. */
  readonly uuid: string;
  /** Wall clock. */
  readonly goodUntilMs: number;
}

/** What a connection has shown: a certificate that says whom it is of, or one that is not taken, and why. */
export type CertificateClaim = ShownCertificate | Fault;
