import type { TLSSocket } from 'node:tls';
import { ServerCredentials } from '@grpc/grpc-js';
import type { Clock } from '../../base/clock.js';
import type { Config } from '../../config/options.js';
import type { CertificateClaim } from '../../core/model/trust/certificate.js';
import { askingTls, type CertificateKeeper } from './certificates.js';

/**
 * Reads what clients have shown, where certificates say who somebody is; undefined where they do not. The code for it is loaded then
 * only.
 */
export async function certificateReader({
  config,
  clock,
}: {
  readonly config: Pick<Config, 'identityCa'>;
  readonly clock: Clock;
}): Promise<((socket: TLSSocket) => CertificateClaim | undefined) | undefined> {
  if (config.identityCa === undefined) return undefined;
  const { certificateOf } = await import('./client-certificates.js');
  return (socket) => certificateOf(socket, clock);
}

/** How gRPC speaks; without certificates, in plain text. */
export function grpcCredentials(certificates: CertificateKeeper | undefined): ServerCredentials {
  if (certificates === undefined) return ServerCredentials.createInsecure();
  const { files } = certificates;
  const { cert, key, ca = null } = askingTls(files);
  return ServerCredentials.createSsl(ca, [{ cert_chain: cert, private_key: key }], files.ca !== undefined);
}
