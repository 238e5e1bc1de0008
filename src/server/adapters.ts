import type { Config } from '../config/options.js';
import type { PortDeps } from '../system/adapters/port.js';
import { tcpAdapter } from '../system/adapters/tcp.js';
import { tlsAdapter } from '../system/adapters/tls.js';
import { wsAdapter } from '../system/adapters/ws.js';
import { wssAdapter } from '../system/adapters/wss.js';
import type { SystemLimits } from '../system/limits.js';
import type { Adapter, EncryptedAdapter } from '../transport/adapter.js';
import { askingTls, type CertificateKeeper } from './certificates/certificates.js';

/** The adapters of system events that the options ask for. None listens unless it was asked for. */
export function makeAdapters(
  config: Config,
  limits: SystemLimits,
  entry: Pick<PortDeps, 'admission' | 'gate' | 'certificateOf'>,
  certificates: CertificateKeeper | undefined,
): Adapter[] {
  const { systemTcpListen, systemTlsListen, systemWsListen, systemWssListen } = config;
  const { packetBytesMax: maxBlockBytes } = limits;
  const deps = { ...entry, origins: config.wsOrigins ?? [], maxBlockBytes };
  const adapters: Adapter[] = [];
  if (systemTcpListen !== undefined) adapters.push(tcpAdapter(systemTcpListen, deps));
  if (systemWsListen !== undefined) adapters.push(wsAdapter(systemWsListen, deps));
  if (certificates === undefined) return adapters;
  // The same certificate and the same question to clients as over gRPC.
  const { ca, identityCa } = certificates.files;
  const isAsked = ca !== undefined || identityCa !== undefined;
  const asked = isAsked ? { requestCert: true, rejectUnauthorized: ca !== undefined } : {};
  // The gate bounds the handshake: Node's own timer would count time in which the process was stopped.
  const tls = { ...askingTls(certificates.files), ...asked };
  const encrypted: EncryptedAdapter[] = [];
  if (systemTlsListen !== undefined) encrypted.push(tlsAdapter(systemTlsListen, deps, tls));
  if (systemWssListen !== undefined) encrypted.push(wssAdapter(systemWssListen, deps, tls));
  certificates.onChange((files) => {
    for (const adapter of encrypted) adapter.renew(askingTls(files));
  });
  return [...adapters, ...encrypted];
}
