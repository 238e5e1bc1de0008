import type { Server } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Admission } from '../../admission/admission.js';
import type { ConnectionGate } from '../../admission/connection-gate.js';
import type { WebOrigin } from '../../admission/web-guard.js';
import type { Address } from '../../base/address.js';
import type { CertificateClaim } from '../../core/model/trust/certificate.js';
import type { Adapter } from '../../transport/adapter.js';
import type { Accept } from '../../transport/pipe.js';
import { reachableAddresses } from '../../transport/reachable.js';

/** What every adapter with a port of its own stands on. */
export interface PortDeps {
  readonly admission: Admission;
  /** The places of all transports of system events. */
  readonly gate: ConnectionGate;
  /** Origins of web pages that may connect. */
  readonly origins: readonly WebOrigin[];
  readonly maxBlockBytes: number;
  /** What the other end of a TLS connection has shown; absent where no certificate says who somebody is. */
  readonly certificateOf?: CertificateOf | undefined;
}

/** Reads the client certificate of a TLS connection; undefined for one without. */
export type CertificateOf = (socket: TLSSocket) => CertificateClaim | undefined;

/** A transport, before it has a port: a server of Node that does not listen itself, and how its connections are taken. */
export interface Service {
  readonly codeName: string;
  readonly encrypted: boolean;
  readonly server: Server;
  /** `bound` says on which addresses it listens, once it does. */
  serve(accept: Accept, bound: () => readonly Address[]): void;
}

/** Gives a transport its port. */
export function portAdapter(wanted: Address, deps: PortDeps, service: Service): Adapter {
  const { codeName, encrypted, server } = service;
  const listener = deps.admission.listener(codeName, deps.gate, server);
  let addresses: readonly string[] = [];
  return {
    codeName,
    maxBlockBytes: deps.maxBlockBytes,
    encrypted,
    get addresses() {
      return addresses;
    },
    async listen(accept) {
      service.serve(accept, () => listener.bound);
      addresses = reachableAddresses(await listener.listen(wanted));
    },
    close: () => Promise.resolve(listener.close()),
  };
}
