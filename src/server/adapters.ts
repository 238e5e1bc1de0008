import type { Admission } from '../admission/admission.js';
import type { ConnectionGate } from '../admission/connection-gate.js';
import { readNamedFile } from '../base/private-files.js';
import type { Config } from '../config/config.js';
import { tcpAdapter } from '../system/adapters/tcp.js';
import { tlsAdapter } from '../system/adapters/tls.js';
import { wsAdapter } from '../system/adapters/ws.js';
import { wssAdapter } from '../system/adapters/wss.js';
import type { SystemLimits } from '../system/limits.js';
import type { Adapter } from '../transport/adapter.js';

/** The adapters of system events that the options ask for. None listens unless it was asked for. */
export async function makeAdapters(
  config: Config,
  limits: SystemLimits,
  entry: { readonly admission: Admission; readonly gate: ConnectionGate },
): Promise<Adapter[]> {
  const { systemTcpListen, systemTlsListen, systemWsListen, systemWssListen } = config;
  const { packetBytesMax: maxBlockBytes, handshakeMs } = limits;
  const deps = { ...entry, origins: config.wsOrigins ?? [], maxBlockBytes };
  const adapters: Adapter[] = [];
  if (systemTcpListen !== undefined) adapters.push(tcpAdapter(systemTcpListen, deps));
  if (systemWsListen !== undefined) adapters.push(wsAdapter(systemWsListen, deps));
  if (systemTlsListen === undefined && systemWssListen === undefined) return adapters;
  const tls = { ...(await certificates(config)), handshakeTimeout: handshakeMs };
  if (systemTlsListen !== undefined) adapters.push(tlsAdapter(systemTlsListen, deps, tls));
  if (systemWssListen !== undefined) adapters.push(wssAdapter(systemWssListen, deps, tls));
  return adapters;
}

/** The same certificate and the same question to clients as over gRPC. The options have been checked to be there. */
async function certificates({ tlsCert, tlsKey, tlsClientCa }: Config) {
  const [cert, key] = [readNamedFile(tlsCert!), readNamedFile(tlsKey!)];
  if (tlsClientCa === undefined) return { cert, key };
  return { cert, key, ca: readNamedFile(tlsClientCa), requestCert: true, rejectUnauthorized: true };
}
